// Rebuilds that a gate may refuse, and those that a schedule begins (contract 6.2).
#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include "engine/shard/delayed_builds.h"
#include "engine/shard/rebuild_note.h"
#include "gmock/gmock.h"
#include "tests/support/one_shard.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

RebuildGate GateOf(double min_recall) {
  return {.min_recall = min_recall, .k = 10, .samples = 50, .ef_search = 1, .alpha = 1};
}

MATCHER_P(IsCancelled, cancelled, "") { return arg.ok() && *arg == cancelled; }

/// While `fails`, neither a segment nor a note of a rebuild is given its name; while `keeps`, no
/// note is removed.
class NoRebuildNotes final : public DiskWatcher {
 public:
  int Before(const DiskCall& call) override {
    const bool removes = call.kind == DiskCall::Kind::kRemove && call.path.ends_with(kRebuildNote);
    if (keeps && removes) return EIO;
    const bool names = call.kind == DiskCall::Kind::kRename &&
                       (call.to.ends_with(kRebuildNote) || call.to.ends_with(".vdata"));
    return fails && names ? EIO : 0;
  }
  void After(const DiskCall&) override {}
  std::atomic<bool> fails{false};
  std::atomic<bool> keeps{false};
};

/// Of a REBUILD_ONLY index that shows none of twenty rows; it waits until builds run.
void AskForARebuild(OneShard& one) {
  one.CreateIndex(OneShard::Flat(1, FreshnessMode::kRebuildOnly));
  one.Settle(1);
  one.Write(OneShard::Rows(0, 20));
  one.HoldBuilds();
  ASSERT_EQ(one.shard().RebuildIndex(1, std::nullopt), absl::OkStatus());
}

#ifdef ORDINATE_WITH_HNSW
TEST(RebuildWithAGate, IsRefusedWhereItFallsShortAndTheLiveIndexStays) {
  OneShard one;
  IndexDef index = OneShard::Flat(1, FreshnessMode::kRebuildOnly);
  index.engine = Engine::kHnsw;
  index.m = kMinM;
  index.ef_build = kMinEfBuild;
  one.CreateIndex(index);
  one.Settle(1);
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform;
  std::vector<RowWrite> rows;
  for (int64_t id = 0; id < 3'000; ++id) {
    rows.push_back(OneShard::OneRow(id, {uniform(random), uniform(random)}));
  }
  one.Write(std::move(rows));
  const ShardIndexStatus before = one.Settle(1);
  ASSERT_EQ(one.shard().RebuildIndex(1, GateOf(1)), absl::OkStatus());
  const ShardIndexStatus refused = one.Settle(1);
  EXPECT_EQ(refused.generation, before.generation);
  EXPECT_EQ(refused.state, IndexState::kReady);
  EXPECT_EQ(refused.bytes_disk, before.bytes_disk);
  EXPECT_THAT(refused.last_error,
              HasSubstr("the gate refused it: recall@10 over 50 vectors is 0."));
  EXPECT_THAT(refused.last_error, HasSubstr("under min_recall 1; the live index stays"));
  EXPECT_EQ(one.CountAnswers(1), 0u);

  RebuildGate wide = GateOf(0.95);
  wide.ef_search = 200;
  wide.alpha = 6;
  ASSERT_EQ(one.shard().RebuildIndex(1, wide), absl::OkStatus());
  const ShardIndexStatus passed = one.Settle(1);
  EXPECT_EQ(passed.generation, before.generation + 1);
  EXPECT_EQ(passed.last_error, "");
  EXPECT_EQ(one.CountAnswers(1), 1'000u);
}
#endif

TEST(RebuildWithAGate, OfAFlatIndexPasses) {
  OneShard one;
  one.CreateIndex(OneShard::Flat(1, FreshnessMode::kRebuildOnly));
  one.Settle(1);
  one.Write(OneShard::Rows(0, 20));
  ASSERT_EQ(one.shard().RebuildIndex(1, GateOf(1)), absl::OkStatus());
  one.Settle(1);
  EXPECT_EQ(one.CountAnswers(1), 20u);
}

// A server that ends, or is killed, begins again what it had not done.
TEST(RebuildCutShort, IsBegunAgain) {
  OneShard one;
  AskForARebuild(one);
  one.shard().CancelBuilds();
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(1).generation, 2u);
  EXPECT_EQ(one.CountAnswers(1), 20u);
  one.Write(OneShard::Rows(20, 30));
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(1).generation, 2u) << "it was done";
  EXPECT_EQ(one.CountAnswers(1), 20u);
}

