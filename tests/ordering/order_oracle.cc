#include "tests/ordering/order_oracle.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ordinate {

bool OracleDescending(const QueryRequest& request) {
  if (request.direction == Direction::kAscending) return false;
  if (request.direction == Direction::kDescending) return true;
  return request.metric.value_or(Metric::kL2) != Metric::kL2;
}

/// The order of contract 2.2 and 2.5 for one request.
class OrderOracle::Order {
 public:
  Order(const TableDef& table, const std::vector<OracleRow>& rows, const QueryRequest& request)
      : rows_(rows), ties_(request.ties), descending_(OracleDescending(request)) {
    for (const SortKey& key : request.order_by) {
      keys_.push_back({OracleColumn(table, key.column), key.descending, key.nulls_first});
    }
  }

  /// What is compared of a score before the keys are.
  std::optional<double> Compared(const std::optional<double>& score) const {
    if (!score.has_value() || ties_.form != TieForm::kBucket) return score;
    return std::floor(*score / ties_.width);
  }

  /// Whether `a` comes before `b` when what is compared of their scores does not tell.
  bool KeysBefore(const Entry& a, const Entry& b) const {
    if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
    if (const int keys = CompareKeys(rows_[a.row], rows_[b.row]); keys != 0) return keys < 0;
    if (a.score.has_value() && *a.score != *b.score) {
      return descending_ ? *a.score > *b.score : *a.score < *b.score;
    }
    return rows_[a.row].id < rows_[b.row].id;
  }

 private:
  struct Key {
    size_t column;
    bool descending, nulls_first;
  };

  // Negative: `a` first. 0: the keys do not tell.
  int CompareKeys(const OracleRow& a, const OracleRow& b) const {
    for (const Key& key : keys_) {
      const Value& x = a.cells[key.column];
      const Value& y = b.cells[key.column];
      if (IsNull(x) && IsNull(y)) continue;
      if (IsNull(x)) return key.nulls_first ? -1 : 1;
      if (IsNull(y)) return key.nulls_first ? 1 : -1;
      const int order = OracleCompare(x, y);
      if (order != 0) return key.descending ? -order : order;
    }
    return 0;
  }

  const std::vector<OracleRow>& rows_;
  const TieRule ties_;
  const bool descending_;
  std::vector<Key> keys_;
};

OrderOracle::OrderOracle(const TableDef& table, const std::vector<OracleRow>& rows)
    : table_(table), rows_(rows), vector_column_(OracleColumn(table, "v")) {}

OracleScores OrderOracle::Scores(const QueryRequest& request) const {
  const Metric metric = request.metric.value_or(Metric::kL2);
  OracleScores scores;
  scores.by_row.resize(rows_.size());
  std::vector<std::pair<double, uint32_t>> scored;
  for (uint32_t i = 0; i < rows_.size(); ++i) {
    const auto* vector = std::get_if<Vector>(&rows_[i].cells[vector_column_]);
    if (vector == nullptr) continue;
    const bool zero = std::all_of(vector->begin(), vector->end(), [](float x) { return x == 0; });
    if (metric == Metric::kCosine && zero) continue;
    const double score = OracleScore(metric, request.vector, *vector);
    scores.by_row[i] = score;
    scored.emplace_back(score, i);
  }
  const bool descending = OracleDescending(request);
  std::sort(scored.begin(), scored.end(), [&](const auto& a, const auto& b) {
    return descending ? a.first > b.first : a.first < b.first;
  });
  for (const auto& [score, row] : scored) scores.best_first.push_back(row);
  return scores;
}

std::vector<char> OrderOracle::Matches(const std::optional<Filter>& filter) const {
  std::vector<char> matches(rows_.size(), 1);
  if (!filter.has_value()) return matches;
  for (size_t i = 0; i < rows_.size(); ++i) {
    matches[i] = OracleHolds(table_, *filter, rows_[i]) == true;
  }
  return matches;
}

// The first `needed` rows of the order are among these: the best by score, and on, until what is
// compared of the score is worse than it is for the needed-th.
std::vector<OrderOracle::Entry> OrderOracle::Candidates(const QueryRequest& request,
                                                        const Order& order,
                                                        const OracleScores& scores,
                                                        const std::vector<char>& matches,
                                                        size_t needed) const {
  std::vector<Entry> found;
  for (const uint32_t row : scores.best_first) {
    const double score = *scores.by_row[row];
    if (!matches[row]) continue;
    if (request.range.min.has_value() && score < *request.range.min) continue;
    if (request.range.max.has_value() && score > *request.range.max) continue;
    if (found.size() >= needed && order.Compared(score) != order.Compared(found.back().score)) {
      return found;
    }
    found.push_back({score, row});
  }
  const bool bounded = request.range.min.has_value() || request.range.max.has_value();
  if (!request.include_null_vectors || bounded) return found;
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    if (matches[row] && !scores.by_row[row].has_value()) found.push_back({std::nullopt, row});
  }
  return found;
}

std::vector<OracleAnswer> OrderOracle::Groups(const QueryRequest& request,
                                              const std::vector<Entry>& sorted) const {
  const size_t column = OracleColumn(table_, request.group_by->column);
  const auto same = [](const Value& a, const Value& b) {
    return IsNull(a) || IsNull(b) ? IsNull(a) && IsNull(b) : OracleCompare(a, b) == 0;
  };
  std::vector<std::pair<Value, std::vector<Entry>>> groups;
  for (const Entry& entry : sorted) {
    const Value& value = rows_[entry.row].cells[column];
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& known) { return same(known.first, value); });
    if (group == groups.end()) group = groups.insert(groups.end(), {value, {}});
    if (group->second.size() < request.group_by->rows) group->second.push_back(entry);
  }
  std::vector<OracleAnswer> answers;
  for (size_t g = request.offset; g < std::min(groups.size(), request.offset + request.limit);
       ++g) {
    for (const Entry& entry : groups[g].second) {
      answers.push_back({rows_[entry.row].id, entry.score});
    }
  }
  return answers;
}

std::vector<OracleAnswer> OrderOracle::Answer(const QueryRequest& request,
                                              const OracleScores& scores,
                                              const std::vector<char>& matches) const {
  const Order order(table_, rows_, request);
  const bool within_k = request.ties.form == TieForm::kWithinK;
  const size_t end = request.limit == 0 ? rows_.size() : request.offset + request.limit;
  const size_t needed = request.group_by.has_value() ? rows_.size()
                        : within_k                   ? request.ties.n
                                                     : end;
  std::vector<Entry> entries = Candidates(request, order, scores, matches, needed);
  const auto keys_before = [&](const Entry& a, const Entry& b) { return order.KeysBefore(a, b); };
  // They come by their scores: what is left to sort is each run that these do not tell apart.
  for (auto first = entries.begin(); first != entries.end();) {
    const auto last = std::find_if(first, entries.end(), [&](const Entry& entry) {
      return order.Compared(entry.score) != order.Compared(first->score);
    });
    std::sort(first, last, keys_before);
    first = last;
  }
  if (request.group_by.has_value()) return Groups(request, entries);
  if (within_k) {
    entries.resize(std::min(needed, entries.size()));
    std::sort(entries.begin(), entries.end(), keys_before);
  }
  std::vector<OracleAnswer> answers;
  for (size_t i = request.offset; i < std::min(end, entries.size()); ++i) {
    answers.push_back({rows_[entries[i].row].id, entries[i].score});
  }
  return answers;
}

}  // namespace ordinate
