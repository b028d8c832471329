#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/shard/shard_client.h"
#include "service/front/front.h"
#include "storage/model/key.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Whether a non-NULL value is of the C++ type that cells of the column have.
bool HoldsType(const Value& value, DataType type);

/// The address of a whole row by its key cells. Only PK_HASHED tables address by key text: a
/// PK_U64 id is the key. REQUIRES: the table has a key; the key cells are present and typed.
RowAddress AddressOfCells(const TableDef& table, const std::vector<Value>& cells, KeyHash hash);

/// The addresses of keys as asked for. INVALID_ARGUMENT names the key's position: number of cells,
/// NULL, type. In a PK_HASHED table a row id alone is an address with an empty key.
absl::StatusOr<std::vector<RowAddress>> AddressesOf(const TableDef& table,
                                                    const std::vector<KeyInput>& keys,
                                                    KeyHash hash);

/// "id = 7, part = "a"" for messages; long values are cut.
std::string KeyText(const TableDef& table, const std::vector<Value>& cells);

/// Checks that a list of rows or keys is not empty and within `most`.
absl::Status CheckCount(std::string_view field, size_t found, size_t most);

}  // namespace ordinate
