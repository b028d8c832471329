#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/query/request.h"
#include "storage/model/schema.h"

namespace ordinate {

/// A row as the oracle knows it.
struct OracleRow {
  RowId id = 0;
  std::vector<Value> cells;
};

struct OracleAnswer {
  RowId id = 0;
  std::optional<double> score;
};

/// Answers a question the slow, obvious way: every row is scored in f64, in the reduction order the
/// contract documents (2.3), kept if its filter holds, sorted by 2.2 and cut. Written without the
/// engine's scoring, ordering and filtering code.
std::vector<OracleAnswer> OracleQuery(const TableDef& table, const std::vector<OracleRow>& rows,
                                      const QueryRequest& request);

/// Where the column's cells are in a row.
size_t OracleColumn(const TableDef& table, const std::string& column);
/// The cell of a row's column.
const Value& OracleCell(const TableDef& table, const OracleRow& row, const std::string& column);

/// Negative, 0 or positive, for values of one type, none NULL; NaN above every number.
int OracleCompare(const Value& a, const Value& b);

/// The oracle's own reading of `filter`: true, false or unknown.
std::optional<bool> OracleHolds(const TableDef& table, const Filter& filter, const OracleRow& row);

/// The documented f64 sum: 16 lanes, folded 8, 4, 2, 1.
double OracleScore(Metric metric, const Vector& query, const Vector& x);

}  // namespace ordinate
