#include "service/wire/status.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "service/wire/durations.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Message and details share the trailing metadata, of which peers take 8 KiB in all by default.
constexpr size_t kMaxMessageBytes = 2'000;
constexpr size_t kMaxDescriptionBytes = 300;
constexpr size_t kMaxViolations = 4;
constexpr size_t kMaxPreconditions = 20;
constexpr size_t kMaxPreconditionBytes = 80;      // of each of its texts
constexpr int64_t kMostRetryMillis = 86'400'000;  // a day

// At most `most` bytes, cut between UTF-8 sequences.
std::string Cut(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xC0) == 0x80) --most;
  return Concat(text.substr(0, most), "...");
}

void AddDetails(const absl::Status& status, google::rpc::Status* proto) {
  const auto violations = FieldViolations(status);
  if (!violations.empty()) {
    google::rpc::BadRequest bad;
    for (size_t i = 0; i < std::min(violations.size(), kMaxViolations); ++i) {
      auto* out = bad.add_field_violations();
      out->set_field(Cut(violations[i].field, kMaxDescriptionBytes));
      out->set_description(Cut(violations[i].description, kMaxDescriptionBytes));
    }
    proto->add_details()->PackFrom(bad);
  }
  const auto preconditions = PreconditionViolations(status);
  if (!preconditions.empty()) {
    google::rpc::PreconditionFailure failure;
    for (size_t i = 0; i < std::min(preconditions.size(), kMaxPreconditions); ++i) {
      auto* out = failure.add_violations();
      out->set_type(preconditions[i].type);
      out->set_subject(Cut(preconditions[i].subject, kMaxPreconditionBytes));
      out->set_description(Cut(preconditions[i].description, kMaxPreconditionBytes));
    }
    proto->add_details()->PackFrom(failure);
  }
  if (const auto resource = ResourceOf(status)) {
    google::rpc::ResourceInfo info;
    info.set_resource_type(Cut(resource->type, kMaxDescriptionBytes));
    info.set_resource_name(Cut(resource->name, kMaxDescriptionBytes));
    proto->add_details()->PackFrom(info);
  }
  if (const auto millis = RetryDelayMillis(status)) {
    google::rpc::RetryInfo retry;
    MicrosToProto(static_cast<int64_t>(std::min<uint64_t>(*millis, kMostRetryMillis)) * 1000,
                  retry.mutable_retry_delay());
    proto->add_details()->PackFrom(retry);
  }
}

absl::Status ReadDetail(absl::Status status, const google::protobuf::Any& any) {
  google::rpc::BadRequest bad;
  google::rpc::ResourceInfo info;
  google::rpc::RetryInfo retry;
  google::rpc::PreconditionFailure failure;
  if (any.UnpackTo(&failure)) {
    std::vector<PreconditionViolation> violations;
    for (const auto& violation : failure.violations()) {
      violations.push_back({violation.type(), violation.subject(), violation.description()});
    }
    return WithPreconditions(std::move(status), violations);
  }
  if (any.UnpackTo(&bad)) {
    for (const auto& violation : bad.field_violations()) {
      status = WithFieldViolation(std::move(status), violation.field(), violation.description());
    }
  } else if (any.UnpackTo(&info)) {
    return WithResource(std::move(status), info.resource_type(), info.resource_name());
  } else if (any.UnpackTo(&retry)) {
    const auto& delay = retry.retry_delay();
    const int64_t seconds = std::clamp<int64_t>(delay.seconds(), 0, kMostRetryMillis / 1'000);
    const int64_t nanos = std::clamp<int64_t>(delay.nanos(), 0, 999'999'999);
    const int64_t millis = seconds * 1'000 + (nanos + 999'999) / 1'000'000;
    return WithRetryDelay(std::move(status),
                          static_cast<uint64_t>(std::min(millis, kMostRetryMillis)));
  }
  return status;
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status proto;
  if (status.ok()) return proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(Cut(MessageOf(status), kMaxMessageBytes));
  AddDetails(status, &proto);
  return proto;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status proto = ToRpcStatus(status);
  const auto code = static_cast<grpc::StatusCode>(status.code());
  if (proto.details().empty()) return grpc::Status(code, proto.message());
  return grpc::Status(code, proto.message(), proto.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return result;
  for (const auto& any : details.details()) result = ReadDetail(std::move(result), any);
  return result;
}

}  // namespace ordinate
