// Files that a build, a seal or a merge has just written and cannot read back: what they were made
// from is as good as before.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/shard/delayed_builds.h"
#include "gmock/gmock.h"
#include "tests/support/one_shard.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kIndex = 1;
// After which everything is tried again.
constexpr int64_t kWhile = DelayedBuilds::kLongestWaitMicros;

/// Opens no segment file while `fails`, writes none while `writes_none`, gives no manifest its name
/// while `names_none`, and makes no such name durable while `syncs_none`. Files that are open
/// already stay so.
class FailingFiles final : public DiskWatcher {
 public:
  int Before(const DiskCall& call) override {
    const bool opens = call.kind == DiskCall::Kind::kOpen && call.path.ends_with(".vdata");
    const bool writes = call.kind == DiskCall::Kind::kRename && call.to.ends_with(".vdata");
    const bool names = call.kind == DiskCall::Kind::kRename && call.to.ends_with(".vindex");
    const bool syncs = call.kind == DiskCall::Kind::kSyncFolder && named_;
    const bool refused = (fails && opens) || (writes_none && writes) || (names_none && names) ||
                         (syncs_none && syncs);
    return refused ? error.load() : 0;
  }
  void After(const DiskCall& call) override {
    if (call.kind == DiskCall::Kind::kRename) named_ = call.to.ends_with(".vindex");
  }
  std::atomic<int> error{EIO};
  std::atomic<bool> fails{false};
  std::atomic<bool> writes_none{false};
  std::atomic<bool> names_none{false};
  std::atomic<bool> syncs_none{false};

 private:
  std::atomic<bool> named_{false};  // the last name given is a manifest's
};

class OwnOutput : public ::testing::Test {
 protected:
  std::vector<std::string> FilesThatEnd(const std::string& end) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(one_.index_dir(kIndex))) {
      if (entry.path().string().ends_with(end)) found.push_back(entry.path());
    }
    return found;
  }
  /// The status once what failed was tried again, which a write brings about.
  ShardIndexStatus AWhileLater(int64_t row) {
    one_.AddMicros(kWhile);
    one_.Write(OneShard::Rows(row, row + 1));
    return one_.Settle(kIndex);
  }
  static std::vector<RowWrite> Deletes(int64_t first, int64_t last) {
    std::vector<RowWrite> rows(static_cast<size_t>(last - first));
    for (RowWrite& row : rows) {
      row.kind = Mutation::Kind::kDelete;
      row.preferred_id = static_cast<RowId>(first++);
    }
    return rows;
  }

  FailingFiles files_;
  WatchedDisk disk_{files_};
  OneShard one_{/*min_seal_rows=*/100};
};

TEST_F(OwnOutput, OfAFirstBuildIsMadeAgainLater) {
  one_.Write(OneShard::Rows(0, 200));
  files_.fails = true;
  one_.CreateIndex(OneShard::Flat(kIndex));
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.state, IndexState::kFailed);
  EXPECT_THAT(failed.last_error, HasSubstr("made again"));
  EXPECT_THAT(FilesThatEnd(".vdata"), IsEmpty());
  EXPECT_EQ(one_.CountAnswers(0), 200u);
  files_.fails = false;
  EXPECT_EQ(AWhileLater(200).generation, 1u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 201u);
}

// Whatever the disk says: a file system may be read-only for a while, or a process have too many
// files open.
TEST_F(OwnOutput, IsMadeAgainAfterEveryError) {
  one_.Write(OneShard::Rows(0, 200));
  one_.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  int64_t row = 200;
  for (std::atomic<bool>* const step : {&files_.writes_none, &files_.fails, &files_.names_none}) {
    *step = true;
    ASSERT_EQ(one_.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
    for (const int error : {EIO, EMFILE, EROFS, EINVAL}) {
      files_.error = error;
      const ShardIndexStatus failed = AWhileLater(row++);
      EXPECT_THAT(failed.last_error, HasSubstr("made again"));
      EXPECT_THAT(failed.last_error, HasSubstr(std::strerror(error)));
      EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
    }
    *step = false;
    EXPECT_THAT(AWhileLater(row++).last_error, IsEmpty());
  }
  EXPECT_EQ(one_.CountAnswers(kIndex), static_cast<size_t>(row));
}

TEST_F(OwnOutput, WithoutAManifestIsRemoved) {
  one_.Write(OneShard::Rows(0, 200));
  files_.names_none = true;
  one_.CreateIndex(OneShard::Flat(kIndex));
  EXPECT_EQ(one_.Settle(kIndex).state, IndexState::kFailed);
  for (int64_t row = 200; row < 203; ++row) {
    const ShardIndexStatus failed = AWhileLater(row);
    EXPECT_EQ(failed.state, IndexState::kFailed);
    EXPECT_THAT(failed.last_error, HasSubstr("made again"));
    EXPECT_THAT(FilesThatEnd(".vdata"), IsEmpty());
  }
  files_.names_none = false;
  EXPECT_EQ(AWhileLater(203).generation, 1u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 204u);
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
}

// A power loss may leave the one manifest or the other.
TEST_F(OwnOutput, WhoseManifestMayNotBeDurableStaysUntilAnotherIs) {
  one_.Write(OneShard::Rows(0, 200));
  one_.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  files_.syncs_none = true;
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.generation, 1u);
  EXPECT_THAT(failed.last_error, HasSubstr("made again"));
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(2)) << "of the old manifest, and of the new";
  EXPECT_EQ(one_.CountAnswers(kIndex), 200u);
  files_.syncs_none = false;
  EXPECT_EQ(AWhileLater(200).generation, 2u);
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
  EXPECT_EQ(one_.CountAnswers(kIndex), 201u);
}

