// Files that a build, a seal or a merge has just written and cannot read back: what they were made
// from is as good as before.
#include <atomic>
#include <cerrno>
#include <filesystem>

#include "gmock/gmock.h"
#include "tests/support/one_shard.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kIndex = 1;
constexpr int64_t kWhile = 60'000'000;  // microseconds, after which everything is tried again

/// Opens no segment file while `fails`. Those that are open already stay so.
class UnreadableFiles final : public DiskWatcher {
 public:
  int Before(const DiskCall& call) override {
    const bool opens = call.kind == DiskCall::Kind::kOpen && call.path.ends_with(".vdata");
    return fails && opens ? EIO : 0;
  }
  void After(const DiskCall&) override {}
  std::atomic<bool> fails{false};
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

  UnreadableFiles files_;
  WatchedDisk disk_{files_};
  OneShard one_{/*min_seal_rows=*/100};
};

TEST_F(OwnOutput, OfAFirstBuildIsMadeAgainLater) {
  one_.Write(OneShard::Rows(0, 200));
  files_.fails = true;
  one_.CreateIndex(OneShard::Flat(kIndex));
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.state, IndexState::kFailed);
  EXPECT_THAT(failed.last_error, HasSubstr("a file being made"));
  EXPECT_THAT(FilesThatEnd(".vdata"), IsEmpty());
  EXPECT_EQ(one_.CountAnswers(0), 200u);
  files_.fails = false;
  EXPECT_EQ(AWhileLater(200).generation, 1u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 201u);
}

TEST_F(OwnOutput, OfASealLeavesTheRowsInTheTail) {
  one_.Write(OneShard::Rows(0, 200));
  one_.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  files_.fails = true;
  one_.Write(OneShard::Rows(200, 300));
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.state, IndexState::kReady);
  EXPECT_EQ(failed.generation, 1u);
  EXPECT_THAT(failed.last_error, HasSubstr("a file being made"));
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
  EXPECT_EQ(one_.CountAnswers(kIndex), 300u);
  files_.fails = false;
  one_.Write(OneShard::Rows(300, 400));
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 400u);
}

TEST_F(OwnOutput, OfAMergeLeavesTheSegmentsAsTheyWere) {
  one_.Write(OneShard::Rows(0, 900));
  one_.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  one_.HoldBuilds();
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
  one_.Write(OneShard::Rows(500, 700));  // during a build, which leaves them in two segments
  one_.LetBuildsRun();
  const uint64_t generation = one_.Settle(kIndex).generation;
  ASSERT_THAT(FilesThatEnd(".vdata"), SizeIs(2));
  files_.fails = true;
  one_.Write(Deletes(0, 30));  // so many are gone from the first that it is made anew
  const ShardIndexStatus failed = one_.Settle(kIndex);
  EXPECT_EQ(failed.state, IndexState::kReady);
  EXPECT_EQ(failed.generation, generation);
  EXPECT_THAT(failed.last_error, HasSubstr("a file being made"));
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(2));
  EXPECT_THAT(FilesThatEnd(".damaged"), IsEmpty());
  EXPECT_EQ(one_.CountAnswers(kIndex), 870u);
  files_.fails = false;
  EXPECT_EQ(AWhileLater(900).generation, generation + 1);
  EXPECT_THAT(FilesThatEnd(".vdata"), SizeIs(1));
  EXPECT_EQ(one_.CountAnswers(kIndex), 871u);
}

}  // namespace
}  // namespace ordinate
