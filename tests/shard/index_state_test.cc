// READY: what the index's mode promises holds now (contract 6.3).
#include "engine/shard/shard_index.h"
#include "gmock/gmock.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

TEST(IndexState, BatchedIsStaleOnceARowHasWaitedForLongerThanTheInterval) {
  OneShard one;
  IndexDef index = OneShard::Flat(1, FreshnessMode::kBatched);
  index.batch_interval_micros = 60'000'000;
  one.CreateIndex(index);
  EXPECT_EQ(one.Settle(1).state, IndexState::kReady);
  one.HoldApplier(OneShard::Rows(1, 3));  // nothing closes the batch
  one.AddMicros(30'000'000);
  EXPECT_EQ(one.Status(1).state, IndexState::kReady) << "of the rows none has waited for too long";
  one.AddMicros(31'000'000);
  const ShardIndexStatus stale = one.Status(1);
  EXPECT_EQ(stale.state, IndexState::kStale);
  EXPECT_THAT(stale.reason, HasSubstr("the oldest of 2 pending rows"));
  EXPECT_EQ(stale.rows_pending, 2u);
  one.LetApplierRun();
  one.Turn();
  EXPECT_EQ(one.Status(1).state, IndexState::kReady);
  EXPECT_EQ(one.CountAnswers(1), 2u);
}

// A shard feeds the index before it shows that more waits than may, so what it shows is made here.
TEST(IndexState, AsyncIsStaleOnceMoreRowsWaitThanMay) {
  PublishedIndex published;
  published.definition = OneShard::Flat(1, FreshnessMode::kAsync);
  published.definition.max_lag_rows = 3;
  published.snapshot = std::make_shared<IndexSnapshot>();
  published.status.state = IndexState::kReady;
  published.status.rows_pending = 3;
  EXPECT_EQ(CompleteStatus(published, 10, 10, SystemClock()).state, IndexState::kReady);
  published.status.rows_pending = 4;
  const ShardIndexStatus stale = CompleteStatus(published, 10, 10, SystemClock());
  EXPECT_EQ(stale.state, IndexState::kStale);
  EXPECT_EQ(stale.reason, "4 rows wait, more than max_lag_rows = 3");
  published.definition.mode = FreshnessMode::kRebuildOnly;
  EXPECT_EQ(CompleteStatus(published, 10, 10, SystemClock()).state, IndexState::kReady);
}

// contract 6.3: build progress. The rate is that since the build began.
TEST(IndexState, ARunningBuildHasRateAndTimeLeft) {
  class StoppedClock final : public Clock {
   public:
    int64_t NowMicros() const override { return 0; }
    int64_t MonotonicNanos() const override { return nanos; }
    int64_t nanos = 0;
  } clock;
  PublishedIndex published;
  published.definition = OneShard::Flat(1);
  EXPECT_EQ(CompleteStatus(published, 400, 10, clock).build_left_micros, std::nullopt);
  const auto build = std::make_shared<BuildHandle>();
  build->started_nanos = 5'000'000'000;
  published.build = build;
  clock.nanos = 5'000'000'000;
  EXPECT_EQ(CompleteStatus(published, 400, 10, clock).build_left_micros, std::nullopt);
  build->rows_total = 4'000;
  build->rows_done = 1'000;
  clock.nanos = 15'000'000'000;
  const ShardIndexStatus status = CompleteStatus(published, 400, 10, clock);
  EXPECT_EQ(status.build_progress, 0.25);
  EXPECT_EQ(status.build_rows_per_second, 10) << "a quarter of 400 in ten seconds";
  EXPECT_EQ(status.build_left_micros, 30'000'000);
}

}  // namespace
}  // namespace ordinate
