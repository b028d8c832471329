#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ordinate/v1/row_service.pb.h"
#include "ordinate/v1/table_service.pb.h"

namespace ordinate::cli {

/// The field of a JSON row that holds its row id, in tables without a primary key.
inline constexpr std::string_view kRowIdField = "__row_id";

/// Reads rows of one table from JSON objects, each cell by its column's type. Integers are exact to
/// all 64 bits, JSON payloads keep their numbers as written. Thread-compatible.
class RowParser {
 public:
  explicit RowParser(const v1::Table& table);

  /// Fills `row` (cleared first) from one JSON object. Columns left out stay unset. The error names
  /// the column, what was found and what was expected, or the byte where the text stops being JSON.
  absl::Status Parse(std::string_view json, v1::Row* row) const;

  const v1::Column* FindColumn(std::string_view name) const;
  /// "name, section, embedding": for errors.
  std::string ColumnNames() const;

 private:
  std::map<std::string, v1::Column, std::less<>> columns_;
  bool has_key_ = false;
};

/// A vector from the JSON text of an array of numbers.
absl::StatusOr<v1::Vector> ParseVectorJson(std::string_view json);

/// The vector in `field` of a JSON object, its other fields being anything; or the text itself when
/// it is an array.
absl::StatusOr<v1::Vector> ParseQueryLine(std::string_view json, std::string_view field);

/// The key columns of a table, in key order.
std::vector<v1::Column> KeyColumns(const v1::Table& table);

/// A key from the words of a command line: a word per key column, or one row id for a table without
/// a key.
absl::StatusOr<v1::RowKey> ParseKeyWords(const v1::Table& table,
                                         const std::vector<std::string>& words);

/// A key from a JSON array, a value per key column.
absl::StatusOr<v1::RowKey> ParseKeyJson(const v1::Table& table, std::string_view json);

}  // namespace ordinate::cli
