#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {

/// The refusal of an enum value this version does not know, or of one left out that must be given.
/// `expected` lists the values.
inline absl::Status EnumRefusal(std::string_view field, int found, std::string_view expected) {
  const std::string what = found == 0 ? "is not given" : Concat("is ", found);
  const std::string message = Concat(field, " ", what, "; expected one of ", expected);
  return WithFieldViolation(absl::InvalidArgumentError(message), field, message);
}

}  // namespace ordinate
