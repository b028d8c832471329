#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "service/front/front.h"
#include "storage/catalog/definitions.h"

namespace ordinate {

/// Checks every cell of the rows before anything is sent (contract 1.5): number of cells, types,
/// NOT NULL, vectors (dim of column and of each index with DimPolicy ERROR, finite). Under
/// OnInvalid::kNull an invalid vector cell becomes NULL; the positions of such rows are returned.
/// INVALID_ARGUMENT names row, key, column, what was found and what was expected.
absl::StatusOr<std::vector<uint32_t>> CheckRows(const TableDef& table,
                                                const std::vector<const IndexDef*>& indexes,
                                                UpsertInput& input);

}  // namespace ordinate
