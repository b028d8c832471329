#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "service/cli/client.h"
#include "service/cli/row_source.h"

namespace ordinate::cli {

/// What a bulk load did, complete or not.
struct LoadResult {
  uint64_t rows = 0;          // acknowledged
  std::string last_position;  // of the last of them; empty: none
  uint64_t nulled_rows = 0;   // rows whose invalid vector became NULL
  std::map<uint32_t, uint64_t> token;
  std::set<std::string> notices;
  absl::Status status;  // why it ended early, or OK
};

/// Sends everything `batches` gives through one StreamUpsert call: one thread reads and parses, one
/// sends, this one takes the acknowledgements, with at most kWindow messages unacknowledged.
/// `on_progress(rows, bytes)` is called on this thread after each: rows acknowledged, and bytes of
/// the source behind them.
LoadResult BulkLoad(v1::RowService::StubInterface& rows, Batcher& batches,
                    const std::function<void(uint64_t rows, uint64_t bytes)>& on_progress);

inline constexpr int kWindow = 8;

}  // namespace ordinate::cli