#ifdef ORDINATE_WITH_HNSW
TEST(RebuildCutShort, IsBegunAgainWithItsGate) {
  OneShard one;
  IndexDef index = OneShard::Flat(1, FreshnessMode::kRebuildOnly);
  index.engine = Engine::kHnsw;
  one.CreateIndex(index);
  one.Settle(1);
  one.Write(OneShard::Rows(0, 20));
  one.HoldBuilds();
  // No index passes this gate.
  ASSERT_EQ(one.shard().RebuildIndex(1, GateOf(2)), absl::OkStatus());
  one.shard().CancelBuilds();
  one.Close();
  one.Open();
  EXPECT_THAT(one.Settle(1).last_error, HasSubstr("the gate refused it"));
  EXPECT_EQ(one.CountAnswers(1), 0u);
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(1).last_error, "") << "it was refused";
  EXPECT_EQ(one.CountAnswers(1), 0u);
}
#endif

TEST(RebuildCutShort, WhoseNoteCannotBeReadIsToldOf) {
  OneShard one;
  one.CreateIndex(OneShard::Flat(1, FreshnessMode::kRebuildOnly));
  one.Settle(1);
  one.Write(OneShard::Rows(0, 20));
  const char* const notes[] = {"", "[1]", R"({"checksum": 7})", R"({"gate": 7, "checksum": 7})"};
  for (size_t i = 0; i < std::size(notes); ++i) {
    one.Close();
    std::ofstream(one.index_dir(1) + "/" + kRebuildNote) << notes[i];
    one.Open();
    ASSERT_THAT(one.warnings(), SizeIs(i + 1));
    EXPECT_THAT(one.warnings()[i], HasSubstr("ask for it once more"));
    EXPECT_EQ(one.Settle(1).generation, 1u);
    EXPECT_EQ(one.CountAnswers(1), 0u);
  }
}

// The earlier one waits for its disk.
TEST(RebuildCutShort, WhenASecondWasRefusedIsBegunAgain) {
  NoRebuildNotes disk;
  const WatchedDisk watched(disk);
  OneShard one;
  AskForARebuild(one);
  disk.fails = true;
  one.LetBuildsRun();
  EXPECT_EQ(one.Settle(1).generation, 1u);
  EXPECT_TRUE(absl::IsUnavailable(one.shard().RebuildIndex(1, std::nullopt)));
  disk.fails = false;
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(1).generation, 2u);
  EXPECT_EQ(one.CountAnswers(1), 20u);
}

// The build that is delayed is begun nevertheless.
TEST(RebuildCutShort, WhichCannotBeNotedIsRefusedAndChangesNothing) {
  NoRebuildNotes disk;
  const WatchedDisk watched(disk);
  OneShard one;
  one.Write(OneShard::Rows(0, 20));
  disk.fails = true;
  one.CreateIndex(OneShard::Flat(1));
  EXPECT_EQ(one.Settle(1).state, IndexState::kFailed);
  EXPECT_TRUE(absl::IsUnavailable(one.shard().RebuildIndex(1, std::nullopt)));
  EXPECT_EQ(one.Settle(1).state, IndexState::kFailed);
  disk.fails = false;
  one.AddMicros(DelayedBuilds::kLongestWaitMicros);
  one.Write(OneShard::Rows(20, 21));
  EXPECT_EQ(one.Settle(1).state, IndexState::kReady);
  EXPECT_EQ(one.CountAnswers(1), 21u);
}

TEST(CancelledRebuild, LeavesWhatAnswersAndIsNotBegunAgain) {
  OneShard one;
  AskForARebuild(one);
  EXPECT_THAT(one.shard().CancelRebuild(1), IsCancelled(true));
  EXPECT_EQ(one.Status(1).build_progress, 1) << "none is running";
  one.LetBuildsRun();
  EXPECT_EQ(one.Settle(1).generation, 1u);
  EXPECT_EQ(one.Status(1).last_error, "the rebuild was cancelled");
  EXPECT_EQ(one.CountAnswers(1), 0u);
  EXPECT_THAT(one.shard().CancelRebuild(1), IsCancelled(false)) << "once";
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(1).generation, 1u);
  ASSERT_EQ(one.shard().RebuildIndex(1, std::nullopt), absl::OkStatus());
  EXPECT_EQ(one.Settle(1).generation, 2u);
  EXPECT_EQ(one.CountAnswers(1), 20u);
}

