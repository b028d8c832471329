// What a request asks of freshness, and what of it reaches the shards (contract 5.4).
#include "storage/base/error_details.h"
#include "tests/front/front_fixture.h"

namespace ordinate {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class FrontFreshnessTest : public FrontTest {
 protected:
  void SetUp() override {
    FrontTest::SetUp();
    Fill(5);
    IndexDef index{.name = "idx", .m = 0, .ef_build = 0, .mode = FreshnessMode::kAsync};
    ASSERT_TRUE(front_->CreateIndex("docs", "vec", index).ok());
    for (const auto& shard : shards_) shard->index_usable = true;
  }
};

TEST_F(FrontFreshnessTest, NothingAskedIsNotAwaited) {
  const auto result = front_->Query(Nearest(2), context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->plan.lag_policy, LagPolicy::kSkipTail);
  for (const auto& shard : shards_) EXPECT_THAT(shard->asked().awaits, IsEmpty());
}

TEST_F(FrontFreshnessTest, EachShardIsAskedForItsPartOfTheToken) {
  QueryRequest request = Nearest(2);
  request.freshness.min_seq = {{0, 1}, {2, 7}};
  ASSERT_TRUE(front_->Query(request, context_).ok());
  const uint64_t expected[] = {1, 0, 7};
  for (size_t i = 0; i < 3; ++i) {
    const auto awaits = shards_[i]->asked().awaits;
    ASSERT_THAT(awaits, SizeIs(1));
    EXPECT_EQ(awaits[0].min_seq, expected[i]);
    EXPECT_EQ(awaits[0].policy, LagPolicy::kSkipTail);
    EXPECT_NE(awaits[0].index_id, 0u);
  }
}

TEST_F(FrontFreshnessTest, ThePolicyAskedForIsThePlans) {
  for (const LagPolicy policy :
       {LagPolicy::kScanTail, LagPolicy::kSkipTail, LagPolicy::kWait, LagPolicy::kFail}) {
    QueryRequest request = Nearest(2);
    request.freshness.policy = policy;
    const auto plan = front_->Explain(request, context_);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->lag_policy, policy);
  }
}

TEST_F(FrontFreshnessTest, FailWithoutABoundLetsNoRowWait) {
  QueryRequest request = Nearest(2);
  request.freshness.policy = LagPolicy::kFail;
  ASSERT_TRUE(front_->Query(request, context_).ok());
  EXPECT_EQ(shards_[0]->asked().awaits.back().max_lag_rows, 0u);
  request.freshness.max_lag_micros = 5'000;
  ASSERT_TRUE(front_->Query(request, context_).ok());
  EXPECT_EQ(shards_[0]->asked().awaits.back().max_lag_rows, std::nullopt);
  EXPECT_EQ(shards_[0]->asked().awaits.back().max_lag_micros, 5'000u);
}

TEST_F(FrontFreshnessTest, WhatAShardRefusesRefusesTheQuestion) {
  shards_[1]->fail_await = absl::FailedPreconditionError("it lags behind");
  QueryRequest request = Nearest(2);
  request.freshness.policy = LagPolicy::kFail;
  const size_t before = shards_[0]->asked().queries;
  EXPECT_THAT(front_->Query(request, context_).status(),
              IsStatus(absl::StatusCode::kFailedPrecondition, "it lags behind"));
  EXPECT_EQ(shards_[0]->asked().queries, before);
}

TEST_F(FrontFreshnessTest, ATokenOfAnotherServerIsRefused) {
  QueryRequest request = Nearest(2);
  request.freshness.min_seq = {{3, 1}};
  const auto status = front_->Query(request, context_).status();
  EXPECT_THAT(status, IsStatus(kInvalid, "min_token names shard 3; this server has 3"));
  ASSERT_THAT(FieldViolations(status), SizeIs(1));
  EXPECT_EQ(FieldViolations(status)[0].field, "freshness.min_token");
}

}  // namespace
}  // namespace ordinate
