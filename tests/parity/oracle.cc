#include "tests/parity/oracle.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ordinate {

size_t OracleColumn(const TableDef& table, const std::string& column) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == column) return i;
  }
  throw std::out_of_range(column);
}

const Value& OracleCell(const TableDef& table, const OracleRow& row, const std::string& column) {
  return row.cells[OracleColumn(table, column)];
}

// Test data has one type per column and literals of that type.
int OracleCompare(const Value& a, const Value& b) {
  if (const auto* text = std::get_if<std::string>(&a)) {
    const int order = text->compare(std::get<std::string>(b));
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (const auto* number = std::get_if<int64_t>(&a)) {
    const int64_t other = std::get<int64_t>(b);
    return *number < other ? -1 : *number > other ? 1 : 0;
  }
  if (const auto* time = std::get_if<Timestamp>(&a)) {
    const int64_t micros = time->micros, other = std::get<Timestamp>(b).micros;
    return micros < other ? -1 : micros > other ? 1 : 0;
  }
  if (const auto* flag = std::get_if<bool>(&a)) {
    return static_cast<int>(*flag) - static_cast<int>(std::get<bool>(b));
  }
  const double x = std::get<double>(a), y = std::get<double>(b);
  if (std::isnan(x) || std::isnan(y)) return static_cast<int>(std::isnan(x)) - std::isnan(y);
  return x < y ? -1 : x > y ? 1 : 0;
}

namespace {

template <typename Term>
double LaneSum(size_t dim, Term term) {
  double lane[16] = {};
  size_t i = 0;
  for (; i + 16 <= dim; i += 16) {
    for (size_t j = 0; j < 16; ++j) lane[j] += term(i + j);
  }
  for (; i < dim; ++i) lane[i % 16] += term(i);
  for (size_t width = 8; width >= 1; width /= 2) {
    for (size_t j = 0; j < width; ++j) lane[j] += lane[j + width];
  }
  return lane[0];
}

double Dot(const Vector& a, const Vector& b) {
  return LaneSum(a.size(),
                 [&](size_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

bool HoldsFor(CompareOp op, int order) {
  switch (op) {
    case CompareOp::kEq:
      return order == 0;
    case CompareOp::kNe:
      return order != 0;
    case CompareOp::kLt:
      return order < 0;
    case CompareOp::kLe:
      return order <= 0;
    case CompareOp::kGt:
      return order > 0;
    case CompareOp::kGe:
      return order >= 0;
  }
  return false;
}

std::optional<bool> HoldsIn(const Filter& filter, const Value& cell) {
  if (IsNull(cell)) return std::nullopt;
  bool unknown = false;
  for (const Value& literal : filter.literals) {
    if (IsNull(literal)) {
      unknown = true;
    } else if (OracleCompare(cell, literal) == 0) {
      return true;
    }
  }
  if (unknown) return std::nullopt;
  return false;
}

}  // namespace

double OracleScore(Metric metric, const Vector& query, const Vector& x) {
  if (metric == Metric::kIp) return Dot(query, x);
  if (metric == Metric::kCosine) {
    const double cosine = Dot(query, x) / (std::sqrt(Dot(query, query)) * std::sqrt(Dot(x, x)));
    return std::min(1.0, std::max(-1.0, cosine));
  }
  return std::sqrt(LaneSum(x.size(), [&](size_t i) {
    const double difference = static_cast<double>(query[i]) - static_cast<double>(x[i]);
    return difference * difference;
  }));
}

std::optional<bool> OracleHolds(const TableDef& table, const Filter& filter, const OracleRow& row) {
  switch (filter.kind) {
    case Filter::Kind::kIsNull:
      return IsNull(OracleCell(table, row, filter.column));
    case Filter::Kind::kCompare: {
      const Value& cell = OracleCell(table, row, filter.column);
      if (IsNull(cell) || IsNull(filter.literals[0])) return std::nullopt;
      return HoldsFor(filter.op, OracleCompare(cell, filter.literals[0]));
    }
    case Filter::Kind::kIn:
      return HoldsIn(filter, OracleCell(table, row, filter.column));
    case Filter::Kind::kBetween: {
      const Value& cell = OracleCell(table, row, filter.column);
      const bool some_null = IsNull(filter.literals[0]) || IsNull(filter.literals[1]);
      if (IsNull(cell)) return std::nullopt;
      for (const size_t bound : {0, 1}) {
        if (IsNull(filter.literals[bound])) continue;
        const auto order = OracleCompare(cell, filter.literals[bound]);
        if (bound == 0 ? order < 0 : order > 0) return false;
      }
      return some_null ? std::nullopt : std::optional<bool>(true);
    }
    case Filter::Kind::kPrefix: {
      const auto* text = std::get_if<std::string>(&OracleCell(table, row, filter.column));
      if (text == nullptr) return std::nullopt;
      const auto& prefix = std::get<std::string>(filter.literals[0]);
      return text->substr(0, prefix.size()) == prefix;
    }
    case Filter::Kind::kNot: {
      const auto inner = OracleHolds(table, filter.children[0], row);
      return inner.has_value() ? std::optional<bool>(!*inner) : std::nullopt;
    }
    case Filter::Kind::kAnd:
    case Filter::Kind::kOr: {
      const bool decisive = filter.kind == Filter::Kind::kOr;
      bool unknown = false;
      for (const Filter& child : filter.children) {
        const auto holds = OracleHolds(table, child, row);
        if (!holds.has_value()) {
          unknown = true;
        } else if (*holds == decisive) {
          return decisive;
        }
      }
      if (unknown) return std::nullopt;
      return !decisive;
    }
  }
  return std::nullopt;
}

std::vector<OracleAnswer> OracleQuery(const TableDef& table, const std::vector<OracleRow>& rows,
                                      const QueryRequest& request) {
  const Metric metric = request.metric.value_or(Metric::kL2);
  struct Entry {
    std::optional<double> score;
    const OracleRow* row;
  };
  std::vector<Entry> entries;
  for (const OracleRow& row : rows) {
    if (request.filter.has_value() && OracleHolds(table, *request.filter, row) != true) continue;
    const auto* vector = std::get_if<Vector>(&OracleCell(table, row, request.column));
    const bool zero = vector != nullptr &&
                      std::all_of(vector->begin(), vector->end(), [](float x) { return x == 0; });
    if (vector == nullptr || (metric == Metric::kCosine && zero)) {
      if (request.include_null_vectors) entries.push_back({std::nullopt, &row});
    } else {
      entries.push_back({OracleScore(metric, request.vector, *vector), &row});
    }
  }
  bool descending = metric != Metric::kL2;
  if (request.direction == Direction::kAscending) descending = false;
  if (request.direction == Direction::kDescending) descending = true;
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
    if (a.score.has_value() && *a.score != *b.score) {
      return descending ? *a.score > *b.score : *a.score < *b.score;
    }
    for (const SortKey& key : request.order_by) {
      const Value& x = OracleCell(table, *a.row, key.column);
      const Value& y = OracleCell(table, *b.row, key.column);
      if (IsNull(x) != IsNull(y)) return IsNull(x) == key.nulls_first;
      if (IsNull(x)) continue;
      const int order = OracleCompare(x, y);
      if (order != 0) return key.descending ? order > 0 : order < 0;
    }
    return a.row->id < b.row->id;
  });
  std::vector<OracleAnswer> answers;
  for (size_t i = request.offset; i < entries.size() && answers.size() < request.limit; ++i) {
    answers.push_back({entries[i].row->id, entries[i].score});
  }
  return answers;
}

}  // namespace ordinate
