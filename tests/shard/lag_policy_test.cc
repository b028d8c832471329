// What readers ask beyond the promise of an index's mode (contract 5.4).
#include <chrono>
#include <future>
#include <map>

#include "gmock/gmock.h"
#include "storage/base/error_details.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

using Scores = std::map<RowId, double>;

constexpr LagPolicy kOfIndex[] = {LagPolicy::kSkipTail, LagPolicy::kWait, LagPolicy::kFail};

Scores Show(OneShard& one, LagPolicy policy) {
  const auto result = one.Query(1, {0}, policy);
  EXPECT_TRUE(result.ok()) << result.status();
  Scores scores;
  if (!result.ok()) return scores;
  EXPECT_EQ(result->rows.size(), result->ranked.size());
  for (const RankedRow& row : result->ranked) {
    EXPECT_TRUE(scores.emplace(row.id, *row.score).second) << "twice";
  }
  return scores;
}

uint64_t VisibleSeq(OneShard& one, LagPolicy policy) {
  return one.Query(1, {}, policy)->visible_seq;
}

bool IsDone(const std::future<absl::StatusOr<uint64_t>>& answer) {
  return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

IndexDef IndexOf(FreshnessMode mode) {
  IndexDef index = OneShard::Flat(1, mode);
  index.batch_rows = 1'000;
  index.batch_interval_micros = 60'000'000;
  return index;
}

// Rows 1, 2 and 3 shown; then 2 is moved, 3 is gone and 4 is new, and none of that is applied
// unless the mode applies it with the write: sequences 1, 2 and 3.
void Prepare(OneShard& one, FreshnessMode mode) {
  one.CreateIndex(IndexOf(mode));
  one.Write(OneShard::Rows(1, 4));
  one.Settle(1);
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  one.Settle(1);
  one.Write({OneShard::OneRow(2, {9, 0}), OneShard::OneRow(4, {4, 0})});
  one.Write({OneShard::DeleteOf(3)});
}

const Scores kBefore = {{1, 1}, {2, 2}};
const Scores kAfter = {{1, 1}, {2, 9}, {4, 4}};

class Lagging : public ::testing::TestWithParam<FreshnessMode> {};

TEST_P(Lagging, ScanTailShowsEveryWriteAndTheOthersWhatTheIndexShows) {
  OneShard one;
  Prepare(one, GetParam());
  EXPECT_EQ(Show(one, LagPolicy::kScanTail), kAfter);
  EXPECT_EQ(VisibleSeq(one, LagPolicy::kScanTail), 3u);
  for (const LagPolicy policy : kOfIndex) {
    EXPECT_EQ(Show(one, policy), kBefore) << LagPolicyName(policy);
    EXPECT_EQ(VisibleSeq(one, policy), 1u);
  }
  for (const auto& result : one.QueryTogether(1, 3, LagPolicy::kScanTail)) {
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->ranked.size(), 3u);
    EXPECT_EQ(result->visible_seq, 3u);
  }
  for (const auto& result : one.QueryTogether(1, 3)) EXPECT_EQ(result->ranked.size(), 2u);
}

