// How an index goes over to another mode while rows wait or a build runs.
// contract 6.1: online, whatever waits.
#include <atomic>
#include <string_view>

#include "engine/shard/delayed_builds.h"
#include "gmock/gmock.h"
#include "tests/shard/no_segments.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

constexpr uint32_t kIndex = 1;
constexpr uint64_t kSealRows = 10;
constexpr int64_t kMany = 500;  // more than are fed at once

size_t Shows(OneShard& one, LagPolicy policy = LagPolicy::kSkipTail) {
  const auto result = one.Query(kIndex, {}, policy);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->ranked.size() : 0;
}

class LeavingRebuildOnly : public ::testing::TestWithParam<FreshnessMode> {
 protected:
  void SetUp() override {
    one_.Close();
    one_.SetAt([this](std::string_view step) { builds_ += step == "build made" ? 1 : 0; });
    one_.Open(kSealRows);
    one_.Write(OneShard::Rows(0, 5));
    one_.CreateIndex(OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly));
    ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
    one_.Write(OneShard::Rows(5, kMany));
    one_.HoldBuilds();
    one_.Define(after_);
    ASSERT_EQ(one_.shard().AlterIndex(one_.table(), after_), absl::OkStatus());
  }
  void ExpectGoneOver() {
    const ShardIndexStatus status = one_.Settle(kIndex);
    EXPECT_EQ(status.state, IndexState::kReady) << status.reason;
    EXPECT_EQ(status.rows_pending, 0u);
    EXPECT_EQ(Shows(one_), static_cast<size_t>(kMany + 1));
    one_.Write(OneShard::Rows(kMany + 1, kMany + 3));
    one_.AddMicros(61'000'000);
    one_.Turn();
    EXPECT_EQ(Shows(one_), static_cast<size_t>(kMany + 3));
  }

  std::atomic<int> builds_{0};
  OneShard one_{kSealRows};
  const IndexDef after_ = OneShard::Flat(kIndex, GetParam());
};

// Feeding holds up writes, and keeps in memory what is fed.
TEST_P(LeavingRebuildOnly, WithManyRowsWaitingIsABuild) {
  const ShardIndexStatus status = one_.Status(kIndex);
  EXPECT_EQ(status.state, IndexState::kStale) << status.reason;
  EXPECT_EQ(status.tail_rows, 0u);
  EXPECT_EQ(status.rows_pending, static_cast<uint64_t>(kMany - 5));
  EXPECT_EQ(Shows(one_), 5u);
  one_.Write(OneShard::Rows(kMany, kMany + 1));
  EXPECT_EQ(Shows(one_, LagPolicy::kScanTail), static_cast<size_t>(kMany + 1));
  const CallContext context;
  auto shown = one_.Await({kIndex, LagPolicy::kWait, 0, {}, {}}, context);
  one_.LetBuildsRun();
  EXPECT_TRUE(shown.get().ok()) << "it is shown without a REBUILD";
  ExpectGoneOver();
}

TEST_P(LeavingRebuildOnly, GoesOnAfterARestart) {
  one_.Write(OneShard::Rows(kMany, kMany + 1));
  one_.shard().CancelBuilds();
  one_.Close();
  one_.HoldBuilds();
  one_.Open(kSealRows);
  EXPECT_EQ(one_.Status(kIndex).state, IndexState::kStale);
  EXPECT_EQ(one_.Status(kIndex).tail_rows, 0u);
  one_.LetBuildsRun();
  ExpectGoneOver();
}

// Nobody asked for a rebuild.
TEST_P(LeavingRebuildOnly, AndBackShowsNoMoreThanBefore) {
  const IndexDef back = OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly);
  one_.Define(back);
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), back), absl::OkStatus());
  EXPECT_EQ(one_.Status(kIndex).build_progress, 1) << "none is running";
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).state, IndexState::kReady);
  EXPECT_EQ(Shows(one_), 5u);
  one_.Close();
  one_.Open(kSealRows);
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
  EXPECT_EQ(Shows(one_), 5u);
}

TEST_P(LeavingRebuildOnly, AndBackGoesOnWithTheRebuildThatWasAskedFor) {
  const IndexDef back = OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly);
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), back), absl::OkStatus());
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), after_), absl::OkStatus());
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), back), absl::OkStatus());
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u);
  EXPECT_EQ(Shows(one_), static_cast<size_t>(kMany));
}

