#pragma once

#include <cstdint>
#include <string>
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

/// The same for updates, of the cells that each row names: its key (in a table without one,
/// row_id), and at least one other column.
absl::StatusOr<std::vector<uint32_t>> CheckUpdates(const TableDef& table,
                                                   const std::vector<const IndexDef*>& indexes,
                                                   UpsertInput& input);

/// The same for what an update by filter writes into every row: no key column, at least one other.
absl::Status CheckChange(const TableDef& table, const std::vector<const IndexDef*>& indexes,
                         UpsertInput::InputRow& row);

/// The columns that are no part of the primary key.
std::vector<uint32_t> WithoutKey(const TableDef& table, const std::vector<uint32_t>& columns);

absl::Status CheckRequestId(const std::string& request_id);

/// What a writer should know: indexes that show the write later.
std::vector<std::string> NoticesOf(const std::vector<const IndexDef*>& indexes);

}  // namespace ordinate
