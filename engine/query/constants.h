#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/model/value.h"

namespace ordinate {

// The values of constants in texts of filters and statements. Errors are INVALID_ARGUMENT, messages
// without a place.

/// INT64 if it fits, else UINT64, else DOUBLE. REQUIRES: `text` is a number of the grammar.
absl::StatusOr<Value> ParseNumber(std::string_view text);
/// RFC 3339, to the microsecond, in the years 1 to 9999.
absl::StatusOr<Timestamp> ParseTimestamp(const std::string& text);
/// 'NaN', 'Infinity', '-Infinity'.
absl::StatusOr<double> ParseNamedDouble(std::string_view text);
/// Pairs of hexadecimal digits. REQUIRES: nothing but such digits.
absl::StatusOr<std::string> ParseHex(std::string_view text);

}  // namespace ordinate