TEST_P(Lagging, FailRefusesBeyondItsBounds) {
  OneShard one;
  Prepare(one, GetParam());
  const CallContext context;
  const auto ask = [&](std::optional<uint64_t> rows, std::optional<uint64_t> micros) {
    return one.Await({1, LagPolicy::kFail, 0, rows, micros}, context).get().status();
  };
  EXPECT_TRUE(ask(2, std::nullopt).ok()) << "row 2 and row 4 wait";
  EXPECT_THAT(std::string(ask(1, std::nullopt).message()),
              HasSubstr("index 'idx1' lags behind on shard 0: 2 rows wait, the oldest for"));
  EXPECT_EQ(ask(0, std::nullopt).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(ask(std::nullopt, 30'000'000).ok());
  one.AddMicros(31'000'000);
  EXPECT_EQ(ask(std::nullopt, 30'000'000).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ask(2, 30'000'000).code(), absl::StatusCode::kFailedPrecondition);
}
INSTANTIATE_TEST_SUITE_P(Modes, Lagging,
                         ::testing::Values(FreshnessMode::kBatched, FreshnessMode::kRebuildOnly),
                         [](const auto& param) {
                           return std::string(FreshnessModeName(param.param));
                         });

TEST(LagPolicies, OfAnImmediateIndexAllShowEveryWrite) {
  OneShard one;
  Prepare(one, FreshnessMode::kImmediate);
  const CallContext context;
  for (const LagPolicy policy :
       {LagPolicy::kScanTail, LagPolicy::kSkipTail, LagPolicy::kWait, LagPolicy::kFail}) {
    EXPECT_EQ(Show(one, policy), kAfter) << LagPolicyName(policy);
    EXPECT_EQ(*one.Await({1, policy, 3, 0}, context).get(), 3u);
  }
}

TEST(LagPolicies, WaitIsOverWhenTheBatchCloses) {
  OneShard one;
  Prepare(one, FreshnessMode::kBatched);
  const CallContext context;
  auto waits = one.Await({1, LagPolicy::kWait}, context);
  one.Turn();
  EXPECT_FALSE(IsDone(waits));
  one.AddMicros(61'000'000);
  one.Turn();
  EXPECT_EQ(*waits.get(), 3u);
  EXPECT_EQ(Show(one, LagPolicy::kWait), kAfter);
}

// The applier is held in the answer of a write: it was acknowledged, and is not applied yet.
TEST(LagPolicies, OfAnAsyncIndexThatLagsBehind) {
  OneShard one;
  Prepare(one, FreshnessMode::kAsync);
  one.Turn();
  EXPECT_EQ(Show(one, LagPolicy::kSkipTail), kAfter);
  const CallContext context;
  std::promise<void> acknowledged, release;
  one.shard().Write(one.table(),
                    {.rows = {OneShard::OneRow(1, {5, 0}), OneShard::OneRow(5, {7, 0})}}, context,
                    [&](auto result) {
                      EXPECT_TRUE(result.ok());
                      acknowledged.set_value();
                      release.get_future().wait();
                    });
  acknowledged.get_future().wait();
  EXPECT_EQ(Show(one, LagPolicy::kSkipTail), kAfter);
  const Scores all = {{1, 5}, {2, 9}, {4, 4}, {5, 7}};
  EXPECT_EQ(Show(one, LagPolicy::kScanTail), all);
  EXPECT_EQ(VisibleSeq(one, LagPolicy::kScanTail), 4u);
  EXPECT_EQ(*one.Await({1, LagPolicy::kScanTail, 4}, context).get(), 4u);
  EXPECT_EQ(one.Await({1, LagPolicy::kFail, 0, 1}, context).get().status().code(),
            absl::StatusCode::kFailedPrecondition);
  auto waits = one.Await({1, LagPolicy::kWait}, context);
  auto waits_for_token = one.Await({1, LagPolicy::kSkipTail, 4}, context);
  EXPECT_FALSE(IsDone(waits));
  EXPECT_FALSE(IsDone(waits_for_token));
  release.set_value();
  EXPECT_EQ(*waits.get(), 4u);
  EXPECT_EQ(*waits_for_token.get(), 4u);
  EXPECT_EQ(Show(one, LagPolicy::kSkipTail), all);
}

TEST(LagPolicies, WhatWaitsForARebuildIsRefusedUnlessTheTailIsScanned) {
  OneShard one;
  Prepare(one, FreshnessMode::kRebuildOnly);
  const CallContext context;
  const auto refused = one.Await({1, LagPolicy::kWait}, context).get().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(
      std::string(refused.message()),
      HasSubstr("'idx1' is REBUILD_ONLY and shows writes up to sequence 1; 3 is asked for"));
  EXPECT_EQ(one.Await({1, LagPolicy::kSkipTail, 2}, context).get().status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*one.Await({1, LagPolicy::kSkipTail, 1}, context).get(), 1u);
  EXPECT_EQ(*one.Await({1, LagPolicy::kScanTail, 3}, context).get(), 3u);
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  one.Settle(1);
  EXPECT_EQ(*one.Await({1, LagPolicy::kWait}, context).get(), 3u);
  EXPECT_EQ(Show(one, LagPolicy::kSkipTail), kAfter);
}

TEST(MinToken, IsWaitedForUntilItsWriteComes) {
  OneShard one;
  Prepare(one, FreshnessMode::kImmediate);
  const CallContext context;
  auto of_index = one.Await({1, LagPolicy::kScanTail, 4}, context);
  auto of_rows = one.Await({0, LagPolicy::kScanTail, 5}, context);
  one.Turn();
  EXPECT_FALSE(IsDone(of_index));
  one.Write(OneShard::Rows(7, 8));
  EXPECT_EQ(*of_index.get(), 4u);
  one.Turn();
  EXPECT_FALSE(IsDone(of_rows));
  one.Write(OneShard::Rows(8, 9));
  EXPECT_EQ(*of_rows.get(), 5u);
}

TEST(MinToken, WaitsNoLongerThanItsCall) {
  OneShard one;
  Prepare(one, FreshnessMode::kImmediate);
  const CallContext soon(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  EXPECT_EQ(one.Await({1, LagPolicy::kSkipTail, 9}, soon).get().status().code(),
            absl::StatusCode::kDeadlineExceeded);
  CallContext given_up;
  auto cancelled = one.Await({1, LagPolicy::kSkipTail, 9}, given_up);
  EXPECT_FALSE(IsDone(cancelled));
  given_up.Cancel();
  EXPECT_EQ(cancelled.get().status().code(), absl::StatusCode::kCancelled);
  const CallContext context;
  auto left = one.Await({1, LagPolicy::kSkipTail, 9}, context);
  one.Close();
  EXPECT_EQ(left.get().status().code(), absl::StatusCode::kUnavailable);
}

TEST(MinToken, IsWaitedForBySoManyCallsAndTheNextIsRefused) {
  OneShard one;
  Prepare(one, FreshnessMode::kImmediate);
  const CallContext context;
  for (const uint64_t next : {4u, 5u}) {  // those that were answered have left their places
    SCOPED_TRACE(next);
    const ShardAwait await{1, LagPolicy::kSkipTail, next};
    std::vector<std::future<absl::StatusOr<uint64_t>>> waiting;
    while (waiting.size() < 63) waiting.push_back(one.Await(await, context));
    CallContext given_up;
    auto cancelled = one.Await(await, given_up);
    auto refused = one.Await(await, context);
    EXPECT_TRUE(IsDone(refused));
    EXPECT_FALSE(IsDone(cancelled));
    EXPECT_TRUE(one.Await({1, LagPolicy::kSkipTail, next - 1}, context).get().ok())
        << "it needs no place";
    given_up.Cancel();
    EXPECT_TRUE(absl::IsCancelled(cancelled.get().status()));
    waiting.push_back(one.Await(await, context));
    one.Write(OneShard::Rows(7, 8));
    const absl::Status status = refused.get().status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("64 calls wait on shard 0 already"));
    EXPECT_TRUE(RetryDelayMillis(status).has_value());
    for (auto& call : waiting) EXPECT_EQ(call.get().value_or(0), next);
  }
}

}  // namespace
}  // namespace ordinate
