#include "engine/query/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/query/top_rows.h"
#include "tests/query/query_fixtures.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Value kNull;

RankedRow Ranked(std::optional<double> score, std::vector<Value> keys, RowId id) {
  return {.score = score, .keys = std::move(keys), .id = id, .version = 1};
}

SortKey Key(bool descending, bool nulls_first) {
  return {.column = "n", .descending = descending, .nulls_first = nulls_first};
}

std::vector<RowId> Ids(const std::vector<RankedRow>& rows) {
  std::vector<RowId> ids;
  for (const RankedRow& row : rows) ids.push_back(row.id);
  return ids;
}

std::vector<RowId> Sorted(const RowOrder& order, std::vector<RankedRow> rows) {
  std::sort(rows.begin(), rows.end(), order);
  return Ids(rows);
}

TEST(BindSortKeys, FindsColumnsAndHoldsItsLimit) {
  const TableDef table = EveryTypeTable();
  SortKey name{.column = "name"};
  EXPECT_EQ((*BindSortKeys({name}, table))[0].column_position, 4u);
  EXPECT_THAT(std::string(BindSortKeys({{.column = "v"}}, table).status().message()),
              HasSubstr("order_by: column \"v\" is a vector"));
  EXPECT_EQ(BindSortKeys({{.column = "x"}}, table).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(BindSortKeys(std::vector<SortKey>(16, name), table).ok());
  EXPECT_THAT(std::string(BindSortKeys(std::vector<SortKey>(17, name), table).status().message()),
              HasSubstr("17 sort keys; expected at most 16"));
}

// contract 2.1, 2.2
TEST(RowOrder, ScoreThenKeysThenId) {
  const std::vector<RankedRow> rows = {Ranked(2, {int64_t{1}}, 1), Ranked(1, {int64_t{2}}, 2),
                                       Ranked(1, {int64_t{1}}, 4), Ranked(1, {int64_t{1}}, 3),
                                       Ranked(std::nullopt, {int64_t{0}}, 0)};
  EXPECT_THAT(Sorted(RowOrder(false, {Key(false, false)}), rows), ElementsAre(3, 4, 2, 1, 0));
  EXPECT_THAT(Sorted(RowOrder(true, {Key(false, false)}), rows), ElementsAre(1, 3, 4, 2, 0));
  EXPECT_THAT(Sorted(RowOrder(false, {Key(true, true)}), rows), ElementsAre(2, 3, 4, 1, 0));
  EXPECT_THAT(Sorted(RowOrder(false, {}), rows), ElementsAre(2, 3, 4, 1, 0));
}

TEST(RowOrder, NullsGoWhereTheKeySays) {
  const std::vector<RankedRow> rows = {Ranked(1, {int64_t{1}}, 1), Ranked(1, {kNull}, 2),
                                       Ranked(1, {std::nan("")}, 3), Ranked(1, {0.5}, 4),
                                       Ranked(1, {kNull}, 0)};
  EXPECT_THAT(Sorted(RowOrder(false, {Key(false, false)}), rows), ElementsAre(4, 1, 3, 0, 2));
  EXPECT_THAT(Sorted(RowOrder(false, {Key(false, true)}), rows), ElementsAre(0, 2, 4, 1, 3));
  EXPECT_THAT(Sorted(RowOrder(false, {Key(true, false)}), rows), ElementsAre(3, 1, 4, 0, 2));
  EXPECT_THAT(Sorted(RowOrder(false, {Key(true, true)}), rows), ElementsAre(0, 2, 3, 1, 4));
}

TEST(RowOrder, ReadsKeysOfARow) {
  const Row row{.id = 1, .version = 1, .cells = {uint64_t{9}, true, int64_t{5}}};
  const auto keys = BindSortKeys({{.column = "n"}, {.column = "name"}}, EveryTypeTable());
  ASSERT_TRUE(keys.ok());
  RankedRow ranked;
  ranked.keys = {true};
  RowOrder(false, *keys).ReadKeys(RowCells(row), ranked);
  EXPECT_THAT(ranked.keys, ElementsAre(Value(int64_t{5}), kNull));
}

// ---- random rows with many ties, NULLs and rows without a score

class RandomRows {
 public:
  explicit RandomRows(uint32_t seed) : random_(seed) {}

  size_t Below(size_t end) { return random_() % end; }

  RowOrder Order() {
    std::vector<SortKey> keys(Below(3));
    for (SortKey& key : keys) key = Key(Below(2) == 0, Below(2) == 0);
    return RowOrder(Below(2) == 0, keys);
  }

  std::vector<RankedRow> Rows(const RowOrder& order, size_t count) {
    std::vector<RankedRow> rows;
    for (size_t i = 0; i < count; ++i) {
      RankedRow row;
      if (Below(8) != 0) row.score = static_cast<double>(Below(4)) - 1;
      for (size_t k = 0; k < order.keys().size(); ++k) row.keys.push_back(KeyValue());
      row.id = i * 7919 % 10'007;
      rows.push_back(std::move(row));
    }
    std::shuffle(rows.begin(), rows.end(), random_);
    return rows;
  }

 private:
  Value KeyValue() {
    switch (Below(5)) {
      case 0:
        return kNull;
      case 1:
        return static_cast<double>(Below(3)) / 2;
      case 2:
        return std::nan("");
      case 3:
        return uint64_t{Below(3)};
      default:
        return static_cast<int64_t>(Below(3)) - 1;
    }
  }

  std::mt19937 random_;
};

TEST(RowOrder, IsAStrictTotalOrder) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomRows random(seed);
    const RowOrder order = random.Order();
    const std::vector<RankedRow> rows = random.Rows(order, 25);
    for (const RankedRow& a : rows) {
      ASSERT_FALSE(order(a, a));
      for (const RankedRow& b : rows) {
        if (a.id != b.id) {
          ASSERT_NE(order(a, b), order(b, a));
        }
        for (const RankedRow& c : rows) {
          if (order(a, b) && order(b, c)) {
            ASSERT_TRUE(order(a, c));
          }
        }
      }
    }
  }
}

