#include "tests/ordering/order_oracle.h"

#include <algorithm>
#include <cmath>

namespace ordinate {

bool OracleDescending(const QueryRequest& request) {
  if (request.direction == Direction::kAscending) return false;
  if (request.direction == Direction::kDescending) return true;
  return request.metric.value_or(Metric::kL2) != Metric::kL2;
}

std::vector<std::optional<double>> OrderOracle::Scores(Metric metric, const Vector& query) const {
  std::vector<std::optional<double>> scores(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    const auto* vector = std::get_if<Vector>(&OracleCell(table_, rows_[i], "v"));
    if (vector == nullptr) continue;
    const bool zero = std::all_of(vector->begin(), vector->end(), [](float x) { return x == 0; });
    if (metric == Metric::kCosine && zero) continue;
    scores[i] = OracleScore(metric, query, *vector);
  }
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

bool OrderOracle::KeysBefore(const QueryRequest& request, const Entry& a, const Entry& b,
                             bool* decided) const {
  *decided = true;
  for (const SortKey& key : request.order_by) {
    const Value& x = OracleCell(table_, rows_[a.row], key.column);
    const Value& y = OracleCell(table_, rows_[b.row], key.column);
    if (IsNull(x) != IsNull(y)) return IsNull(x) == key.nulls_first;
    if (IsNull(x)) continue;
    const int order = OracleCompare(x, y);
    if (order != 0) return key.descending ? order > 0 : order < 0;
  }
  *decided = false;
  return false;
}

bool OrderOracle::Before(const QueryRequest& request, bool keys_first, const Entry& a,
                         const Entry& b) const {
  const bool descending = OracleDescending(request);
  if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
  if (a.score.has_value() && !keys_first) {
    double x = *a.score, y = *b.score;
    if (request.ties.form == TieForm::kBucket) {
      x = std::floor(x / request.ties.width);
      y = std::floor(y / request.ties.width);
    }
    if (x != y) return descending ? x > y : x < y;
  }
  bool decided = false;
  const bool before = KeysBefore(request, a, b, &decided);
  if (decided) return before;
  if (a.score.has_value() && *a.score != *b.score) {
    return descending ? *a.score > *b.score : *a.score < *b.score;
  }
  return rows_[a.row].id < rows_[b.row].id;
}

std::vector<OracleAnswer> OrderOracle::Groups(const QueryRequest& request,
                                              std::vector<Entry> entries) const {
  std::sort(entries.begin(), entries.end(),
            [&](const Entry& a, const Entry& b) { return Before(request, false, a, b); });
  std::vector<std::pair<Value, std::vector<Entry>>> groups;
  for (const Entry& entry : entries) {
    const Value& value = OracleCell(table_, rows_[entry.row], request.group_by->column);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& known) { return known.first == value; });
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
                                              const std::vector<std::optional<double>>& scores,
                                              const std::vector<char>& matches) const {
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < rows_.size(); ++i) {
    if (!matches[i]) continue;
    if (!scores[i].has_value() && !request.include_null_vectors) continue;
    const bool bounded = request.range.min.has_value() || request.range.max.has_value();
    if (bounded && !scores[i].has_value()) continue;
    if (request.range.min.has_value() && *scores[i] < *request.range.min) continue;
    if (request.range.max.has_value() && *scores[i] > *request.range.max) continue;
    entries.push_back({scores[i], i});
  }
  if (request.group_by.has_value()) return Groups(request, std::move(entries));
  const auto sort_first = [&](size_t count, bool keys_first) {
    const size_t sorted = std::min(count, entries.size());
    std::partial_sort(
        entries.begin(), entries.begin() + static_cast<ptrdiff_t>(sorted), entries.end(),
        [&](const Entry& a, const Entry& b) { return Before(request, keys_first, a, b); });
  };
  size_t end = request.limit == 0 ? entries.size() : request.offset + request.limit;
  if (request.ties.form == TieForm::kWithinK) {
    sort_first(request.ties.n, false);
    entries.resize(std::min<size_t>(request.ties.n, entries.size()));
    sort_first(entries.size(), true);
  } else {
    sort_first(end, false);
  }
  end = std::min(end, entries.size());
  std::vector<OracleAnswer> answers;
  for (size_t i = request.offset; i < end; ++i) {
    answers.push_back({rows_[entries[i].row].id, entries[i].score});
  }
  return answers;
}

}  // namespace ordinate
