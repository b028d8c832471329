#include "service/cli/errors.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "service/wire/status.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr char kExitPayload[] = "ordinate.cli/exit";
constexpr char kDetailPayload[] = "ordinate.cli/details";

absl::Status Make(absl::StatusCode code, std::string_view message, ExitCode exit) {
  absl::Status status(code, AbslView(message));
  status.SetPayload(kExitPayload, absl::Cord(Concat(static_cast<int>(exit))));
  return status;
}

/// Violations whose description the message does not say already.
std::string BadRequestLines(const google::rpc::BadRequest& bad_request, std::string_view message) {
  std::string lines;
  for (const auto& violation : bad_request.field_violations()) {
    if (message.find(violation.description()) != std::string_view::npos) continue;
    lines += Concat("  ", violation.field(), ": ", violation.description(), "\n");
  }
  return lines;
}

/// The same of things that are not as the request demands.
std::string PreconditionLines(const google::rpc::PreconditionFailure& failure,
                              std::string_view message) {
  std::string lines;
  for (const auto& violation : failure.violations()) {
    if (failure.violations_size() == 1 &&
        message.find(violation.description()) != std::string_view::npos) {
      continue;
    }
    lines += Concat("  ", violation.subject(), ": ", violation.description(), "\n");
  }
  return lines;
}

std::string RetryLine(const google::rpc::RetryInfo& retry) {
  const double seconds =
      static_cast<double>(retry.retry_delay().seconds()) + retry.retry_delay().nanos() * 1e-9;
  return absl::StrFormat("  retry after %.3g s\n", seconds);
}

std::string ResourceLine(const google::rpc::ResourceInfo& resource) {
  return Concat("  ", resource.resource_type(), " '", resource.resource_name(), "'",
                resource.description().empty() ? "" : ": ", resource.description(), "\n");
}

/// Nothing for details of other types, or where the message says it all.
std::string DetailLine(const google::protobuf::Any& detail, std::string_view message) {
  if (google::rpc::BadRequest bad; detail.UnpackTo(&bad)) return BadRequestLines(bad, message);
  if (google::rpc::RetryInfo retry; detail.UnpackTo(&retry)) return RetryLine(retry);
  if (google::rpc::PreconditionFailure failure; detail.UnpackTo(&failure)) {
    return PreconditionLines(failure, message);
  }
  if (google::rpc::ResourceInfo resource; detail.UnpackTo(&resource)) return ResourceLine(resource);
  return "";
}

/// The N of the first violation's field "rows[N]...", in a message of a stream "upsert.rows[N]...".
std::optional<size_t> RefusedRow(const std::string& serialized_rpc_status) {
  google::rpc::Status status;
  if (!status.ParseFromString(serialized_rpc_status)) return std::nullopt;
  for (const auto& detail : status.details()) {
    google::rpc::BadRequest bad;
    if (!detail.UnpackTo(&bad) || bad.field_violations().empty()) continue;
    absl::string_view field = bad.field_violations(0).field();
    absl::ConsumePrefix(&field, "upsert.");
    size_t row = 0;
    if (!absl::ConsumePrefix(&field, "rows[")) return std::nullopt;
    if (!absl::SimpleAtoi(field.substr(0, field.find(']')), &row)) return std::nullopt;
    return row;
  }
  return std::nullopt;
}

std::optional<std::string> Payload(const absl::Status& status, const char* name) {
  const auto cord = status.GetPayload(name);
  if (!cord.has_value()) return std::nullopt;
  return std::string(*cord);
}

}  // namespace

absl::Status UsageError(std::string_view message) {
  return Make(absl::StatusCode::kInvalidArgument, message, kExitUsage);
}

absl::Status FileError(std::string_view message) {
  return Make(absl::StatusCode::kFailedPrecondition, message, kExitFile);
}

absl::Status Finding(std::string_view message) {
  return Make(absl::StatusCode::kDataLoss, message, kExitFinding);
}

absl::Status ConnectError(std::string_view server, std::string_view why) {
  return Make(absl::StatusCode::kUnavailable,
              Concat("cannot connect to ", server, ": ", why,
                     ". Start one with 'ordinate serve', or name another with --server "
                     "HOST:PORT or ORDINATE_SERVER."),
              kExitConnect);
}

absl::Status FromServer(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status made =
      Make(static_cast<absl::StatusCode>(status.error_code()), status.error_message(), kExitServer);
  if (const auto millis = RetryDelayMillis(FromGrpc(status)); millis.has_value()) {
    made = WithRetryDelay(std::move(made), *millis);
  }
  const std::string lines = DetailLines(status.error_details());
  if (!lines.empty()) made.SetPayload(kDetailPayload, absl::Cord(lines));
  return made;
}

absl::Status FromServer(const grpc::Status& status, const RowPosition& position) {
  const absl::Status plain = FromServer(status);
  const std::optional<size_t> row = RefusedRow(status.error_details());
  const std::string where = row.has_value() && position ? position(*row) : "";
  if (where.empty()) return plain;
  const std::string message = status.error_message();
  const std::string number = Concat("row ", *row);
  const bool named = message.starts_with(number) && !absl::ascii_isdigit(message[number.size()]);
  return WithMessage(plain,
                     named ? where + message.substr(number.size()) : Concat(where, ": ", message));
}

absl::Status Prefixed(std::string_view prefix, const absl::Status& status) {
  return status.ok() ? status : WithMessage(status, Concat(prefix, status.message()));
}

absl::Status WithDetail(const absl::Status& status, std::string_view line) {
  absl::Status made = status;
  made.SetPayload(kDetailPayload, absl::Cord(Concat(Payload(status, kDetailPayload).value_or(""),
                                                    "  ", line, "\n")));
  return made;
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  int code = kExitFile;
  if (const auto text = Payload(status, kExitPayload)) {
    if (!absl::SimpleAtoi(*text, &code)) code = kExitFile;
  }
  return static_cast<ExitCode>(code);
}

std::string ErrorText(const absl::Status& status) {
  const bool from_server = ExitCodeOf(status) == kExitServer;
  return Concat("error: ", from_server ? absl::StatusCodeToString(status.code()) : "",
                from_server ? ": " : "", status.message(), "\n",
                Payload(status, kDetailPayload).value_or(""));
}

std::string DetailLines(const std::string& serialized_rpc_status) {
  std::string lines;
  google::rpc::Status status;
  if (!status.ParseFromString(serialized_rpc_status)) return lines;
  for (const auto& detail : status.details()) lines += DetailLine(detail, status.message());
  return lines;
}

}  // namespace ordinate::cli
