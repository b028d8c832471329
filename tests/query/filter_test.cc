#include "engine/query/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/query/query_fixtures.h"
#include "tests/query/random_filters.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

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

TEST(BindFilter, ChecksBetweenAndPrefix) {
  EXPECT_EQ(Bound(Between("price", int64_t{1}, int64_t{2})).literals,
            (std::vector<Value>{1.0, 2.0}));
  EXPECT_EQ(Refusal(Between("n", int64_t{1}, "x")),
            "filter: column \"n\" is INT64 and cannot be compared with \"x\"");
  Filter one_bound = Between("n", int64_t{1}, int64_t{2});
  one_bound.literals.pop_back();
  EXPECT_THAT(Refusal(one_bound), HasSubstr("BETWEEN on column \"n\" has 1 values; expected two"));
  EXPECT_EQ(Refusal(Prefix("n", "1")), "filter: column \"n\" is INT64; LIKE takes a STRING column");
  Filter of_number = Prefix("name", "");
  of_number.literals = {int64_t{1}};
  EXPECT_THAT(Refusal(of_number), HasSubstr("LIKE on column \"name\" needs one STRING"));
}

// contract 2.2
TEST(Evaluate, BetweenIsBothComparisons) {
  const auto n = [](Value low, Value high, Value cell) {
    return On(Bound(Between("n", std::move(low), std::move(high))),
              {uint64_t{0}, true, std::move(cell)});
  };
  EXPECT_EQ(n(int64_t{1}, int64_t{3}, int64_t{1}), Truth::kTrue);
  EXPECT_EQ(n(int64_t{1}, int64_t{3}, int64_t{3}), Truth::kTrue);
  EXPECT_EQ(n(int64_t{1}, int64_t{3}, int64_t{4}), Truth::kFalse);
  EXPECT_EQ(n(0.5, 1.5, int64_t{1}), Truth::kTrue);
  EXPECT_EQ(n(int64_t{3}, int64_t{1}, int64_t{2}), Truth::kFalse);
  EXPECT_EQ(n(int64_t{1}, int64_t{3}, kNull), Truth::kUnknown);
  EXPECT_EQ(n(int64_t{1}, kNull, int64_t{2}), Truth::kUnknown);
  EXPECT_EQ(n(int64_t{1}, kNull, int64_t{0}), Truth::kFalse);
  const Filter outside = Bound(Of(Filter::Kind::kNot, {Between("n", int64_t{1}, Value())}));
  EXPECT_EQ(On(outside, {uint64_t{0}, true, int64_t{0}}), Truth::kTrue);
  EXPECT_EQ(On(outside, {uint64_t{0}, true, int64_t{2}}), Truth::kUnknown);
}

TEST(Evaluate, PrefixesCompareByBytes) {
  const auto name = [](std::string prefix, Value cell) {
    return On(Bound(Prefix("name", std::move(prefix))),
              {uint64_t{0}, true, kNull, kNull, std::move(cell)});
  };
  EXPECT_EQ(name("ab", "abc"), Truth::kTrue);
  EXPECT_EQ(name("ab", "ab"), Truth::kTrue);
  EXPECT_EQ(name("ab", "a"), Truth::kFalse);
  EXPECT_EQ(name("ab", "Abc"), Truth::kFalse);
  EXPECT_EQ(name("", ""), Truth::kTrue);
  EXPECT_EQ(name("", kNull), Truth::kUnknown);
  EXPECT_EQ(name("%", "a"), Truth::kFalse);
  EXPECT_EQ(name("\xc3", "\xc3\xa4"), Truth::kTrue);
}

// ---- random filters against an evaluator that does everything the long way

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
  if (filter.kind == Filter::Kind::kPrefix) {
    if (IsNull(cell)) return Maybe();
    return std::get<std::string>(cell).find(std::get<std::string>(filter.literals[0])) == 0;
  }
  if (filter.kind == Filter::Kind::kBetween) {
    const Value &low = filter.literals[0], &high = filter.literals[1];
    return Naive(Of(Filter::Kind::kAnd, {Compare(filter.column, CompareOp::kGe, low),
                                         Compare(filter.column, CompareOp::kLe, high)}),
                 table, row);
  }
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