TEST(CancelledRebuild, ThatWaitsForItsDiskIsNotTriedAgain) {
  NoRebuildNotes disk;
  const WatchedDisk watched(disk);
  OneShard one;
  AskForARebuild(one);
  disk.fails = true;
  one.LetBuildsRun();
  one.Settle(1);
  disk.fails = false;
  EXPECT_THAT(one.shard().CancelRebuild(1), IsCancelled(true));
  EXPECT_EQ(one.Status(1).last_error, "the rebuild was cancelled");
  one.AddMicros(DelayedBuilds::kLongestWaitMicros);
  one.Turn();
  EXPECT_EQ(one.Settle(1).generation, 1u);
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(1).generation, 1u);
}

TEST(CancelledRebuild, IsRefusedWhereTheIndexNeedsIt) {
  OneShard one;
  one.Write(OneShard::Rows(0, 20));
  one.HoldBuilds();
  one.CreateIndex(OneShard::Flat(1));
  const absl::Status first = one.shard().CancelRebuild(1).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(first)) << first;
  EXPECT_THAT(std::string(first.message()), HasSubstr("DROP it instead"));
  one.LetBuildsRun();
  one.Settle(1);
  one.HoldBuilds();
  const IndexDef frozen = OneShard::Flat(1, FreshnessMode::kRebuildOnly);
  ASSERT_EQ(one.shard().AlterIndex(one.table(), frozen), absl::OkStatus());
  EXPECT_TRUE(absl::IsFailedPrecondition(one.shard().CancelRebuild(1).status()));
  one.LetBuildsRun();
  EXPECT_EQ(one.Settle(1).generation, 2u);
  EXPECT_THAT(one.shard().CancelRebuild(1), IsCancelled(false)) << "none is running";
  EXPECT_TRUE(absl::IsNotFound(one.shard().CancelRebuild(9).status()));
}

// It would begin again at the next start.
TEST(CancelledRebuild, WhoseNoteStaysGoesOn) {
  NoRebuildNotes disk;
  const WatchedDisk watched(disk);
  OneShard one;
  AskForARebuild(one);
  disk.keeps = true;
  EXPECT_TRUE(absl::IsUnavailable(one.shard().CancelRebuild(1).status()));
  disk.keeps = false;
  one.LetBuildsRun();
  EXPECT_EQ(one.Settle(1).generation, 2u);
  EXPECT_EQ(one.CountAnswers(1), 20u);
}

class ScheduledRebuild : public ::testing::Test {
 protected:
  void SetUp() override {
    IndexDef index = OneShard::Flat(1, FreshnessMode::kRebuildOnly);
    index.rebuild_interval_micros = 3'600'000'000;
    one_.CreateIndex(index);
    one_.Settle(1);
  }
  uint64_t Generation() {
    one_.Turn();
    return one_.Settle(1).generation;
  }

  OneShard one_;
};

TEST_F(ScheduledRebuild, ShowsWhatWasWrittenOnceItsTimeHasCome) {
  one_.Write(OneShard::Rows(0, 10));
  EXPECT_EQ(Generation(), 1u);
  one_.AddMicros(3'500'000'000);
  EXPECT_EQ(Generation(), 1u);
  EXPECT_EQ(one_.CountAnswers(1), 0u);
  one_.AddMicros(200'000'000);
  EXPECT_EQ(Generation(), 2u);
  EXPECT_EQ(one_.CountAnswers(1), 10u);
}

TEST_F(ScheduledRebuild, WaitsForAChange) {
  one_.AddMicros(36'000'000'000);
  EXPECT_EQ(Generation(), 1u);
  one_.Write(OneShard::Rows(0, 10));
  EXPECT_EQ(Generation(), 2u) << "it was due long ago";
  one_.Write(OneShard::Rows(10, 20));
  EXPECT_EQ(Generation(), 2u) << "it counts from the last build";
}

TEST_F(ScheduledRebuild, IsAlteredOnline) {
  IndexDef index = OneShard::Flat(1, FreshnessMode::kRebuildOnly);
  one_.Define(index);
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index), absl::OkStatus());
  one_.Write(OneShard::Rows(0, 10));
  one_.AddMicros(36'000'000'000);
  EXPECT_EQ(Generation(), 1u) << "never";
  index.rebuild_interval_micros = 60'000'000;
  one_.Define(index);
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index), absl::OkStatus());
  EXPECT_EQ(Generation(), 2u);
}

TEST_F(ScheduledRebuild, CountsFromTheStartOfTheServer) {
  one_.Write(OneShard::Rows(0, 10));
  one_.AddMicros(3'500'000'000);
  one_.Close();
  one_.Open();
  one_.AddMicros(200'000'000);
  EXPECT_EQ(Generation(), 1u);
  one_.AddMicros(3'500'000'000);
  EXPECT_EQ(Generation(), 2u);
}

}  // namespace
}  // namespace ordinate