// Under steady writes every build would leave as many.
TEST_P(LeavingRebuildOnly, IsFedWhenABuildLeavesAsManyRows) {
  one_.Write(OneShard::Rows(0, kMany));
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).state, IndexState::kReady);
  EXPECT_EQ(Shows(one_), static_cast<size_t>(kMany));
  EXPECT_EQ(builds_.load(), 2) << "the first, and one for the mode";
}

#ifdef ORDINATE_WITH_HNSW
// A gate is of the rebuild that someone asked for; here a build is needed.
TEST_P(LeavingRebuildOnly, IsNotUpToAGate) {
  OneShard one(kSealRows);
  IndexDef index = OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly);
  index.engine = Engine::kHnsw;
  one.CreateIndex(index);
  one.Settle(kIndex);
  one.Write(OneShard::Rows(0, kMany));
  one.HoldBuilds();
  // No index passes this gate.
  const RebuildGate gate{.min_recall = 2, .ef_search = 64, .alpha = 6};
  ASSERT_EQ(one.shard().RebuildIndex(kIndex, gate), absl::OkStatus());
  index.mode = GetParam();
  ASSERT_EQ(one.shard().AlterIndex(one.table(), index), absl::OkStatus());
  one.LetBuildsRun();
  EXPECT_EQ(one.Settle(kIndex).state, IndexState::kReady);
  EXPECT_EQ(Shows(one), static_cast<size_t>(kMany));
  EXPECT_THAT(one.warnings(), ::testing::IsEmpty());
}

// The build of ALTER waits for its disk, and is not up to the gate of a rebuild that comes between.
TEST_P(LeavingRebuildOnly, WaitsOnWhereAGateRefusesAnother) {
  NoSegments disk;
  const WatchedDisk watched(disk);
  OneShard one(kSealRows);
  IndexDef index = OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly);
  index.engine = Engine::kHnsw;
  one.CreateIndex(index);
  one.Settle(kIndex);
  one.Write(OneShard::Rows(0, kMany));
  disk.fails = true;
  index.mode = GetParam();
  ASSERT_EQ(one.shard().AlterIndex(one.table(), index), absl::OkStatus());
  one.Settle(kIndex);
  disk.fails = false;
  const RebuildGate gate{.min_recall = 2, .ef_search = 64, .alpha = 6};
  ASSERT_EQ(one.shard().RebuildIndex(kIndex, gate), absl::OkStatus());
  EXPECT_EQ(one.Settle(kIndex).state, IndexState::kStale);
  EXPECT_EQ(one.Status(kIndex).tail_rows, 0u) << "nothing is fed";
  one.AddMicros(DelayedBuilds::kLongestWaitMicros);
  one.Turn();
  EXPECT_EQ(one.Settle(kIndex).state, IndexState::kReady);
  EXPECT_EQ(Shows(one), static_cast<size_t>(kMany));
}
#endif

INSTANTIATE_TEST_SUITE_P(Modes, LeavingRebuildOnly,
                         ::testing::Values(FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                           FreshnessMode::kAsync),
                         [](const auto& mode) {
                           return std::string(FreshnessModeName(mode.param));
                         });

// The build that runs began from less than the mode has shown since.
TEST(ToRebuildOnly, DuringABuildBeginsItAgain) {
  for (const bool first : {true, false}) {
    SCOPED_TRACE(first ? "the first build" : "a rebuild");
    OneShard one;
    one.Write(OneShard::Rows(0, 5));
    if (first) one.HoldBuilds();
    one.CreateIndex(OneShard::Flat(kIndex));
    if (!first) {
      ASSERT_EQ(one.Settle(kIndex).generation, 1u);
      one.HoldBuilds();
      ASSERT_EQ(one.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
    }
    one.Write(OneShard::Rows(5, 7));
    ASSERT_EQ(
        one.shard().AlterIndex(one.table(), OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly)),
        absl::OkStatus());
    one.Write(OneShard::Rows(7, 9));
    EXPECT_EQ(Shows(one), 7u);
    one.LetBuildsRun();
    EXPECT_EQ(one.Settle(kIndex).generation, first ? 1u : 2u);
    EXPECT_EQ(Shows(one), 7u);
    EXPECT_EQ(one.Status(kIndex).rows_pending, 2u);
  }
}

}  // namespace
}  // namespace ordinate
