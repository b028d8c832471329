#include "service/statement/function_rows.h"

#include <algorithm>
#include <numeric>

#include "engine/query/column_lookup.h"
#include "storage/base/status_macros.h"

namespace ordinate::statement {
namespace {

// The cells of one row of an answer, by their columns' positions in the table.
class AnswerCells final : public CellSource {
 public:
  AnswerCells(const QueryResult& answer, const TableDef& table)
      : answer_(answer), held_(table.columns.size(), kNone) {
    for (size_t i = 0; i < answer.columns.size(); ++i) held_[answer.columns[i]] = i;
  }

  void MoveTo(uint32_t place) { place_ = place; }
  ValueView Cell(uint32_t position) const override {
    const std::vector<Value>& cells = answer_.rows[place_].cells;
    return held_[position] < cells.size() ? View(cells[held_[position]]) : ValueView();
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  const QueryResult& answer_;
  std::vector<size_t> held_;  // by position in the table: where rows have the cell
  uint32_t place_ = 0;
};

// What each key reads of a row.
using KeyValues = std::vector<Value>;

int Compare(const FunctionSortKey& key, const Value& a, const Value& b) {
  if (IsNull(a) || IsNull(b)) {
    if (IsNull(a) == IsNull(b)) return 0;
    return IsNull(a) == key.nulls_first ? -1 : 1;
  }
  const std::weak_ordering order = CompareScalars(View(a), View(b));
  if (order == 0) return 0;
  return (order < 0) != key.descending ? -1 : 1;
}

absl::StatusOr<std::vector<uint32_t>> KeyPositions(const FunctionSelect& select,
                                                   const TableDef& table) {
  std::vector<uint32_t> positions;
  for (const FunctionSortKey& key : select.order_by) {
    positions.push_back(0);
    if (const auto* column = std::get_if<RowColumn>(&key.by)) {
      ASSIGN_OR_RETURN(positions.back(), FindScalarColumn(table, column->column, "order_by"));
    }
  }
  return positions;
}

KeyValues ReadKeys(const FunctionSelect& select, const std::vector<uint32_t>& positions,
                   const QueryResult& answer, const CellSource& cells, uint32_t place) {
  KeyValues values(positions.size());
  const RankedRow& ranked = answer.ranked[place];
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto& by = select.order_by[i].by;
    if (std::holds_alternative<RowColumn>(by)) {
      values[i] = Own(cells.Cell(positions[i]));
    } else if (std::holds_alternative<RowIdOutput>(by)) {
      values[i] = ranked.id;
    } else if (std::holds_alternative<OrdinalOutput>(by)) {
      values[i] = uint64_t{place};
    } else if (ranked.score.has_value()) {
      values[i] = *ranked.score;
    }
  }
  return values;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> ArrangeFunctionRows(const FunctionSelect& select,
                                                          const TableDef& table,
                                                          const QueryResult& answer) {
  std::optional<Filter> filter = select.filter;
  if (filter.has_value()) {
    ASSIGN_OR_RETURN(filter, BindFilter(*std::move(filter), table));
  }
  ASSIGN_OR_RETURN(const std::vector<uint32_t> positions, KeyPositions(select, table));
  AnswerCells cells(answer, table);
  std::vector<uint32_t> places;
  std::vector<KeyValues> keys(answer.ranked.size());
  for (uint32_t place = 0; place < answer.ranked.size(); ++place) {
    cells.MoveTo(place);
    if (filter.has_value() && !Matches(*filter, cells)) continue;
    keys[place] = ReadKeys(select, positions, answer, cells, place);
    places.push_back(place);
  }
  std::stable_sort(places.begin(), places.end(), [&](uint32_t a, uint32_t b) {
    for (size_t i = 0; i < positions.size(); ++i) {
      const int order = Compare(select.order_by[i], keys[a][i], keys[b][i]);
      if (order != 0) return order < 0;
    }
    return false;
  });
  const size_t begin = std::min<uint64_t>(select.offset, places.size());
  const uint64_t shown =
      std::min<uint64_t>(select.limit.value_or(places.size()), places.size() - begin);
  return std::vector<uint32_t>(places.begin() + static_cast<std::ptrdiff_t>(begin),
                               places.begin() + static_cast<std::ptrdiff_t>(begin + shown));
}

}  // namespace ordinate::statement
