#pragma once

#include "absl/status/status.h"
#include "storage/base/error_details.h"

namespace ordinate {

/// The refusal of a request whose id was used for another before. INVALID_ARGUMENT: the caller gave
/// one id to two requests, and nothing that happens to the rows makes that right. (ALREADY_EXISTS
/// would read, in a retry, as the success of the first call.)
inline absl::Status OtherContent() {
  return InField(absl::InvalidArgumentError(
                     "request_id was used for other content in the last 24 hours; give every "
                     "request an id of its own, and send a retry as the first call was"),
                 "request_id");
}

}  // namespace ordinate
