#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace ordinate {

/// Details that a status carries beside its message (contract 8), in no wire's terms. Each With...
/// adds to `status` and returns it; on an OK status they do nothing.

/// A field of the request and what is wrong with it.
struct FieldViolation {
  std::string field;  // a path, such as rows[3].cells["price"]
  std::string description;
  bool operator==(const FieldViolation&) const = default;
};
/// Adds one violation to those already there.
absl::Status WithFieldViolation(absl::Status status, std::string_view field,
                                std::string_view description);
/// The same, described by the status's own message, unless the status has violations already or
/// is not INVALID_ARGUMENT.
absl::Status InField(absl::Status status, std::string_view field);
/// For a status about a part of the request: `parent` and a dot come before the field of each
/// violation, and an INVALID_ARGUMENT without any is about `parent` itself.
absl::Status UnderField(const absl::Status& status, std::string_view parent);
std::vector<FieldViolation> FieldViolations(const absl::Status& status);

/// The thing that is missing or in the way.
struct ErrorResource {
  std::string type;  // "table", "index", ...
  std::string name;
  bool operator==(const ErrorResource&) const = default;
};
absl::Status WithResource(absl::Status status, std::string_view type, std::string_view name);
std::optional<ErrorResource> ResourceOf(const absl::Status& status);

/// Something that a request demands and that does not hold.
struct PreconditionViolation {
  std::string type;     // its kind, such as ROW_VERSION
  std::string subject;  // the field of the request, such as rows[3]
  std::string description;
  bool operator==(const PreconditionViolation&) const = default;
};
/// Adds violations to those already there.
absl::Status WithPreconditions(absl::Status status,
                               const std::vector<PreconditionViolation>& violations);
std::vector<PreconditionViolation> PreconditionViolations(const absl::Status& status);

/// How long to wait before a retry, in milliseconds.
absl::Status WithRetryDelay(absl::Status status, uint64_t millis);
std::optional<uint64_t> RetryDelayMillis(const absl::Status& status);

/// The status's message; valid as long as the status.
inline std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

/// `status` with another message; code and details stay.
absl::Status WithMessage(const absl::Status& status, std::string_view message);

}  // namespace ordinate
