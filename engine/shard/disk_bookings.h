#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace ordinate {

class DiskBookings;

/// Bytes that a job is expected to write, booked until this goes.
class DiskBooking {
 public:
  DiskBooking(DiskBooking&& other) noexcept;
  DiskBooking& operator=(DiskBooking&&) = delete;
  ~DiskBooking();

 private:
  friend class DiskBookings;
  DiskBooking(DiskBookings& of, uint64_t bytes, uint64_t number)
      : of_(&of), bytes_(bytes), number_(number) {}

  DiskBookings* of_;  // null: moved from
  const uint64_t bytes_;
  const uint64_t number_;
};

/// What the jobs at work of all shards on one disk are expected to write, so that together they
/// leave its reserve whole. What a job has written already is counted twice, as it is not free any
/// more: that is on the safe side. Outlives its bookings. Thread-safe.
///
/// A job that does not fit beside those at work is the next, unless another one is: until it comes
/// again, for ten minutes at most, the jobs that begin leave its room. So it waits for those alone
/// that were at work before it.
class DiskBookings {
 public:
  static constexpr int64_t kNextNanos = 600'000'000'000;

  explicit DiskBookings(const Clock& clock) : clock_(clock) {}

  /// Books `bytes` on the disk that holds `directory` if `reserve` bytes of it stay free, or it
  /// does not say. Else RESOURCE_EXHAUSTED without a retry delay. `job`: its name, by which it is
  /// known when it comes again.
  absl::StatusOr<DiskBooking> Book(const std::string& job, uint64_t bytes,
                                   const std::string& directory, uint64_t reserve)
      ORDINATE_EXCLUDES(mutex_);

 private:
  friend class DiskBooking;
  struct Next {
    std::string job;
    uint64_t bytes = 0;
    uint64_t number = 0;
    uint64_t booked_since = 0;
    int64_t until_nanos = 0;
  };

  void Release(uint64_t bytes, uint64_t number) ORDINATE_EXCLUDES(mutex_);
  /// The job did not fit; `alone`: it would have, were no other at work.
  void NoteRefused(const std::string& job, uint64_t bytes, bool alone) ORDINATE_REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  uint64_t booked_ ORDINATE_GUARDED_BY(mutex_) = 0;
  uint64_t numbers_ ORDINATE_GUARDED_BY(mutex_) = 0;  // given to bookings and the next, in order
  std::optional<Next> next_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
