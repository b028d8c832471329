#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Definitions as JSON text, the form the catalog keeps them in. Parsing checks everything and
/// returns DATA_LOSS naming the field that is missing or wrong.
std::string TableToJson(const TableDef& table);
absl::StatusOr<TableDef> TableFromJson(std::string_view json);
std::string IndexToJson(const IndexDef& index);
absl::StatusOr<IndexDef> IndexFromJson(std::string_view json);

}  // namespace ordinate
