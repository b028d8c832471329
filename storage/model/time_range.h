#pragma once

#include <cstdint>

#include "storage/model/value.h"

namespace ordinate {

/// Seconds of 0001-01-01T00:00:00Z and of 9999-12-31T23:59:59Z: the range of TIMESTAMP, as of
/// RFC 3339 and of protobuf's Timestamp.
inline constexpr int64_t kMinTimestampSeconds = -62'135'596'800;
inline constexpr int64_t kMaxTimestampSeconds = 253'402'300'799;

inline bool IsInRange(Timestamp time) {
  constexpr int64_t kMicros = 1'000'000;  // of a second
  return time.micros >= kMinTimestampSeconds * kMicros &&
         time.micros < (kMaxTimestampSeconds + 1) * kMicros;
}

}  // namespace ordinate
