#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };

/// A condition on scalar columns, as a tree. A value: copyable, printable.
struct Filter {
  enum class Kind : uint8_t { kCompare, kIn, kIsNull, kAnd, kOr, kNot, kBetween, kPrefix };

  Kind kind = Kind::kCompare;
  std::string column;             // of a condition on one column
  uint32_t column_position = 0;   // set by BindFilter: position in TableDef::columns
  CompareOp op = CompareOp::kEq;  // kCompare
  // kCompare: one; kIn: one or more, sorted by BindFilter; kBetween: the lowest and the highest;
  // kPrefix: one STRING
  std::vector<Value> literals;
  bool has_null_literal = false;  // kIn: set by BindFilter, which drops NULLs from literals
  bool from_text = false;         // this and all under it came in the textual form
  std::vector<Filter> children;   // kAnd, kOr: one or more; kNot: one

  bool operator==(const Filter&) const = default;
};

inline constexpr size_t kMaxFilterNodes = 1'000;
inline constexpr size_t kMaxFilterDepth = 64;
inline constexpr size_t kMaxInValues = 10'000;

/// Checks that every node has the children its kind takes, and the limits on nodes and depth.
/// INVALID_ARGUMENT naming the limit. Takes a tree of any depth.
absl::Status CheckFilterShape(const Filter& filter);

/// Resolves columns and checks shapes, types and limits. INVALID_ARGUMENT naming the culprit and
/// its field, such as filter.and.filters[1].in.column, or filter.text.
absl::StatusOr<Filter> BindFilter(Filter filter, const TableDef& table);

/// SQL's three truth values; the numbers make AND the minimum and OR the maximum.
enum class Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };

/// Where a filter or a sort key reads a row's cells.
class CellSource {
 public:
  virtual ~CellSource() = default;
  /// The cell of the column at `position` in TableDef::columns. The view lives until the source
  /// moves to another row.
  virtual ValueView Cell(uint32_t position) const = 0;
};

/// Reads cells of a Row; columns added after it was written read NULL.
class RowCells final : public CellSource {
 public:
  explicit RowCells(const Row& row) : row_(row) {}
  ValueView Cell(uint32_t position) const override {
    return position < row_.cells.size() ? View(row_.cells[position]) : ValueView();
  }

 private:
  const Row& row_;
};

/// REQUIRES: `filter` came from BindFilter.
Truth Evaluate(const Filter& filter, const CellSource& row);
inline bool Matches(const Filter& filter, const CellSource& row) {
  return Evaluate(filter, row) == Truth::kTrue;
}

/// The textual form. ParseFilter reads it back to an equal tree, but for an AND or OR of a single
/// condition, which reads as that condition, and what BindFilter changed, which binding restores.
std::string FilterText(const Filter& filter);

/// Reads `section = 'video' AND (size < 10 OR NOT name IS NULL) AND id IN (1, 2)`: comparison
/// operators = <> != < <= > >=, AND, OR, NOT, [NOT] IN, [NOT] BETWEEN low AND high, [NOT] LIKE
/// 'prefix%' (\% \_ \\ for % _ \), IS [NOT] NULL, parentheses; keywords in any case; strings in
/// single quotes ('' inside), identifiers bare or in double quotes, numbers, TRUE, FALSE, NULL,
/// TIMESTAMP 'RFC 3339', DOUBLE 'NaN' | 'Infinity' | '-Infinity'.
/// INVALID_ARGUMENT with line, column, found, expected. Bounded by kMaxFilterNodes, kMaxFilterDepth
/// and 1 MiB of text.
absl::StatusOr<Filter> ParseFilter(std::string_view text);

}  // namespace ordinate
