#include "service/wire/tables.h"

#include <utility>

#include "service/wire/enums.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// The domain's enums carry the API's numbers.
static_assert(static_cast<int>(DataType::kJson) == v1::DATA_TYPE_JSON);
static_assert(static_cast<int>(ColumnRole::kPayload) == v1::COLUMN_ROLE_PAYLOAD);
static_assert(static_cast<int>(RowIdFlavour::kOrdinal) == v1::ROW_ID_FLAVOUR_ORDINAL);

absl::StatusOr<ColumnDef> ReadColumn(const v1::Column& proto, std::string_view path) {
  const auto field = [&](std::string_view member) { return Concat(path, ".", member); };
  if (proto.role() == v1::COLUMN_ROLE_UNSPECIFIED || !v1::ColumnRole_IsValid(proto.role())) {
    return EnumRefusal(field("role"), proto.role(), "KEY, ATTRIBUTE, VECTOR, PAYLOAD");
  }
  if (proto.type() == v1::DATA_TYPE_UNSPECIFIED || !v1::DataType_IsValid(proto.type())) {
    return EnumRefusal(field("type"), proto.type(),
                       "BOOL, INT64, UINT64, DOUBLE, STRING, TIMESTAMP, VECTOR, BYTES, JSON");
  }
  ColumnDef column;
  column.name = proto.name();
  column.role = static_cast<ColumnRole>(proto.role());
  column.type = static_cast<DataType>(proto.type());
  column.dim = proto.dim();
  column.nullable = !proto.not_null() && column.role != ColumnRole::kKey;
  return column;
}

}  // namespace

absl::StatusOr<TableDef> TableFromProto(const v1::Table& proto) {
  TableDef table;
  table.name = proto.name();
  if (static_cast<size_t>(proto.columns_size()) > kMaxColumns) {
    return InField(absl::InvalidArgumentError(Concat("the table has ", proto.columns_size(),
                                                     " columns; the most is ", kMaxColumns)),
                   "table.columns");
  }
  for (int i = 0; i < proto.columns_size(); ++i) {
    ASSIGN_OR_RETURN(ColumnDef column,
                     ReadColumn(proto.columns(i), Concat("table.columns[", i, "]")));
    if (column.role == ColumnRole::kKey) table.key.push_back(static_cast<uint32_t>(i));
    table.columns.push_back(std::move(column));
  }
  return table;
}

absl::StatusOr<ColumnDef> ColumnFromProto(const v1::Column& proto) {
  return ReadColumn(proto, "column");
}

void TableToProto(const TableDef& table, v1::Table* proto) {
  proto->set_name(table.name);
  for (const ColumnDef& column : table.columns) {
    auto* out = proto->add_columns();
    out->set_name(column.name);
    out->set_role(static_cast<v1::ColumnRole>(column.role));
    out->set_type(static_cast<v1::DataType>(column.type));
    out->set_dim(column.dim);
    out->set_not_null(!column.nullable);
  }
  proto->set_row_id_flavour(static_cast<v1::RowIdFlavour>(table.flavour()));
}

void TableInfoToProto(const TableInfo& info, v1::Table* proto) {
  TableToProto(info.table, proto);
  proto->set_row_count(info.rows);
}

}  // namespace ordinate
