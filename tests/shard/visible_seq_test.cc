// What is shown never goes back, whatever answers: an index, or the rows in its stead.
// contract 5.2: for one index and lag policy visible_seq only grows.
#include <filesystem>

#include "gmock/gmock.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kIndex = 1;

class VisibleSeq : public ::testing::TestWithParam<FreshnessMode> {
 protected:
  struct Shown {
    uint64_t seq = 0;
    std::vector<RowId> ids;
  };
  Shown Look(LagPolicy policy = LagPolicy::kSkipTail) {
    const auto result = one_.Query(kIndex, {0}, policy);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    Shown shown{result->visible_seq, {}};
    for (const RankedRow& row : result->ranked) shown.ids.push_back(row.id);
    return shown;
  }

  OneShard one_;
};

TEST_P(VisibleSeq, StaysWhenTheFirstBuildEnds) {
  one_.Write(OneShard::Rows(1, 4));
  one_.HoldBuilds();
  one_.CreateIndex(OneShard::Flat(kIndex, GetParam()));
  one_.Write(OneShard::Rows(4, 6));
  const Shown before = Look();
  EXPECT_EQ(one_.Status(kIndex).visible_seq, before.seq);
  one_.LetBuildsRun();
  ASSERT_EQ(one_.Settle(kIndex).generation, 1u);
  const Shown after = Look();
  EXPECT_EQ(after.seq, before.seq);
  EXPECT_EQ(after.ids, before.ids);
  EXPECT_EQ(one_.Status(kIndex).visible_seq, after.seq);
}

TEST_P(VisibleSeq, DoesNotGoBackWhenAFileIsLost) {
  one_.Write(OneShard::Rows(1, 4));
  one_.CreateIndex(OneShard::Flat(kIndex, GetParam()));
  one_.Settle(kIndex);
  one_.Close();
  for (const auto& file : std::filesystem::directory_iterator(one_.index_dir(kIndex))) {
    if (file.path().extension() == ".vdata") std::filesystem::resize_file(file.path(), 10);
  }
  one_.HoldBuilds();
  one_.Open();
  one_.Write(OneShard::Rows(4, 6));
  const Shown before = Look();
  one_.Write(OneShard::Rows(6, 8));
  const Shown later = Look();
  EXPECT_GE(later.seq, before.seq);
  one_.LetBuildsRun();
  one_.Settle(kIndex);
  EXPECT_GE(Look().seq, later.seq);
  EXPECT_EQ(Look().ids.size(), later.ids.size());
}

INSTANTIATE_TEST_SUITE_P(Modes, VisibleSeq,
                         ::testing::Values(FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                           FreshnessMode::kAsync, FreshnessMode::kRebuildOnly),
                         [](const auto& mode) {
                           return std::string(FreshnessModeName(mode.param));
                         });

// A snapshot that is held shows what it did, also where its index turns out damaged.
TEST(VisibleSeqOfAHeldSnapshot, IsOfItsIndex) {
  OneShard one;
  IndexDef index = OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly);
  one.Write(OneShard::Rows(1, 5));
  one.CreateIndex(index);
  one.Settle(kIndex);
  const uint64_t built = one.Query(kIndex)->visible_seq;
  one.Write(OneShard::Rows(4, 9));
  ShardQuery question = OneShard::Question(kIndex, {0});
  question.plan.reason = Reason::kIndexNotReady;
  question.hold = HoldFor::kPage;
  const auto page = one.Ask(question);
  ASSERT_TRUE(page.ok()) << page.status();
  for (const auto& file : std::filesystem::directory_iterator(one.index_dir(kIndex))) {
    if (file.path().extension() == ".vdata") std::filesystem::resize_file(file.path(), 0);
  }
  question.snapshot_id = page->snapshot_id;
  const auto next = one.Ask(question);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->generation, 0u) << "by the rows";
  EXPECT_EQ(next->visible_seq, built);
  EXPECT_EQ(next->ranked.size(), 4u);
}

// contract 5.3: not even before there is an index; a delete is masked at once.
TEST(VisibleSeqOfRebuildOnly, IsOfTheBuildThatRuns) {
  OneShard one;
  one.Write(OneShard::Rows(1, 5));
  one.HoldBuilds();
  one.CreateIndex(OneShard::Flat(kIndex, FreshnessMode::kRebuildOnly));
  const uint64_t built = one.Query(kIndex)->visible_seq;
  one.Write({OneShard::OneRow(2, {9, 9})});
  one.Write(OneShard::Rows(5, 6));
  one.Write({OneShard::DeleteOf(3)});
  const auto ids = [](const absl::StatusOr<ShardQueryResult>& result) {
    std::vector<RowId> found;
    for (const RankedRow& row : result->ranked) found.push_back(row.id);
    return found;
  };
  EXPECT_THAT(ids(one.Query(kIndex, {0})), ElementsAre(1, 2, 4));
  EXPECT_EQ(one.Query(kIndex)->visible_seq, built);
  EXPECT_THAT(ids(one.Query(kIndex, {0}, LagPolicy::kScanTail)), ElementsAre(1, 4, 5, 2));
  EXPECT_EQ(one.Query(kIndex, {0}, LagPolicy::kScanTail)->visible_seq, built + 3);
  EXPECT_THAT(ids(one.QueryTogether(kIndex, 2).back()), ElementsAre(1, 2, 4));
  const CallContext context;
  const auto await = [&](const ShardAwait& asked) { return one.Await(asked, context).get(); };
  EXPECT_TRUE(absl::IsFailedPrecondition(
      await({kIndex, LagPolicy::kSkipTail, built + 1, {}, {}}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(await({kIndex, LagPolicy::kFail, 0, 1, {}}).status()));
  EXPECT_TRUE(await({kIndex, LagPolicy::kFail, 0, 2, {}}).ok());
  one.LetBuildsRun();
  one.Settle(kIndex);
  EXPECT_THAT(ids(one.Query(kIndex, {0})), ElementsAre(1, 2, 4));
  EXPECT_EQ(one.Query(kIndex)->visible_seq, built);
}

}  // namespace
}  // namespace ordinate