#ifdef ORDINATE_WITH_HNSW
// FLAT indexes pass every gate.
TEST_F(OwnOutput, OfARebuildThatSomeoneAskedForAgainIsForgotten) {
  one_.Write(OneShard::Rows(0, 200));
  IndexDef index = OneShard::Flat(kIndex);
  index.engine = Engine::kHnsw;
  one_.CreateIndex(index);
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  files_.fails = true;
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
  EXPECT_THAT(one_.Settle(kIndex).last_error, HasSubstr("made again"));
  files_.fails = false;
  // No index passes this gate.
  ASSERT_EQ(
      one_.shard().RebuildIndex(kIndex, RebuildGate{.min_recall = 2, .ef_search = 64, .alpha = 6}),
      absl::OkStatus());
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
  EXPECT_EQ(AWhileLater(200).generation, 1u) << "the one without a gate is wanted no more";
}
#endif

TEST_F(OwnOutput, OfASealLeavesTheRowsInTheTail) {
  one_.Write(OneShard::Rows(0, 200));
  one_.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  files_.fails = true;
  one_.Write(OneShard::Rows(200, 300));
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.state, IndexState::kReady);
  EXPECT_EQ(failed.generation, 1u);
  EXPECT_THAT(failed.last_error, HasSubstr("made again"));
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
  EXPECT_EQ(one_.CountAnswers(kIndex), 300u);
  files_.fails = false;
  one_.Write(OneShard::Rows(300, 400));
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 400u);
}

TEST_F(OwnOutput, OfAMergeLeavesTheSegmentsAsTheyWere) {
  one_.Write(OneShard::Rows(0, 1'100));
  one_.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  one_.HoldBuilds();
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
  one_.Write(OneShard::Rows(500, 700));  // during a build, which leaves them in two segments
  one_.LetBuildsRun();
  const uint64_t generation = one_.Settle(kIndex).generation;
  ASSERT_THAT(FilesThatEnd(".vdata"), SizeIs(2));
  files_.fails = true;
  one_.Write(Deletes(0, 80));  // so many are gone from the first that it is made anew
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.state, IndexState::kReady);
  EXPECT_EQ(failed.generation, generation);
  EXPECT_THAT(failed.last_error, HasSubstr("made again"));
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(2));
  EXPECT_THAT(FilesThatEnd(".damaged"), IsEmpty());
  EXPECT_EQ(one_.CountAnswers(kIndex), 1'000u);
  files_.fails = false;
  EXPECT_EQ(AWhileLater(1'100).generation, generation + 1);
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
  EXPECT_EQ(one_.Status(kIndex).rows_indexed, 1'021u);
}

TEST(DelayedBuilds, WaitTwiceAsLongEachTimeAndOnlyWhereTheyCanBegin) {
  DelayedBuilds delayed;
  const auto always = [](uint32_t) { return true; };
  int64_t now = 1;
  int64_t wait = DelayedBuilds::kFirstWaitMicros;
  for (int failures = 0; failures < 20; ++failures) {
    delayed.Delay(7, std::nullopt, now, /*grows=*/true);
    EXPECT_THAT(delayed.TakeDue(now + wait - 1, always), IsEmpty());
    now += wait;
    EXPECT_THAT(delayed.TakeDue(now, [](uint32_t) { return false; }), IsEmpty());
    EXPECT_THAT(delayed.TakeDue(now, always), SizeIs(1));
    EXPECT_THAT(delayed.TakeDue(now, always), IsEmpty()) << "it was begun";
    wait = std::min(2 * wait, DelayedBuilds::kLongestWaitMicros);
  }
  delayed.Delay(7, std::nullopt, now, /*grows=*/false);
  EXPECT_THAT(delayed.TakeDue(now + DelayedBuilds::kFirstWaitMicros, always), SizeIs(1));
  delayed.Delay(7, std::nullopt, now, /*grows=*/true);
  delayed.Forget(7);
  EXPECT_THAT(delayed.TakeDue(now + 2 * wait, always), IsEmpty());
  delayed.Delay(7, std::nullopt, now, /*grows=*/true);
  EXPECT_THAT(delayed.TakeDue(now + DelayedBuilds::kFirstWaitMicros, always), SizeIs(1));
}

}  // namespace
}  // namespace ordinate
