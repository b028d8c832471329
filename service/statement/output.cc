#include "service/statement/output.h"

#include <algorithm>

#include "engine/query/column_lookup.h"
#include "engine/search/exact_score.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

bool IsZero(const Vector& vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
}

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 does not find it itself

}  // namespace

double ShownScore(Metric metric, ScoreForm form, double score) {
  if (form == ScoreForm::kFunction || metric == Metric::kL2) return score;
  return metric == Metric::kCosine ? 1 - score : -score;
}

Value EvaluateScore(const ScalarScore& score, const Value& cell) {
  const auto* const vector = std::get_if<Vector>(&cell);
  if (vector == nullptr || vector->size() != score.vector.size()) return {};
  if (score.metric == Metric::kCosine && (IsZero(*vector) || IsZero(score.vector))) return {};
  const ExactScorer scorer(score.metric, score.vector);
  return ShownScore(score.metric, score.form, scorer.Score(vector->data()));
}

void AddColumnsOf(const Projection& projection, std::vector<std::string>& columns) {
  const auto add = [&](const std::string& name) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  };
  for (const OutputItem& item : projection) {
    if (std::holds_alternative<EveryColumn>(item.value)) add("*");
    if (const auto* column = std::get_if<RowColumn>(&item.value)) add(column->column);
    if (const auto* score = std::get_if<ScalarScore>(&item.value)) add(score->column);
  }
}

absl::StatusOr<RowOutput> RowOutput::Bind(const Projection& projection, const TableDef& table,
                                          std::span<const uint32_t> columns) {
  RowOutput output;
  for (const OutputItem& item : projection) {
    if (!std::holds_alternative<EveryColumn>(item.value)) {
      RETURN_IF_ERROR(output.Add(item, table, columns));
      continue;
    }
    for (const ColumnDef& column : table.columns) {
      RETURN_IF_ERROR(output.Add({column.name, RowColumn{column.name}}, table, columns));
    }
  }
  return output;
}

absl::Status RowOutput::Add(const OutputItem& item, const TableDef& table,
                            std::span<const uint32_t> columns) {
  Source source{.item = item};
  DataType type = DataType::kDouble;
  const auto find = [&](const std::string& name) -> absl::Status {
    const auto position = table.FindColumn(name);
    const auto held =
        position.has_value() ? std::find(columns.begin(), columns.end(), *position) : columns.end();
    if (held == columns.end()) {
      return absl::InvalidArgumentError(
          Concat("table ", Quoted(table.name), " has no column ", Quoted(name)));
    }
    source.cell = static_cast<size_t>(held - columns.begin());
    type = table.columns[*position].type;
    return absl::OkStatus();
  };
  if (const auto* column = std::get_if<RowColumn>(&item.value)) {
    RETURN_IF_ERROR(find(column->column));
  } else if (const auto* score = std::get_if<ScalarScore>(&item.value)) {
    RETURN_IF_ERROR(find(score->column));
    if (type != DataType::kVector) {
      return absl::InvalidArgumentError(Concat("column ", Quoted(score->column), " is of type ",
                                               DataTypeName(type),
                                               "; a score needs a VECTOR column"));
    }
    type = DataType::kDouble;
  } else if (!std::holds_alternative<ScoreOutput>(item.value)) {
    type = DataType::kUint64;
  }
  columns_.push_back({item.name, type});
  sources_.push_back(std::move(source));
  return absl::OkStatus();
}

std::vector<Value> RowOutput::Read(const Row& row, const std::optional<double>& score,
                                   uint64_t ordinal) const {
  const Value none;
  std::vector<Value> values;
  values.reserve(sources_.size());
  for (const Source& source : sources_) {
    const Value& cell = source.cell < row.cells.size() ? row.cells[source.cell] : none;
    values.push_back(std::visit(
        Overloaded{[&](const RowColumn&) { return cell; }, [&](const EveryColumn&) { return none; },
                   [&](const RowIdOutput&) { return Value(row.id); },
                   [&](const ScoreOutput& shown) {
                     return score.has_value() ? Value(ShownScore(shown.metric, shown.form, *score))
                                              : none;
                   },
                   [&](const OrdinalOutput&) { return Value(ordinal); },
                   [&](const ScalarScore& scalar) { return EvaluateScore(scalar, cell); }},
        source.item.value));
  }
  return values;
}

}  // namespace ordinate::statement
