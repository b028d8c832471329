#include "storage/files/file_error.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "storage/base/error_details.h"

namespace ordinate {
namespace {
constexpr uint64_t kSpaceMayReturnMillis = 10'000;
}  // namespace

absl::Status FileError(int error, std::string_view doing, std::string_view path) {
  const std::string message = absl::StrCat("cannot ", std::string(doing), " '", std::string(path),
                                           "': ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
      return WithRetryDelay(absl::ResourceExhaustedError(message), kSpaceMayReturnMillis);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case EIO:
      return absl::DataLossError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace ordinate
