#include "engine/query/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// Four shards of an L2 HNSW index of dim 3, 100,000 rows in all, and ten rows asked for.
class PlanTest : public testing::Test {
 protected:
  PlanTest() : probes_(4) {
    index_.id = 5;
    index_.name = "near";
    index_.dim = 3;
    choice_ = {.index = &index_, .reason = Reason::kIndexMatch};
    request_.column = "v";
    request_.vector = {1, 2, 3};
    request_.limit = 10;
    for (ShardProbe& probe : probes_) probe.index_usable = true;
    SetRows(25'000);
    for (size_t shard = 0; shard < probes_.size(); ++shard) probes_[shard].generation = shard + 1;
  }

  void SetRows(uint64_t rows_per_shard) {
    for (ShardProbe& probe : probes_) {
      probe.table_rows = rows_per_shard;
      probe.index_rows = rows_per_shard;
    }
  }

  // A filter that `matched` of 1,000 sampled rows on each shard match.
  void SetFilter(uint64_t matched) {
    request_.filter = *ParseFilter("n = 1");
    for (ShardProbe& probe : probes_) {
      probe.sampled = 1'000;
      probe.sample_matched = matched;
    }
  }

  // And `matched` of the 16 rows nearest to the vector.
  void SetNearby(uint64_t matched) {
    for (ShardProbe& probe : probes_) {
      probe.nearby = 16;
      probe.nearby_matched = matched;
    }
  }

  void SetNoIndex(Reason reason) { choice_ = {.index = nullptr, .reason = reason}; }

  Plan Make() const { return MakePlan(request_, choice_, settings_, probes_); }

  void ExpectExact(Reason reason, std::string_view index) const {
    const Plan plan = Make();
    EXPECT_EQ(plan.path, Path::kExact) << PlanText(plan);
    EXPECT_EQ(plan.reason, reason) << PlanText(plan);
    EXPECT_EQ(plan.index, index);
    EXPECT_EQ(plan.index_id, index.empty() ? 0u : 5u);
    EXPECT_EQ(plan.w, 0u);
    EXPECT_EQ(plan.ef_search, 0u);
    EXPECT_EQ(plan.alpha, 0);
    EXPECT_EQ(plan.filter_strategy,
              request_.filter.has_value() ? FilterStrategy::kScanMatching : FilterStrategy::kNone);
  }

  void ExpectAnn(Reason reason) const {
    const Plan plan = Make();
    EXPECT_EQ(plan.path, Path::kAnn) << PlanText(plan);
    EXPECT_EQ(plan.reason, reason) << PlanText(plan);
    EXPECT_EQ(plan.index, "near");
    EXPECT_EQ(plan.filter_strategy,
              request_.filter.has_value() ? FilterStrategy::kLargerW : FilterStrategy::kNone);
  }

  IndexDef index_;
  IndexChoice choice_;
  QueryRequest request_;
  Settings settings_;
  std::vector<ShardProbe> probes_;
};

// contract 4.3
TEST_F(PlanTest, TextOfAnAnnPlan) {
  SetFilter(800);
  EXPECT_EQ(PlanText(Make()), R"(ANN
reason: INDEX_MATCH
because: index "near" matches metric L2 and dim 3 and preselects 60 rows on each shard
index: near
engine: HNSW
metric: L2
score: ascending
ef_search: 64
alpha: 6
w: 60
k: 10
filter: LARGER_W
selectivity: 0.8
shards: 4
lag policy: SCAN_TAIL
generations: 0=1 1=2 2=3 3=4
)");
}

TEST_F(PlanTest, TextOfAnExactPlan) {
  SetNoIndex(Reason::kDimMismatch);
  choice_.metric = Metric::kCosine;
  choice_.warnings = {"index \"near\" has\nanother dim"};
  request_.offset = 5;
  EXPECT_EQ(PlanText(Make()), R"(EXACT
reason: DIM_MISMATCH
because: no index on column "v" has metric COSINE and dim 3
index: none, the rows themselves
metric: COSINE
score: descending
k: 15
filter: NONE
shards: 4
lag policy: SCAN_TAIL
warning: index "near" has another dim
)");
}

// contract 3.1
TEST_F(PlanTest, WIsAlphaTimesLimitPlusOffsetRoundedUp) {
  settings_.preselect_alpha = 1.5;
  request_.offset = 5;
  EXPECT_EQ(Make().w, 23u);
  EXPECT_EQ(Make().k, 15u);
  EXPECT_EQ(Make().alpha, 1.5);
}

// contract 3.2
TEST_F(PlanTest, EfSearchOfTheRequestThenTheIndexThenTheServer) {
  settings_.ef_search = 70;
  EXPECT_EQ(Make().ef_search, 70u);
  index_.ef_search = 90;
  EXPECT_EQ(Make().ef_search, 90u);
  request_.settings["vector.search.ef_search"] = "70";
  EXPECT_EQ(Make().ef_search, 70u);
  request_.limit = 100;
  EXPECT_EQ(Make().ef_search, 600u);  // never below W
}

// contract 2.1
TEST_F(PlanTest, DirectionFollowsTheMetric) {
  EXPECT_FALSE(Make().score_descending);
  request_.direction = Direction::kAscending;
  ExpectAnn(Reason::kIndexMatch);
  request_.direction = Direction::kDescending;
  ExpectExact(Reason::kDirection, "near");
  EXPECT_TRUE(Make().score_descending);
  for (const Metric metric : {Metric::kCosine, Metric::kIp}) {
    choice_.metric = metric;
    index_.metric = metric;
    request_.direction = Direction::kDescending;
    ExpectAnn(Reason::kIndexMatch);
    request_.direction = Direction::kNearest;
    EXPECT_TRUE(Make().score_descending);
    request_.direction = Direction::kAscending;
    ExpectExact(Reason::kDirection, "near");
    EXPECT_FALSE(Make().score_descending);
  }
}

// contract 3.5
TEST_F(PlanTest, NoIndexToUse) {
  for (const Reason reason : {Reason::kNoIndex, Reason::kMetricMismatch, Reason::kDimMismatch}) {
    SetNoIndex(reason);
    ExpectExact(reason, "");
    EXPECT_EQ(Make().lag_policy, LagPolicy::kScanTail);
    EXPECT_THAT(Make().generation_by_shard, IsEmpty());
  }
}

// contract 5.2: the others go on showing what the index shows there.
TEST_F(PlanTest, IndexNotReadyOnEveryShard) {
  index_.mode = FreshnessMode::kRebuildOnly;
  probes_[2].index_usable = false;
  probes_[2].index_problem = "being built, 40% done";
  ExpectExact(Reason::kIndexNotReady, "near");
  EXPECT_EQ(Make().sentence,
            "index \"near\" does not answer on 1 of 4 shards: being built, 40% done");
  EXPECT_EQ(Make().lag_policy, LagPolicy::kSkipTail);
  EXPECT_THAT(Make().generation_by_shard, SizeIs(3));
  EXPECT_THAT(PlanText(Make()),
              HasSubstr("index: near, the rows themselves where it does not answer\n"));
  request_.path = Path::kExact;
  ExpectExact(Reason::kForced, "near");
}

TEST_F(PlanTest, SmallTable) {
  SetRows(250);
  ExpectExact(Reason::kSmallTable, "near");
  SetRows(0);
  ExpectExact(Reason::kSmallTable, "near");
  SetRows(251);
  ExpectAnn(Reason::kIndexMatch);
}

TEST_F(PlanTest, SelectiveFilter) {
  SetFilter(1);
  ExpectExact(Reason::kSelectiveFilter, "near");
  EXPECT_EQ(Make().sentence,
            "about 0.1% of 100000 rows match the filter: scanning for them costs less than "
            "searching the graph");
  SetFilter(0);
  ExpectExact(Reason::kSelectiveFilter, "near");
  SetFilter(900);
  ExpectAnn(Reason::kIndexMatch);
  EXPECT_DOUBLE_EQ(Make().selectivity, 0.9);
}

// contract 3.4: the three ways of applying a filter, each where it costs least.
TEST_F(PlanTest, FilterStrategyFollowsSelectivity) {
  SetRows(2'500'000);
  SetFilter(800);
  Plan plan = Make();
  EXPECT_EQ(plan.filter_strategy, FilterStrategy::kLargerW) << PlanText(plan);
  EXPECT_EQ(plan.w, 60u) << "of which 48 match";
  EXPECT_EQ(plan.ef_search, 64u);
  SetFilter(50);
  plan = Make();
  EXPECT_EQ(plan.filter_strategy, FilterStrategy::kLargerW) << PlanText(plan);
  EXPECT_EQ(plan.w, 390u) << "of which 10 + 3 · √10 match";
  EXPECT_EQ(plan.ef_search, 390u);
  // Where few matching candidates are enough, looking for those alone costs less.
  settings_.preselect_alpha = 1;
  settings_.ef_search = 10;
  for (const uint64_t matched : {400u, 50u}) {
    SetFilter(matched);
    plan = Make();
    EXPECT_EQ(plan.filter_strategy, FilterStrategy::kInGraph) << PlanText(plan);
    EXPECT_EQ(plan.w, 10u);
  }
  SetFilter(0);
  EXPECT_EQ(Make().filter_strategy, FilterStrategy::kScanMatching);
}

// contract 3.4: the more rows there are, the fewer of them a scan may match.
TEST_F(PlanTest, ScanningForMatchingRowsCostsMoreInALargerIndex) {
  SetFilter(20);
  SetRows(10'000);
  EXPECT_EQ(Make().filter_strategy, FilterStrategy::kScanMatching);
  SetRows(1'000'000);
  EXPECT_EQ(Make().filter_strategy, FilterStrategy::kLargerW);
}

// contract 3.4: what matches lies near the vector, so the graph leads to it, whatever the share of
// all rows.
TEST_F(PlanTest, FewRowsMatchButThoseNearTheVectorDo) {
  SetRows(250'000);
  SetFilter(5);
  EXPECT_EQ(Make().filter_strategy, FilterStrategy::kScanMatching);
  EXPECT_EQ(Make().nearby_selectivity, std::nullopt);
  SetNearby(16);
  const Plan plan = Make();
  EXPECT_EQ(plan.path, Path::kAnn) << PlanText(plan);
  EXPECT_EQ(plan.filter_strategy, FilterStrategy::kLargerW);
  EXPECT_EQ(plan.w, 60u);
  EXPECT_NE(PlanText(plan).find("\nselectivity: 0.005\nselectivity nearby: 1\n"), std::string::npos)
      << PlanText(plan);
}

// A search that expects as many as elsewhere costs little, and finds out.
TEST_F(PlanTest, ManyRowsMatchButFewNearTheVector) {
  SetFilter(250);
  SetNearby(0);
  EXPECT_EQ(Make().path, Path::kAnn);
  EXPECT_EQ(Make().w, 78u) << "of which 10 + 3 · √10 match";
  EXPECT_EQ(Make().nearby_selectivity, 0);
}

// The rows near the vector are tried where the sample of all leads to a scan that costs much.
TEST(WantsNearbySample, WhereItMayChangeThePlan) {
  ShardProbe probe{.index_rows = 100'000, .sampled = 1'000, .sample_matched = 10};
  EXPECT_TRUE(WantsNearbySample(probe));
  probe.sample_matched = 500;
  EXPECT_FALSE(WantsNearbySample(probe)) << "the graph leads to them anyway";
  probe.sample_matched = 0;
  probe.index_rows = 50'000;
  EXPECT_FALSE(WantsNearbySample(probe)) << "a scan costs little";
  probe.index_rows = 10'000'000;
  EXPECT_TRUE(WantsNearbySample(probe)) << "trying every row costs much";
  probe.sampled = 0;
  EXPECT_FALSE(WantsNearbySample(probe)) << "there is no row to try";
}

// contract 3.5: the search found that the rows that match lie elsewhere.
TEST_F(PlanTest, FallBackAfterTheFilterPassedFewNearby) {
  SetFilter(500);
  const Plan plan = FallBack(Make(), Reason::kSelectiveFilter);
  EXPECT_EQ(plan.path, Path::kExact);
  EXPECT_EQ(plan.reason, Reason::kSelectiveFilter);
  EXPECT_EQ(plan.filter_strategy, FilterStrategy::kScanMatching);
  EXPECT_EQ(plan.sentence,
            "few of the rows near the vector match the filter; all that match are scored");
}

// contract 2.5
TEST_F(PlanTest, WithinKFindsItsN) {
  request_.ties = {.form = TieForm::kWithinK, .n = 50};
  const Plan plan = Make();
  EXPECT_EQ(plan.k, 50u);
  EXPECT_EQ(plan.w, 300u);
  EXPECT_NE(PlanText(plan).find("\nties: WITHIN_K(50)\n"), std::string::npos) << PlanText(plan);
}

TEST_F(PlanTest, TextTellsBucketsRangesAndGroups) {
  request_.ties = {.form = TieForm::kBucket, .width = 0.25};
  request_.range = {.min = std::nullopt, .max = 1.5};
  EXPECT_NE(PlanText(Make()).find("\nties: BUCKET(0.25)\nrange: score <= 1.5\n"),
            std::string::npos);
  request_.range.min = 0.5;
  EXPECT_NE(PlanText(Make()).find("\nrange: score >= 0.5 and <= 1.5\n"), std::string::npos);
  request_.group_by = GroupBy{"grp", 2};
  ExpectExact(Reason::kGroups, "near");
  EXPECT_NE(PlanText(Make()).find("\ngroup by: grp\n"), std::string::npos);
}

// contract 2.6: a later page's preselection finds the rows of the earlier pages again.
TEST_F(PlanTest, LaterPagesPreselectMore) {
  const Plan plan = MakePlan(request_, choice_, settings_, probes_, 30);
  EXPECT_EQ(plan.k, 10u);
  EXPECT_EQ(plan.w, 240u);
}

// contract 2.5: the n of WITHIN_K are chosen once.
TEST_F(PlanTest, LaterPagesInsideWithinKPreselectTheSame) {
  request_.ties = {.form = TieForm::kWithinK, .n = 50};
  EXPECT_EQ(MakePlan(request_, choice_, settings_, probes_, 30).w, 300u);
}

// contract 2.4: W grows as long as searching costs less than scanning.
TEST_F(PlanTest, LargerWUntilAScanCostsLess) {
  const Plan plan = Make();
  const std::optional<Plan> larger = WithLargerW(plan, 16, probes_);
  ASSERT_TRUE(larger.has_value());
  EXPECT_EQ(larger->w, 240u);
  EXPECT_EQ(larger->ef_search, 240u);
  EXPECT_EQ(larger->sentence, plan.sentence + "; to complete the answer W has grown to 240");
  const std::optional<Plan> next = WithLargerW(*larger, 16, probes_);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->sentence, plan.sentence + "; to complete the answer W has grown to 960");
  EXPECT_FALSE(WithLargerW(*next, 16, probes_).has_value())
      << "4 shards of 3,840 × 16 scores against a scan of 100,000 rows";
  SetRows(10'000'000);
  Plan most = plan;
  most.w = kMaxW / 2;
  EXPECT_FALSE(WithLargerW(most, 16, probes_).has_value()) << "over the limit of W";
}

TEST_F(PlanTest, WithoutLimitIsExactAndSaysWhy) {
  const Plan plan = WithoutLimit(Make());
  EXPECT_EQ(plan.path, Path::kExact);
  EXPECT_EQ(plan.reason, Reason::kNoLimit);
  request_.path = Path::kExact;
  EXPECT_EQ(WithoutLimit(Make()).reason, Reason::kForced);
}

TEST_F(PlanTest, SelectivityIsWeightedByRows) {
  SetFilter(0);
  probes_[0].sample_matched = 1'000;
  probes_[0].table_rows = 75'000;
  EXPECT_DOUBLE_EQ(Make().selectivity, 0.5);
  for (ShardProbe& probe : probes_) probe.sampled = 0;
  EXPECT_EQ(Make().selectivity, 1);
  request_.filter.reset();
  SetFilter(1'000);
  request_.filter.reset();
  EXPECT_EQ(Make().selectivity, 1);
}

TEST_F(PlanTest, WNearRowCount) {
  SetRows(500);
  request_.limit = 41;  // W 246 of 500
  ExpectAnn(Reason::kIndexMatch);
  request_.limit = 42;  // W 252 of 500
  ExpectExact(Reason::kWNearRowCount, "near");
  EXPECT_EQ(Make().sentence, "preselecting 252 rows on each shard would take 1008 of 2000 rows");
}

TEST_F(PlanTest, NullVectorsAskedForAndTooFewRows) {
  request_.include_null_vectors = true;
  ExpectAnn(Reason::kIndexMatch);
  SetRows(2);
  ExpectExact(Reason::kUnderfilled, "near");
}

TEST_F(PlanTest, ForcedExact) {
  request_.path = Path::kExact;
  ExpectExact(Reason::kForced, "near");
  EXPECT_THAT(Make().generation_by_shard,
              ElementsAre(Pair(0, 1), Pair(1, 2), Pair(2, 3), Pair(3, 4)));
}

TEST_F(PlanTest, ForcedAnnSkipsWhatIsOnlyCost) {
  request_.path = Path::kAnn;
  ExpectAnn(Reason::kForced);
  SetRows(10);
  ExpectAnn(Reason::kForced);
  SetRows(500);
  request_.limit = 400;
  ExpectAnn(Reason::kForced);
  SetFilter(1);
  EXPECT_EQ(Make().path, Path::kAnn);
  EXPECT_EQ(Make().filter_strategy, FilterStrategy::kInGraph);
  EXPECT_THAT(Make().warnings, IsEmpty());
}

TEST_F(PlanTest, ForcedAnnThatCannotBeSaysWhy) {
  request_.path = Path::kAnn;
  const auto expect = [this](Reason reason, std::string_view index) {
    ExpectExact(reason, index);
    EXPECT_THAT(Make().warnings, ElementsAre("the ANN path was asked for and cannot be taken"));
  };
  index_.engine = Engine::kFlat;
  expect(Reason::kIndexMatch, "near");
  index_.engine = Engine::kHnsw;
  request_.direction = Direction::kDescending;
  expect(Reason::kDirection, "near");
  request_.direction = Direction::kNearest;
  probes_[0].index_usable = false;
  expect(Reason::kIndexNotReady, "near");
  SetNoIndex(Reason::kMetricMismatch);
  expect(Reason::kMetricMismatch, "");
}

TEST_F(PlanTest, FlatIndexIsReadExactly) {
  index_.engine = Engine::kFlat;
  ExpectExact(Reason::kIndexMatch, "near");
  EXPECT_EQ(Make().sentence, "FLAT index \"near\": every vector is scored exactly");
  SetRows(3);
  ExpectExact(Reason::kIndexMatch, "near");
  EXPECT_EQ(Make().engine, Engine::kFlat);
}

// contract 5.4
TEST_F(PlanTest, LagPolicyFollowsTheMode) {
  EXPECT_EQ(Make().lag_policy, LagPolicy::kScanTail);
  for (const FreshnessMode mode :
       {FreshnessMode::kBatched, FreshnessMode::kAsync, FreshnessMode::kRebuildOnly}) {
    index_.mode = mode;
    EXPECT_EQ(Make().lag_policy, LagPolicy::kSkipTail);
    request_.path = Path::kExact;
    EXPECT_EQ(Make().lag_policy, LagPolicy::kSkipTail);
    request_.path = Path::kAuto;
  }
}

// contract 2.4, 3.5
TEST_F(PlanTest, FallBackKeepsTheIndexAndSaysWhy) {
  SetFilter(900);
  const Plan ann = Make();
  for (const Reason reason : {Reason::kTiesNotClosed, Reason::kUnderfilled}) {
    const Plan exact = FallBack(ann, reason);
    EXPECT_EQ(exact.path, Path::kExact);
    EXPECT_EQ(exact.reason, reason);
    EXPECT_NE(exact.sentence, ann.sentence);
    EXPECT_EQ(exact.index, "near");
    EXPECT_EQ(exact.w, 0u);
    EXPECT_EQ(exact.k, ann.k);
    EXPECT_EQ(exact.filter_strategy, FilterStrategy::kScanMatching);
    EXPECT_EQ(exact.generation_by_shard, ann.generation_by_shard);
    EXPECT_THAT(PlanText(exact), HasSubstr(std::string(ReasonName(reason))));
  }
  EXPECT_THAT(FallBack(ann, Reason::kTiesNotClosed).sentence, HasSubstr("rows tie at row 10"));
}

// contract 5.2: it stopped on one of the shards.
TEST_F(PlanTest, FallBackFromAnIndexThatStoppedAnsweringGoesOnWithItElsewhere) {
  index_.mode = FreshnessMode::kBatched;
  const Plan before = Make();
  ASSERT_TRUE(CanDoWithoutIndex(before));
  const Plan exact = FallBack(before, Reason::kIndexNotReady);
  EXPECT_EQ(exact.path, Path::kExact);
  EXPECT_EQ(exact.reason, Reason::kIndexNotReady);
  EXPECT_EQ(exact.index_id, 5u);
  EXPECT_EQ(exact.lag_policy, LagPolicy::kSkipTail);
  EXPECT_FALSE(CanDoWithoutIndex(exact));
  EXPECT_THAT(PlanText(exact), HasSubstr("the rows themselves where it does not answer"));
}

TEST_F(PlanTest, SameInputsGiveTheSamePlan) {
  SetFilter(123);
  EXPECT_EQ(PlanText(Make()), PlanText(Make()));
  probes_.clear();
  ExpectExact(Reason::kIndexNotReady, "");
}

}  // namespace
}  // namespace ordinate
