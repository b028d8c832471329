#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/shard/disk_bookings.h"

namespace ordinate {

/// Free space that a shard leaves on its disk, so that a full one is met before a write fails half
/// way: what is on the disk can then still be trimmed and dropped, while a quarter of it is left.
/// Looks at the disk each time, so that it recovers with it. Thread-safe.
class DiskReserve {
 public:
  /// Of the disk that holds `directory`; 0 bytes: nothing is reserved. `bookings` of all shards on
  /// the disk, which outlive this.
  DiskReserve(std::string directory, uint64_t bytes, DiskBookings& bookings)
      : directory_(std::move(directory)), bytes_(bytes), bookings_(bookings) {}

  /// OK while the reserve is whole, or the disk does not say. Else RESOURCE_EXHAUSTED with a retry
  /// delay.
  absl::Status Check() const;
  /// For a job that writes `bytes`, until it ends. RESOURCE_EXHAUSTED with a retry delay: the
  /// reserve would not stay whole after it, and all that is booked.
  absl::StatusOr<DiskBooking> Book(const std::string& job, uint64_t bytes) const;
  /// OK while a quarter of the reserve is left: for what makes space by writing first.
  absl::Status CheckLeast() const;

 private:
  const std::string directory_;
  const uint64_t bytes_;
  DiskBookings& bookings_;
};

}  // namespace ordinate
