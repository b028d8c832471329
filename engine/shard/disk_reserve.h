#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace ordinate {

/// Free space that a shard leaves on its disk, so that a full one is met before a write fails half
/// way: what is on the disk can then still be merged, trimmed and dropped. Looks at the disk each
/// time, so that it recovers with it. Thread-safe.
class DiskReserve {
 public:
  /// Of the disk that holds `directory`; 0 bytes: nothing is reserved.
  DiskReserve(std::string directory, uint64_t bytes)
      : directory_(std::move(directory)), bytes_(bytes) {}

  /// OK when the reserve stays whole after `more` bytes, or the disk does not say. Else
  /// RESOURCE_EXHAUSTED with a retry delay.
  absl::Status Check(uint64_t more = 0) const;
  /// OK while a quarter of the reserve is left: for what makes space by writing first.
  absl::Status CheckLeast() const;

 private:
  const std::string directory_;
  const uint64_t bytes_;
};

}  // namespace ordinate
