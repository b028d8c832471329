#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Where a scan goes on: after `last` in row id order. The text is base64url (no padding) of a
/// version byte (1), the table id (4 bytes) and the row id (8 bytes), both little-endian, and the
/// low 4 bytes of their XXH3-64. Opaque to clients; it guards against accidents, not forgery.
std::string MakePageToken(uint32_t table_id, RowId last);

/// The row id. INVALID_ARGUMENT: malformed, damaged, or of another table.
absl::StatusOr<RowId> ReadPageToken(const std::string& token, const TableDef& table);

}  // namespace ordinate
