#pragma once

#include <string>
#include <vector>

#include "ordinate/v1/row_service.pb.h"
#include "ordinate/v1/table_service.pb.h"
#include "service/cli/text_table.h"

namespace ordinate::cli {

/// The columns an answer shows, in order: those asked for, with "*" as all of the table; when none
/// are, the key columns, or all of them when `default_all`.
std::vector<std::string> ShownColumns(const v1::Table& table, const std::vector<std::string>& asked,
                                      bool default_all);

/// A column for each of `names`, right-aligned where every value is a number.

TextTable RowsTable(const std::vector<std::string>& names, const std::vector<const v1::Row*>& rows);

/// {"row_id": ..., "version": ..., "columns": {...}}.
void AppendRow(const v1::Row& row, const std::vector<std::string>& columns, std::string* out);

}  // namespace ordinate::cli
