#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The position of a key or attribute column, for filters and sort keys. INVALID_ARGUMENT for an
/// unknown column (with the known ones) and for vector and payload columns; it begins with `what`,
/// such as "filter".
absl::StatusOr<uint32_t> FindScalarColumn(const TableDef& table, std::string_view name,
                                          std::string_view what);

/// The position of a vector column. NOT_FOUND for an unknown one, INVALID_ARGUMENT for another
/// kind.
absl::StatusOr<uint32_t> FindVectorColumn(const TableDef& table, std::string_view name);

/// Outside text for a message: in double quotes, unprintable bytes escaped, cut when long.
std::string Quoted(std::string_view text);

}  // namespace ordinate
