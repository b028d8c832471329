#include "service/cli/columns.h"

#include <algorithm>

#include "service/cli/json_text.h"
#include "storage/base/text.h"

namespace ordinate::cli {

std::vector<std::string> ShownColumns(const v1::Table& table, const std::vector<std::string>& asked,
                                      bool default_all) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  const bool all = default_all && asked.empty();
  const bool key = !default_all && asked.empty();
  for (const v1::Column& column : table.columns()) {
    if (all || (key && column.role() == v1::COLUMN_ROLE_KEY)) add(column.name());
  }
  for (const std::string& name : asked) {
    if (name != "*") {
      add(name);
      continue;
    }
    for (const v1::Column& column : table.columns()) add(column.name());
  }
  return names;
}

TextTable RowsTable(const std::vector<std::string>& names,
                    const std::vector<const v1::Row*>& rows) {
  TextTable table;
  for (const std::string& name : names) table.columns.push_back({name, true});
  for (const v1::Row* row : rows) {
    auto& line = table.rows.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) {
      const auto cell = row->cells().find(names[i]);
      const v1::Value value = cell == row->cells().end() ? v1::Value() : cell->second;
      line.push_back(CellText(value));
      const bool null = value.has_null_value() || value.kind_case() == v1::Value::KIND_NOT_SET;
      if (!IsNumber(value) && !null) table.columns[i].right = false;
    }
  }
  return table;
}

void AppendRow(const v1::Row& row, const std::vector<std::string>& columns, std::string* out) {
  *out += Concat("{\"row_id\":", row.row_id(), ",\"version\":", row.version(), ",\"columns\":");
  AppendCells(row, columns, out);
  *out += '}';
}

}  // namespace ordinate::cli
