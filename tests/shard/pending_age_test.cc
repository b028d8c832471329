#include "gtest/gtest.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

constexpr int64_t kMinute = 60'000'000;

IndexDef RebuildOnly() { return OneShard::Flat(1, FreshnessMode::kRebuildOnly); }

TEST(PendingAge, IsThatOfTheOldestPendingWriteAfterARestartToo) {
  OneShard one;
  one.Write(OneShard::Rows(1, 5));
  one.CreateIndex(RebuildOnly());
  one.Settle(1);
  one.AddMicros(10 * kMinute);
  one.Write(OneShard::Rows(5, 6));
  one.AddMicros(2 * kMinute);
  one.Write(OneShard::Rows(6, 7));
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    const ShardIndexStatus status = one.Status(1);
    EXPECT_EQ(status.state, IndexState::kReady);
    EXPECT_EQ(status.lag_rows, 2u);
    EXPECT_GE(status.lag_micros, 2 * kMinute);
    EXPECT_LT(status.lag_micros, 10 * kMinute);
    one.Close();
    one.Open();
  }
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  one.Settle(1);
  one.Close();
  one.Open();
  EXPECT_EQ(one.Status(1).lag_micros, 0);
}

// Writes that came while a build ran wait since then, not since its end.
TEST(PendingAge, CountsFromTheFirstWriteSinceTheBuildBegan) {
  OneShard one;
  one.Write(OneShard::Rows(1, 5));
  one.CreateIndex(RebuildOnly());
  one.Settle(1);
  one.HoldBuilds();
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  one.Write(OneShard::Rows(5, 6));
  one.AddMicros(2 * kMinute);
  one.LetBuildsRun();
  one.Settle(1);
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    EXPECT_GE(one.Status(1).lag_micros, 2 * kMinute);
    EXPECT_EQ(one.Status(1).lag_rows, 1u);
    one.Close();
    one.Open();
  }
}

}  // namespace
}  // namespace ordinate
