// contract 2.6: what is held, how long, and what gives way.
#include "engine/shard/snapshot_holds.h"

#include "gtest/gtest.h"

namespace ordinate {
namespace {

class SettableClock final : public Clock {
 public:
  int64_t NowMicros() const override { return nanos / 1'000; }
  int64_t MonotonicNanos() const override { return nanos; }
  int64_t nanos = 1;
};

class Holds : public ::testing::Test {
 protected:
  uint64_t Hold(HoldFor why) { return holds_.Hold(std::make_shared<ShardSnapshot>(), why); }
  bool IsHeld(uint64_t id) { return holds_.Find(id) != nullptr; }

  SettableClock clock_;
  SnapshotHolds holds_{clock_, 3};
};

TEST_F(Holds, APageIsHeldForFiveMinutesAfterItsLastUse) {
  const uint64_t id = Hold(HoldFor::kPage);
  clock_.nanos += SnapshotHolds::kPageNanos - 1;
  EXPECT_TRUE(IsHeld(id));  // and used, so its time begins again
  clock_.nanos += SnapshotHolds::kPageNanos - 1;
  EXPECT_TRUE(IsHeld(id));
  clock_.nanos += SnapshotHolds::kPageNanos;
  EXPECT_FALSE(IsHeld(id));
  EXPECT_EQ(holds_.size(), 0u);
}

TEST_F(Holds, ThePageUsedLongestAgoGivesWay) {
  const uint64_t first = Hold(HoldFor::kPage);
  const uint64_t second = Hold(HoldFor::kPage);
  const uint64_t third = Hold(HoldFor::kPage);
  EXPECT_TRUE(IsHeld(first));
  const uint64_t fourth = Hold(HoldFor::kPage);
  EXPECT_FALSE(IsHeld(second));
  for (const uint64_t id : {first, third, fourth}) EXPECT_TRUE(IsHeld(id));
}

// A call at work keeps what it reads, however many pages others ask for.
TEST_F(Holds, CallsDoNotGiveWayToPages) {
  const uint64_t call = Hold(HoldFor::kCall);
  for (int i = 0; i < 10; ++i) Hold(HoldFor::kPage);
  clock_.nanos += SnapshotHolds::kPageNanos;
  EXPECT_TRUE(IsHeld(call));
  holds_.Release(call);
  EXPECT_FALSE(IsHeld(call));
}

TEST_F(Holds, ExpireLetsGoWithoutAnyOneAsking) {
  Hold(HoldFor::kPage);
  clock_.nanos += SnapshotHolds::kPageNanos;
  EXPECT_EQ(holds_.size(), 1u);
  holds_.Expire();
  EXPECT_EQ(holds_.size(), 0u);
}

TEST_F(Holds, IdsOfAnotherProcessFindNothing) {
  SnapshotHolds other(clock_, 3);
  const uint64_t id = Hold(HoldFor::kPage);
  EXPECT_EQ(other.Find(id), nullptr);
  other.Release(id);
  EXPECT_FALSE(IsHeld(0));
}

}  // namespace
}  // namespace ordinate
