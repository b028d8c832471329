#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The content of a .vindex file: which segments make up the published index of one shard.
struct IndexManifest {
  static constexpr int kVersion = 2;

  struct Segment {
    std::string file;  // name within the index's folder: <uuid>.vdata
    uint64_t bytes = 0;
    uint64_t checksum = 0;
  };

  IndexDef definition;
  RowIdFlavour flavour = RowIdFlavour::kPkU64;
  uint64_t generation = 0;  // 1 for the first build; grows with every rebuild
  uint64_t seq = 0;         // rows are as of this sequence
  uint64_t build_time_ms = 0;
  std::vector<Segment> segments;
};

/// JSON with its own checksum; written to a temporary file, synced, renamed, directory synced.
absl::Status WriteIndexManifest(const std::string& path, const IndexManifest& manifest);

/// NOT_FOUND; DATA_LOSS (not JSON, checksum, missing fields); FAILED_PRECONDITION (other version).
absl::StatusOr<IndexManifest> ReadIndexManifest(const std::string& path);

}  // namespace ordinate
