#include "engine/query/top_groups.h"

#include <map>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

RankedRow MakeRow(RowId id, double score, Value group) {
  return {.score = score, .keys = {std::move(group)}, .id = id};
}
std::vector<RowId> Ids(RankSink& sink) {
  std::vector<RowId> ids;
  for (const RankedRow& row : sink.Take()) ids.push_back(row.id);
  return ids;
}

class GroupsTest : public ::testing::Test {
 protected:
  GroupsTest() : order_(false, {}) { order_.Carry(0); }
  RowOrder order_;
};

TEST_F(GroupsTest, BestGroupsKeepTheBestRowOfEach) {
  BestGroups best(order_, 2);
  best.Offer(MakeRow(1, 5, "a"));
  best.Offer(MakeRow(2, 4, "b"));
  best.Offer(MakeRow(3, 3, Value()));  // pushes a out
  best.Offer(MakeRow(4, 1, "a"));      // which comes back with a better row
  best.Offer(MakeRow(5, 2, "a"));
  EXPECT_THAT(Ids(best), ElementsAre(4, 3));
}

TEST_F(GroupsTest, GroupRowsKeepTheBestOfKnownGroups) {
  const std::vector<Value> groups = {"a", Value()};
  GroupRows rows(order_, groups, 2);
  for (const RowId id : {1, 2, 3}) rows.Offer(MakeRow(id, static_cast<double>(id), "a"));
  rows.Offer(MakeRow(4, 0, "b"));
  rows.Offer(MakeRow(5, 1.5, Value()));
  EXPECT_THAT(Ids(rows), ElementsAre(1, 5, 2));
}

// Split over forks in any way, the result is that of one sink over everything.
TEST_F(GroupsTest, ForksJoinToTheSame) {
  const uint64_t seed = 7;
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  BestGroups whole(order_, 5);
  BestGroups joined(order_, 5);
  for (int part = 0; part < 20; ++part) {
    const auto fork = joined.Fork();
    for (int i = 0; i < 50; ++i) {
      const RankedRow row =
          MakeRow(static_cast<RowId>(part * 50 + i), static_cast<double>(random() % 400),
                  static_cast<int64_t>(random() % 40));
      whole.Offer(row);
      fork->Offer(row);
    }
    joined.Join(*fork);
  }
  EXPECT_EQ(Ids(joined), Ids(whole));
}

}  // namespace
}  // namespace ordinate
