#include "service/wire/durations.h"

#include "storage/base/text.h"

namespace ordinate {

namespace {
constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMaxSeconds = 315'576'000'000;  // of a protobuf Duration
}  // namespace

void NanosToProto(int64_t nanos, google::protobuf::Duration* proto) {
  proto->set_seconds(nanos / kNanosPerSecond);
  proto->set_nanos(static_cast<int32_t>(nanos % kNanosPerSecond));
}

void MicrosToProto(int64_t micros, google::protobuf::Duration* proto) {
  proto->set_seconds(micros / kMicrosPerSecond);
  proto->set_nanos(static_cast<int32_t>(micros % kMicrosPerSecond) * 1000);
}

absl::StatusOr<uint64_t> MicrosFromProto(const google::protobuf::Duration& proto) {
  if (proto.seconds() < 0 || proto.seconds() > kMaxSeconds || proto.nanos() < 0 ||
      proto.nanos() >= kNanosPerSecond || proto.nanos() % 1000 != 0) {
    return absl::InvalidArgumentError(
        Concat("the duration has seconds ", proto.seconds(), " and nanos ", proto.nanos(),
               "; expected neither negative, and whole microseconds"));
  }
  return static_cast<uint64_t>(proto.seconds() * kMicrosPerSecond + proto.nanos() / 1000);
}

}  // namespace ordinate
