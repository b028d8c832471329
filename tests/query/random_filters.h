#pragma once

#include <cmath>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/filter.h"

namespace ordinate {

inline Filter Compare(std::string column, CompareOp op, Value literal) {
  Filter filter;
  filter.column = std::move(column);
  filter.op = op;
  filter.literals = {std::move(literal)};
  return filter;
}

inline Filter In(std::string column, std::vector<Value> literals) {
  Filter filter;
  filter.kind = Filter::Kind::kIn;
  filter.column = std::move(column);
  filter.literals = std::move(literals);
  return filter;
}

inline Filter IsNullOf(std::string column) {
  Filter filter;
  filter.kind = Filter::Kind::kIsNull;
  filter.column = std::move(column);
  return filter;
}

inline Filter Of(Filter::Kind kind, std::vector<Filter> children) {
  Filter filter;
  filter.kind = kind;
  filter.children = std::move(children);
  return filter;
}

inline Filter Between(std::string column, Value low, Value high) {
  Filter filter;
  filter.kind = Filter::Kind::kBetween;
  filter.column = std::move(column);
  filter.literals = {std::move(low), std::move(high)};
  return filter;
}

inline Filter Prefix(std::string column, std::string prefix) {
  Filter filter;
  filter.kind = Filter::Kind::kPrefix;
  filter.column = std::move(column);
  filter.literals = {std::move(prefix)};
  return filter;
}

/// Cells and conditions of EveryTypeTable() that often meet: few values, NULLs, the ends of every
/// type.
class RandomFilters {
 public:
  explicit RandomFilters(uint32_t seed) : random_(seed) {}

  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  Value Scalar(uint32_t position) {
    if (Below(5) == 0) return Value();
    switch (position) {
      case 0:
        return Number(true);
      case 1:
        return Below(2) == 0;
      case 2:
      case 3:
        return Number(false);
      case 4:
        return Text();
      default:
        return Timestamp{static_cast<int64_t>(Below(4)) - 2};
    }
  }

  std::string Text() {
    std::string text(Below(4), 'a');
    for (char& c : text) c = "ab%_\\'"[Below(Below(3) == 0 ? 6 : 2)];
    return text;
  }

  Value Number(bool natural) {
    const int64_t small = static_cast<int64_t>(Below(5)) - (natural ? 0 : 2);
    switch (Below(7)) {
      case 0:
        return static_cast<double>(small) + 0.5;
      case 1:
        return static_cast<double>(small);
      case 2:
        return natural ? Value(UINT64_MAX) : Value(INT64_MIN);
      case 3:
        return Special();
      case 4:
        return Extreme();
      default:
        return small;
    }
  }

  double Special() {
    const double specials[] = {std::nan(""), -std::nan(""), HUGE_VAL, -HUGE_VAL, 0.0,     -0.0,
                               5e-324,       0x1p53,        0x1p63,   0x1p64,    -0x1p63, 1e300};
    return specials[Below(std::size(specials))];
  }

  Value Extreme() {
    const Value extremes[] = {INT64_MIN,       INT64_MAX,  (int64_t{1} << 53) + 1,
                              INT64_MAX - 512, UINT64_MAX, uint64_t{1} << 63};
    return extremes[Below(std::size(extremes))];
  }

  // A cell of the column's own type.
  Value Cell(uint32_t position) {
    if (position == 0) return Below(8) == 0 ? UINT64_MAX : uint64_t{Below(5)};
    if (position == 2 && Below(5) != 0) {
      const Value extreme = Extreme();
      const auto* integer = std::get_if<int64_t>(&extreme);
      if (integer != nullptr && Below(4) == 0) return *integer;
      return static_cast<int64_t>(Below(5)) - 2;
    }
    if (position == 2) return Value();
    if (position != 3) return Scalar(position);
    const Value number = Number(false);
    if (const auto* d = std::get_if<double>(&number)) return *d;
    return Below(3) == 0 ? Value() : Value(Special());
  }

  Filter Tree(size_t depth) {
    static const char* const kNames[] = {"id", "flag", "n", "price", "name", "at"};
    const size_t kind = depth >= 5 ? Below(5) : Below(8);
    const auto position = static_cast<uint32_t>(Below(6));
    if (kind == 0) {
      return Compare(kNames[position], static_cast<CompareOp>(Below(6)), Scalar(position));
    }
    if (kind == 1) {
      std::vector<Value> values(1 + Below(5));
      for (Value& value : values) value = Scalar(position);
      return In(kNames[position], std::move(values));
    }
    if (kind == 2) return IsNullOf(kNames[position]);
    if (kind == 3) return Between(kNames[position], Scalar(position), Scalar(position));
    if (kind == 4) return Prefix("name", Text());
    if (kind == 5) return Of(Filter::Kind::kNot, {Tree(depth + 1)});
    std::vector<Filter> children(1 + Below(3));
    for (Filter& child : children) child = Tree(depth + 1);
    return Of(kind == 6 ? Filter::Kind::kAnd : Filter::Kind::kOr, std::move(children));
  }

 private:
  std::mt19937 random_;
};

}  // namespace ordinate
