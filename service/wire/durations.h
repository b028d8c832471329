#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "google/protobuf/duration.pb.h"

namespace ordinate {

void NanosToProto(int64_t nanos, google::protobuf::Duration* proto);
void MicrosToProto(int64_t micros, google::protobuf::Duration* proto);

/// Microseconds, at least 0. INVALID_ARGUMENT: negative, malformed, finer than a microsecond, or
/// longer than protobuf's 10,000 years.
absl::StatusOr<uint64_t> MicrosFromProto(const google::protobuf::Duration& proto);

}  // namespace ordinate
