#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ordinate {

/// Ascending row numbers as text: the step from each to the next, less one (for the first: the
/// number itself), as LEB128, the whole in base64 with padding.
std::string RowListToText(std::span<const uint32_t> rows);

/// DATA_LOSS: `text` is not what RowListToText makes of any list.
absl::StatusOr<std::vector<uint32_t>> RowListFromText(std::string_view text);

}  // namespace ordinate
