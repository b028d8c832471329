#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The content of a .vindex file: which segments make up the published index of one shard.
struct IndexManifest {
  /// The newest. Written is the oldest that can say it all: 2 knows no rows that are gone, 3 no
  /// revisions.
  static constexpr int kVersion = 4;

  struct Segment {
    std::string file;  // name within the index's folder: <uuid>.vdata
    uint64_t bytes = 0;
    uint64_t checksum = 0;
    /// Rows of the file that are not part of the index any more: deleted, or replaced by versions
    /// of other segments, up to `seq`. Ascending.
    std::vector<uint32_t> gone = {};
  };

  IndexDef definition;
  RowIdFlavour flavour = RowIdFlavour::kPkU64;
  uint64_t generation = 0;  // 1 for the first build; grows with every build, sealed tail and merge
  uint64_t seq = 0;         // changes up to this sequence are in the segments, or gone from them
  uint64_t build_time_ms = 0;
  std::vector<Segment> segments;
  /// A segment without nodes: newer versions, up to `seq`, of rows of the segments whose vectors
  /// they keep. An entry that is not newer than its row's version there means nothing any more.
  std::optional<Segment> revisions = std::nullopt;
};

/// JSON with its own checksum; written to a temporary file, synced, renamed, directory synced.
absl::Status WriteIndexManifest(const std::string& path, const IndexManifest& manifest);

/// NOT_FOUND; DATA_LOSS (not JSON, checksum, missing fields); FAILED_PRECONDITION (other version).
absl::StatusOr<IndexManifest> ReadIndexManifest(const std::string& path);

}  // namespace ordinate
