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

/// How long a load goes on with nothing to show for it.
struct LoadPatience {
  std::chrono::milliseconds pause = std::chrono::seconds(10);    // with the source
  std::chrono::milliseconds refused = std::chrono::seconds(60);  // with the server; 0: none
};

/// Sends everything `batches` gives through a StreamUpsert call: one thread reads and parses, one
/// sends, this one takes the acknowledgements, with at most kWindow messages unacknowledged. When
/// the source gives nothing for `patience.pause`, the call ends and the next batch begins another,
/// since servers end idle calls. A server that refuses a message for now, and says when to try
/// again, gets it and what follows it again then, until `patience.refused` after the first refusal
/// if it took nothing meanwhile; `on_wait` is told what it said. `on_progress(rows, bytes)` is
/// called on this thread after each acknowledgement: rows acknowledged, and bytes of the source
/// behind them. A refused row is named by its position in the source.
LoadResult BulkLoad(v1::RowService::StubInterface& rows, Batcher& batches,
                    const LoadPatience& patience,
                    const std::function<void(uint64_t rows, uint64_t bytes)>& on_progress,
                    const std::function<void(const absl::Status&)>& on_wait);

inline constexpr int kWindow = 8;

}  // namespace ordinate::cli
