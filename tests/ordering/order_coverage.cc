#include "tests/ordering/order_coverage.h"

#include <algorithm>
#include <cmath>

namespace ordinate {

OrderCoverage::OrderCoverage(const TableDef& table, const std::vector<OracleRow>& rows)
    : table_(table) {
  for (const OracleRow& row : rows) rows_.emplace(row.id, &row);
}

void OrderCoverage::AddKeys(const QueryRequest& request, const OracleAnswer& a,
                            const OracleAnswer& b, std::vector<std::string>& rules) const {
  for (const SortKey& key : request.order_by) {
    const size_t column = OracleColumn(table_, key.column);
    const Value& x = rows_.at(a.id)->cells[column];
    const Value& y = rows_.at(b.id)->cells[column];
    if (IsNull(x) && IsNull(y)) continue;
    if (IsNull(x) || IsNull(y)) {
      rules.push_back(key.nulls_first ? "NULLS FIRST" : "NULLS LAST");
    } else if (OracleCompare(x, y) == 0) {
      continue;
    } else {
      const std::string direction = key.descending ? " DESC" : " ASC";
      rules.push_back(std::string(DataTypeName(table_.columns[column].type)) + direction);
      for (const Value* value : {&x, &y}) {
        const auto* number = std::get_if<double>(value);
        if (number != nullptr && std::isnan(*number)) rules.push_back("NaN" + direction);
      }
    }
    rules.push_back(&key == &request.order_by.front() ? "first key" : "second key");
    return;
  }
  rules.push_back(a.score != b.score ? "score after keys" : "row id");
}

std::vector<std::string> OrderCoverage::Deciders(const QueryRequest& request, const OracleAnswer& a,
                                                 const OracleAnswer& b) const {
  std::vector<std::string> rules;
  if (a.score.has_value() != b.score.has_value()) return {"no score"};
  const double width = request.ties.width;
  const bool bucket = request.ties.form == TieForm::kBucket && a.score.has_value();
  if (bucket && std::floor(*a.score / width) != std::floor(*b.score / width)) {
    rules.emplace_back("bucket");
    for (const double score : {*a.score, *b.score}) {
      if (score / width == std::floor(score / width)) rules.emplace_back("edge of a bucket");
    }
  } else if (request.ties.form == TieForm::kTies && a.score != b.score) {
    rules.emplace_back("score");
  } else {
    AddKeys(request, a, b, rules);
  }
  return rules;
}

void OrderCoverage::Note(const QueryRequest& request, const std::vector<OracleAnswer>& ordered,
                         const std::vector<size_t>& cuts) {
  const std::string form = std::string(TieFormName(request.ties.form)) + " ";
  for (size_t i = 1; i < ordered.size(); ++i) {
    const bool cut = std::find(cuts.begin(), cuts.end(), i) != cuts.end();
    for (const std::string& rule : Deciders(request, ordered[i - 1], ordered[i])) {
      ++counts_[form + rule];
      if (cut) ++counts_["cut " + form + rule];
    }
  }
  if (ordered.empty()) return;
  const Value& vector = rows_.at(ordered.front().id)->cells[OracleColumn(table_, "v")];
  const auto* stored = std::get_if<Vector>(&vector);
  if (stored != nullptr && *stored == request.vector) ++counts_["the vector asked for is stored"];
}

uint64_t OrderCoverage::Count(const std::string& rule) const {
  const auto found = counts_.find(rule);
  return found == counts_.end() ? 0 : found->second;
}

std::string OrderCoverage::Text() const {
  std::string text;
  for (const auto& [rule, count] : counts_) {
    text.append(rule).append(": ").append(std::to_string(count)).append("\n");
  }
  return text;
}

}  // namespace ordinate
