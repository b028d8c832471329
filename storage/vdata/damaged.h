#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ordinate::vdata {

/// DATA_LOSS naming the segment file.
template <typename... Parts>
absl::Status Damaged(const std::string& path, const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("segment file '", path, "' is damaged: ", parts...));
}

}  // namespace ordinate::vdata
