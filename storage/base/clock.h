#pragma once

#include <cstdint>

namespace ordinate {

/// Where time comes from, passed in so that tests decide it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock time in microseconds since 1970-01-01T00:00:00Z.
  virtual int64_t NowMicros() const = 0;
  /// Monotonic time in nanoseconds from an arbitrary start; for durations.
  virtual int64_t MonotonicNanos() const = 0;
};

/// The machine's clock. Lives as long as the process.
const Clock& SystemClock();

}  // namespace ordinate
