#pragma once

#include "absl/status/statusor.h"
#include "ordinate/v1/table_service.pb.h"
#include "service/front/front.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The definition, not yet validated, without ids. Key columns make the key in the order they
/// stand. INVALID_ARGUMENT names the column whose role or type is missing or unknown.
absl::StatusOr<TableDef> TableFromProto(const v1::Table& proto);
/// The same of one column by itself, in the field "column".
absl::StatusOr<ColumnDef> ColumnFromProto(const v1::Column& proto);
void TableToProto(const TableDef& table, v1::Table* proto);
/// With the row count.
void TableInfoToProto(const TableInfo& info, v1::Table* proto);

}  // namespace ordinate
