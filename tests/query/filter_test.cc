#include "engine/query/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/query/query_fixtures.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

Filter Compare(std::string column, CompareOp op, Value literal) {
  Filter filter;
  filter.column = std::move(column);
  filter.op = op;
  filter.literals = {std::move(literal)};
  return filter;
}

Filter In(std::string column, std::vector<Value> literals) {
  Filter filter;
  filter.kind = Filter::Kind::kIn;
  filter.column = std::move(column);
  filter.literals = std::move(literals);
  return filter;
}

Filter IsNullOf(std::string column) {
  Filter filter;
  filter.kind = Filter::Kind::kIsNull;
  filter.column = std::move(column);
  return filter;
}

Filter Of(Filter::Kind kind, std::vector<Filter> children) {
  Filter filter;
  filter.kind = kind;
  filter.children = std::move(children);
  return filter;
}

std::string Refusal(Filter filter) {
  const absl::StatusOr<Filter> bound = BindFilter(std::move(filter), EveryTypeTable());
  if (bound.ok()) return "it was taken: " + FilterText(*bound);
  EXPECT_EQ(bound.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(bound.status().message());
}

Filter Bound(Filter filter) {
  absl::StatusOr<Filter> bound = BindFilter(std::move(filter), EveryTypeTable());
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? *std::move(bound) : Filter();
}

Truth On(const Filter& filter, std::vector<Value> cells) {
  const Row row{.id = 1, .version = 1, .cells = std::move(cells)};
  return Evaluate(filter, RowCells(row));
}

const Value kNull;

TEST(BindFilter, FindsColumns) {
  EXPECT_EQ(Bound(Compare("name", CompareOp::kEq, "x")).column_position, 4u);
  EXPECT_EQ(Refusal(Compare("nam", CompareOp::kEq, "x")),
            "filter: table \"things\" has no column \"nam\"; expected one of its key and attribute "
            "columns: id, flag, n, price, name, at");
  EXPECT_THAT(Refusal(IsNullOf("v")), HasSubstr("column \"v\" is a vector"));
  EXPECT_THAT(Refusal(IsNullOf("blob")), HasSubstr("column \"blob\" is a payload"));
  EXPECT_LT(Refusal(IsNullOf(std::string(1'000'000, '\xff'))).size(), 2'000u);
}

TEST(BindFilter, ChecksTypes) {
  EXPECT_EQ(Refusal(Compare("n", CompareOp::kEq, "x")),
            "filter: column \"n\" is INT64 and cannot be compared with \"x\"");
  EXPECT_THAT(Refusal(Compare("flag", CompareOp::kEq, int64_t{1})), HasSubstr("is BOOL"));
  EXPECT_THAT(Refusal(Compare("at", CompareOp::kEq, int64_t{1})), HasSubstr("is TIMESTAMP"));
  EXPECT_THAT(Refusal(In("name", {"a", Vector{1}})), HasSubstr("cannot be compared with [1]"));
  EXPECT_EQ(On(Bound(Compare("n", CompareOp::kNe, kNull)), {uint64_t{1}, true, int64_t{3}}),
            Truth::kUnknown);
}

TEST(BindFilter, CoercesExactlyOrNotAtAll) {
  const auto literal = [](std::string column, Value value) {
    return Bound(Compare(std::move(column), CompareOp::kEq, std::move(value))).literals[0];
  };
  EXPECT_EQ(literal("n", 3.0), Value(int64_t{3}));
  EXPECT_EQ(literal("n", 3.5), Value(3.5));
  EXPECT_EQ(literal("n", 0x1p63), Value(0x1p63));
  EXPECT_EQ(literal("n", uint64_t{3}), Value(int64_t{3}));
  EXPECT_EQ(literal("n", UINT64_MAX), Value(UINT64_MAX));
  EXPECT_EQ(literal("id", int64_t{3}), Value(uint64_t{3}));
  EXPECT_EQ(literal("id", int64_t{-3}), Value(int64_t{-3}));
  EXPECT_EQ(literal("id", -0.5), Value(-0.5));
  EXPECT_EQ(literal("price", int64_t{3}), Value(3.0));
  const int64_t beyond_double = (int64_t{1} << 53) + 1;
  EXPECT_EQ(literal("price", beyond_double), Value(beyond_double));
  EXPECT_EQ(literal("n", HUGE_VAL), Value(HUGE_VAL));
  EXPECT_TRUE(std::isnan(std::get<double>(literal("n", std::nan("")))));
}

TEST(BindFilter, SortsInListsAndIsIdempotent) {
  const Filter bound = Bound(In("n", {int64_t{5}, kNull, 2.0, int64_t{5}, int64_t{-1}, 2.5}));
  EXPECT_EQ(bound.literals, (std::vector<Value>{int64_t{-1}, int64_t{2}, 2.5, int64_t{5}}));
  EXPECT_TRUE(bound.has_null_literal);
  EXPECT_EQ(Bound(bound), bound);
  const Filter only_null = Bound(In("n", {kNull}));
  EXPECT_EQ(Bound(only_null), only_null);
  EXPECT_EQ(On(only_null, {uint64_t{1}, true, int64_t{3}}), Truth::kUnknown);
}

TEST(BindFilter, ChecksShapes) {
  EXPECT_THAT(Refusal(Of(Filter::Kind::kAnd, {})), HasSubstr("expected at least one"));
  EXPECT_THAT(Refusal(Of(Filter::Kind::kNot, {IsNullOf("n"), IsNullOf("n")})),
              HasSubstr("a NOT has 2 conditions; expected one"));
  EXPECT_THAT(Refusal(In("n", {})), HasSubstr("has no values"));
  EXPECT_THAT(Refusal(In("n", std::vector<Value>(10'001, int64_t{1}))),
              HasSubstr("has 10001 values; expected at most 10000"));
  Filter without = Compare("n", CompareOp::kEq, int64_t{1});
  without.literals.clear();
  EXPECT_THAT(Refusal(without), HasSubstr("has 0 values; expected one"));
  Filter leaf_with_child = IsNullOf("n");
  leaf_with_child.children = {IsNullOf("n")};
  EXPECT_THAT(Refusal(leaf_with_child), HasSubstr("expected none"));
  EXPECT_THAT(Refusal(Compare("n", static_cast<CompareOp>(99), int64_t{1})),
              HasSubstr("operator 99"));
  EXPECT_THAT(Refusal(Of(static_cast<Filter::Kind>(99), {})), HasSubstr("kind 99"));
}

TEST(BindFilter, LimitsNodes) {
  Bound(Of(Filter::Kind::kOr, std::vector<Filter>(kMaxFilterNodes - 1, IsNullOf("n"))));
  EXPECT_THAT(Refusal(Of(Filter::Kind::kOr, std::vector<Filter>(kMaxFilterNodes, IsNullOf("n")))),
              HasSubstr("more than 1000 conditions"));
}

Filter Chain(size_t depth) {
  Filter filter = IsNullOf("n");
  for (size_t level = 1; level < depth; ++level) {
    Filter outer;
    outer.kind = Filter::Kind::kNot;
    outer.children.push_back(std::move(filter));
    filter = std::move(outer);
  }
  return filter;
}

TEST(BindFilter, LimitsDepthWithoutUsingTheStack) {
  EXPECT_EQ(On(Bound(Chain(kMaxFilterDepth)), {}), Truth::kFalse);  // 63 times NOT of true
  EXPECT_THAT(Refusal(Chain(kMaxFilterDepth + 1)), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(Refusal(Chain(1'000'000)), HasSubstr("nested deeper than 64"));
}

TEST(Evaluate, ComparesInThreeValues) {
  const std::vector<Value> row = {UINT64_MAX, kNull, int64_t{5}, std::nan("")};
  EXPECT_EQ(On(Bound(Compare("n", CompareOp::kLe, int64_t{5})), row), Truth::kTrue);
  EXPECT_EQ(On(Bound(Compare("n", CompareOp::kLt, 5.5)), row), Truth::kTrue);
  EXPECT_EQ(On(Bound(Compare("n", CompareOp::kGt, int64_t{5})), row), Truth::kFalse);
  EXPECT_EQ(On(Bound(Compare("flag", CompareOp::kEq, true)), row), Truth::kUnknown);
  EXPECT_EQ(On(Bound(Compare("name", CompareOp::kEq, "x")), row), Truth::kUnknown);  // added later
  EXPECT_EQ(On(Bound(IsNullOf("name")), row), Truth::kTrue);
  EXPECT_EQ(On(Bound(Compare("id", CompareOp::kLt, 0x1p64)), row), Truth::kTrue);
  EXPECT_EQ(On(Bound(Compare("price", CompareOp::kGt, HUGE_VAL)), row), Truth::kTrue);  // NaN
  EXPECT_EQ(On(Bound(Compare("price", CompareOp::kEq, std::nan(""))), row), Truth::kTrue);
}

TEST(Evaluate, InAndNotInFollowSql) {
  const Filter plain = Bound(In("n", {int64_t{1}, int64_t{2}}));
  const Filter with_null = Bound(In("n", {int64_t{1}, kNull}));
  const auto row = [](Value n) { return std::vector<Value>{uint64_t{0}, true, std::move(n)}; };
  EXPECT_EQ(On(plain, row(int64_t{2})), Truth::kTrue);
  EXPECT_EQ(On(plain, row(int64_t{3})), Truth::kFalse);
  EXPECT_EQ(On(plain, row(kNull)), Truth::kUnknown);
  EXPECT_EQ(On(with_null, row(int64_t{1})), Truth::kTrue);
  EXPECT_EQ(On(with_null, row(int64_t{3})), Truth::kUnknown);
  const Filter not_in = Bound(Of(Filter::Kind::kNot, {In("n", {int64_t{1}, kNull})}));
  EXPECT_EQ(On(not_in, row(int64_t{3})), Truth::kUnknown);
}

// ---- random filters against an evaluator that does everything the long way

class RandomFilters {
 public:
  explicit RandomFilters(uint32_t seed) : random_(seed) {}

  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  Value Scalar(uint32_t position) {
    if (Below(5) == 0) return kNull;
    switch (position) {
      case 0:
        return Number(true);
      case 1:
        return Below(2) == 0;
      case 2:
      case 3:
        return Number(false);
      case 4:
        return std::string(Below(3), static_cast<char>('a' + Below(2)));
      default:
        return Timestamp{static_cast<int64_t>(Below(4)) - 2};
    }
  }

  Value Number(bool natural) {
    const int64_t small = static_cast<int64_t>(Below(5)) - (natural ? 0 : 2);
    switch (Below(6)) {
      case 0:
        return static_cast<double>(small) + 0.5;
      case 1:
        return static_cast<double>(small);
      case 2:
        return natural ? Value(UINT64_MAX) : Value(INT64_MIN);
      case 3:
        return Below(2) == 0 ? std::nan("") : HUGE_VAL;
      default:
        return small;
    }
  }

  // A cell of the column's own type.
  Value Cell(uint32_t position) {
    if (position == 0) return Below(8) == 0 ? UINT64_MAX : uint64_t{Below(5)};
    if (position == 2 && Below(5) != 0) {
      return Below(8) == 0 ? INT64_MIN : static_cast<int64_t>(Below(5)) - 2;
    }
    if (position == 2) return kNull;
    if (position != 3) return Scalar(position);
    const Value number = Number(false);
    if (const auto* d = std::get_if<double>(&number)) return *d;
    return Below(3) == 0 ? kNull : Value(-0.0);
  }

  Filter Tree(size_t depth) {
    static const char* const kNames[] = {"id", "flag", "n", "price", "name", "at"};
    const size_t kind = depth >= 5 ? Below(3) : Below(6);
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
    if (kind == 3) return Of(Filter::Kind::kNot, {Tree(depth + 1)});
    std::vector<Filter> children(1 + Below(3));
    for (Filter& child : children) child = Tree(depth + 1);
    return Of(kind == 4 ? Filter::Kind::kAnd : Filter::Kind::kOr, std::move(children));
  }

 private:
  std::mt19937 random_;
};

using Maybe = std::optional<bool>;

// By SQL's truth tables, on the tree as it was before binding; column names are looked up anew.
Maybe Naive(const Filter& filter, const TableDef& table, const Row& row) {
  const auto negated = [](Maybe m) { return m ? Maybe(!*m) : m; };
  const auto either = [](Maybe a, Maybe b) {
    if (a == true || b == true) return Maybe(true);
    return a == false && b == false ? Maybe(false) : Maybe();
  };
  if (filter.kind == Filter::Kind::kNot) return negated(Naive(filter.children[0], table, row));
  if (filter.kind == Filter::Kind::kOr || filter.kind == Filter::Kind::kAnd) {
    const bool all = filter.kind == Filter::Kind::kAnd;  // a AND b = NOT (NOT a OR NOT b)
    Maybe any = false;
    for (const Filter& child : filter.children) {
      const Maybe one = Naive(child, table, row);
      any = either(any, all ? negated(one) : one);
    }
    return all ? negated(any) : any;
  }
  const Value& cell = row.cells[*table.FindColumn(filter.column)];
  if (filter.kind == Filter::Kind::kIsNull) return IsNull(cell);
  const bool in = filter.kind == Filter::Kind::kIn;
  Maybe any = false;
  for (const Value& literal : filter.literals) {
    Maybe one;
    if (!IsNull(cell) && !IsNull(literal)) {
      const auto order = CompareScalars(View(cell), View(literal));
      const bool results[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
      one = results[in ? 0 : static_cast<size_t>(filter.op)];
    }
    any = either(any, one);
  }
  return any;
}

TEST(Evaluate, AgreesWithANaiveEvaluator) {
  const TableDef table = EveryTypeTable();
  size_t of_each[3] = {};
  for (uint32_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomFilters random(seed);
    const Filter filter = random.Tree(1);
    const Filter bound = Bound(filter);
    for (int i = 0; i < 20; ++i) {
      Row row;
      for (uint32_t position = 0; position < 6; ++position) {
        row.cells.push_back(random.Cell(position));
      }
      const Maybe naive = Naive(filter, table, row);
      const Truth expected = !naive ? Truth::kUnknown : *naive ? Truth::kTrue : Truth::kFalse;
      ASSERT_EQ(Evaluate(bound, RowCells(row)), expected) << FilterText(filter);
      ASSERT_EQ(Matches(bound, RowCells(row)), expected == Truth::kTrue);
      ++of_each[static_cast<size_t>(expected)];
    }
  }
  for (const size_t count : of_each) EXPECT_GT(count, 1'000u);
}

TEST(FilterText, OfRandomTreesReadsBackToTheSameConditions) {
  for (uint32_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomFilters random(seed);
    const Filter filter = random.Tree(1);
    const std::string text = FilterText(filter);
    const absl::StatusOr<Filter> parsed = ParseFilter(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
    ASSERT_EQ(FilterText(*parsed), text);
    ASSERT_EQ(FilterText(Bound(*parsed)), FilterText(Bound(filter)));
  }
}

}  // namespace
}  // namespace ordinate
