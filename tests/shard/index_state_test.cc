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

}  // namespace
}  // namespace ordinate
