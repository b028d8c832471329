#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/model/value.h"

namespace ordinate::statement {

// The values of constants, as filters read them. Errors are messages without a place.

/// INT64 if it fits, else UINT64, else DOUBLE. REQUIRES: `text` is a number of the grammar.
absl::StatusOr<Value> ReadNumber(std::string_view text);
/// RFC 3339, to the microsecond.
absl::StatusOr<Timestamp> ReadTimestamp(const std::string& text);
/// 'NaN', 'Infinity', '-Infinity'.
absl::StatusOr<double> ReadNamedDouble(std::string_view text);
/// Pairs of hexadecimal digits. REQUIRES: nothing but such digits.
absl::StatusOr<std::string> ReadHex(std::string_view text);

}  // namespace ordinate::statement
