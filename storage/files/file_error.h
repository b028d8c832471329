#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace ordinate {

/// What a failed system call means, by its errno: NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED
/// (disk full, quota, open files), ALREADY_EXISTS, DATA_LOSS (EIO), else INTERNAL. The message is
/// "cannot <doing> <path>: <strerror>".
absl::Status FileError(int error, std::string_view doing, std::string_view path);

}  // namespace ordinate