TEST(TopRows, IsSortAndCut) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomRows random(seed);
    const RowOrder order = random.Order();
    const std::vector<RankedRow> rows = random.Rows(order, random.Below(80));
    const size_t limit = 1 + random.Below(40);
    TopRows top(order, limit);
    for (const RankedRow& row : rows) {
      if (top.CouldEnter(row.score)) top.Offer(row);
      ASSERT_LE(top.size(), limit);
    }
    std::vector<RowId> expected = Sorted(order, rows);
    expected.resize(std::min(limit, expected.size()));
    ASSERT_EQ(Ids(top.Take()), expected);
    ASSERT_EQ(top.size(), 0u);
  }
}

TEST(TopRows, CouldEnterSkipsOnlyScoresThatCannot) {
  const RowOrder order(false, {});
  TopRows top(order, 2);
  EXPECT_TRUE(top.CouldEnter(std::nullopt));
  top.Offer(Ranked(1, {}, 1));
  top.Offer(Ranked(std::nullopt, {}, 2));
  EXPECT_TRUE(top.CouldEnter(std::nullopt));  // its keys may be better
  EXPECT_TRUE(top.CouldEnter(9));
  top.Offer(Ranked(2, {}, 3));
  EXPECT_FALSE(top.CouldEnter(std::nullopt));
  EXPECT_TRUE(top.CouldEnter(2));
  EXPECT_FALSE(top.CouldEnter(3));
}

TEST(TopRows, FirstBeyondIsTheNextScoreAfterTheWorst) {
  const RowOrder ascending(false, {}), descending(true, {}), buckets(false, {}, 0.5);
  TopRows near(ascending, 2), high(descending, 2), coarse(buckets, 2);
  for (TopRows* top : {&near, &high, &coarse}) {
    top->Offer(Ranked(1, {}, 1));
    EXPECT_EQ(top->FirstBeyond(), std::nullopt);  // there is room
    top->Offer(Ranked(std::nullopt, {}, 2));
    EXPECT_EQ(top->FirstBeyond(), std::nullopt);  // any score is better
    top->Offer(Ranked(2, {}, 3));
  }
  EXPECT_EQ(near.FirstBeyond(), std::nextafter(2.0, 3.0));
  EXPECT_FALSE(near.IsBeyond(2));  // its keys may be better
  EXPECT_EQ(high.FirstBeyond(), std::nextafter(1.0, 0.0));
  EXPECT_EQ(coarse.FirstBeyond(), std::nullopt);  // the next score is in the same bucket
}

TEST(MergeSorted, IsSortOfAllAndCut) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomRows random(seed);
    const RowOrder order = random.Order();
    const std::vector<RankedRow> rows = random.Rows(order, random.Below(80));
    std::vector<std::vector<RankedRow>> lists(1 + random.Below(5));
    for (const RankedRow& row : rows) lists[random.Below(lists.size())].push_back(row);
    for (auto& list : lists) std::sort(list.begin(), list.end(), order);
    const size_t offset = random.Below(30);
    const size_t limit = random.Below(60);

    std::vector<RowId> expected = Sorted(order, rows);
    expected.erase(expected.begin(), expected.begin() + std::min(offset, expected.size()));
    expected.resize(std::min(limit, expected.size()));
    std::vector<RowId> merged;
    for (const MergedRef& ref : MergeSorted(order, lists, offset, limit)) {
      merged.push_back(lists[ref.list][ref.position].id);
    }
    ASSERT_EQ(merged, expected);
  }
  EXPECT_TRUE(MergeSorted(RowOrder(false, {}), {}, 0, 10).empty());
}

}  // namespace
}  // namespace ordinate
