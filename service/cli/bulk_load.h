#pragma once

#include <chrono>
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

/// Sends everything `batches` gives through a StreamUpsert call: one thread reads and parses, one
/// sends, this one takes the acknowledgements, with at most kWindow messages unacknowledged. When
/// the source gives nothing for the time `pause`, the call ends and the next batch begins another,
/// since servers end idle calls. `on_progress(rows, bytes)` is called on this thread after each
/// acknowledgement: rows acknowledged, and bytes of the source behind them. A refused row is named
/// by its position in the source.
LoadResult BulkLoad(v1::RowService::StubInterface& rows, Batcher& batches,
                    std::chrono::milliseconds pause,
                    const std::function<void(uint64_t rows, uint64_t bytes)>& on_progress);

inline constexpr std::chrono::seconds kLoadPause{10};

inline constexpr int kWindow = 8;

}  // namespace ordinate::cli
