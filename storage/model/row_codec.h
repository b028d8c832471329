#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Cells as MessagePack: an array of nil, bool, integer, float64, str, timestamp (ext type 1, 8
/// bytes little-endian micros) and vectors (bin, little-endian f32). UINT64 and INT64 keep their
/// type by the column: decoding needs the table.
std::string EncodeCells(const std::vector<Value>& cells);

/// The cells of the table's columns. A row from before a column was added has fewer: the others are
/// NULL. A row from after one was added, read by a definition from before, has more: they are left
/// out. DATA_LOSS when the bytes are not what EncodeCells writes for this table.
absl::StatusOr<std::vector<Value>> DecodeCells(const TableDef& table, std::string_view bytes);

}  // namespace ordinate
