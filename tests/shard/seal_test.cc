#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
namespace fs = std::filesystem;

// The index's folder cannot be written while a file has its name.
void BlockFolder(const std::string& path) {
  fs::rename(path, path + ".away");
  std::ofstream(path) << "x";
}
void UnblockFolder(const std::string& path) {
  fs::remove(path);
  fs::rename(path + ".away", path);
}

// Writes may stop before the build that was in their way ends.
TEST(Sealing, ATailThatGrewDuringABuildIsSealedWhenItEnds) {
  OneShard one(/*min_seal_rows=*/10);
  one.CreateIndex(OneShard::Flat(1));
  ASSERT_EQ(one.Settle(1).generation, 1u);
  one.HoldBuilds();
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  one.Write(OneShard::Rows(0, 12));
  EXPECT_EQ(one.Status(1).tail_rows, 12u);
  one.LetBuildsRun();
  const ShardIndexStatus status = one.Settle(1);
  EXPECT_EQ(status.generation, 3u);
  EXPECT_EQ(status.tail_rows, 0u);
  EXPECT_EQ(one.CountAnswers(1), 12u);
}

TEST(Sealing, ATailFoundAtStartIsSealed) {
  OneShard one;
  one.CreateIndex(OneShard::Flat(1));
  one.Settle(1);
  one.Write(OneShard::Rows(0, 12));
  one.Close();
  one.Open(/*min_seal_rows=*/13);
  EXPECT_EQ(one.Settle(1).generation, 1u) << "the tail is too short";
  one.Close();
  one.Open(/*min_seal_rows=*/12);
  const ShardIndexStatus status = one.Settle(1);
  EXPECT_EQ(status.generation, 2u);
  EXPECT_EQ(status.tail_rows, 0u);
}

TEST(Sealing, ASealThatFailedIsTriedAgainOnceTheTailHasDoubled) {
  OneShard one(/*min_seal_rows=*/10);
  one.CreateIndex(OneShard::Flat(1));
  ASSERT_EQ(one.Settle(1).generation, 1u);
  BlockFolder(one.index_dir(1));
  one.Write(OneShard::Rows(0, 10));
  EXPECT_THAT(one.Settle(1).last_error, HasSubstr(one.index_dir(1)));
  EXPECT_THAT(one.warnings(), SizeIs(1));
  for (int64_t id = 10; id < 19; ++id) {
    one.Write(OneShard::Rows(id, id + 1));
    one.Settle(1);
  }
  EXPECT_THAT(one.warnings(), SizeIs(1)) << "a write has started the build again";
  one.Write(OneShard::Rows(19, 20));
  EXPECT_EQ(one.Settle(1).tail_rows, 20u);
  EXPECT_THAT(one.warnings(), SizeIs(2)) << "the tail has doubled";

  UnblockFolder(one.index_dir(1));
  one.Write(OneShard::Rows(20, 39));
  EXPECT_EQ(one.Settle(1).generation, 1u);
  one.Write(OneShard::Rows(39, 40));
  const ShardIndexStatus status = one.Settle(1);
  EXPECT_EQ(status.generation, 2u);
  EXPECT_EQ(status.tail_rows, 0u);
  EXPECT_EQ(status.last_error, "");
  EXPECT_EQ(one.CountAnswers(1), 40u);
}

// Nothing reads the tail of an index without a generation, and the next build reads the rows.
TEST(Sealing, AFailedIndexTakesNoMemoryUntilItIsRebuilt) {
  OneShard one;
  one.HoldBuilds();
  one.CreateIndex(OneShard::Flat(1));
  one.Write(OneShard::Rows(0, 5));  // into the tail of the build
  fs::remove_all(one.index_dir(1));
  std::ofstream(one.index_dir(1)) << "x";
  one.LetBuildsRun();
  ASSERT_EQ(one.Settle(1).state, IndexState::kFailed);
  one.Write(OneShard::Rows(5, 300));
  const ShardIndexStatus failed = one.Status(1);
  EXPECT_EQ(failed.tail_rows, 0u);
  EXPECT_EQ(failed.bytes_memory, 0u);
  EXPECT_EQ(failed.rows_total, 300u);
  EXPECT_EQ(failed.rows_pending, 300u);
  ASSERT_TRUE(one.Query(1).ok());
  EXPECT_EQ(one.Query(1)->generation, 0u) << "of the rows";

  fs::remove(one.index_dir(1));
  fs::create_directory(one.index_dir(1));
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  const ShardIndexStatus rebuilt = one.Settle(1);
  EXPECT_EQ(rebuilt.state, IndexState::kReady);
  EXPECT_EQ(rebuilt.rows_indexed, 300u);
  EXPECT_EQ(rebuilt.last_error, "");
  EXPECT_EQ(one.CountAnswers(1), 300u);
}

// contract 1.5: an index may be created between the front's checks and the shard's turn.
TEST(DimChecks, AWriteAgainstAnIndexCreatedMeanwhileIsRefusedWhole) {
  OneShard one;
  one.CreateIndex(OneShard::Flat(1));
  one.Settle(1);
  one.Write(OneShard::Rows(1, 2));
  const auto refused = one.TryWrite({OneShard::OneRow(2, {2, 0}), OneShard::OneRow(3, {3, 0, 0})});
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("'idx1'"));
  EXPECT_EQ(one.shard().GetWatermarks().durable, 1u);
  EXPECT_EQ(one.CountAnswers(0), 1u);
  EXPECT_EQ(one.CountAnswers(1), 1u);
  one.Write(OneShard::Rows(2, 3));
  EXPECT_EQ(one.CountAnswers(1), 2u);
  EXPECT_THAT(one.warnings(), IsEmpty());
}

TEST(DimChecks, AnIndexThatSkipsOtherDimsRefusesNothing) {
  OneShard one;
  IndexDef index = OneShard::Flat(1);
  index.dim_policy = DimPolicy::kSkip;
  one.CreateIndex(index);
  one.Settle(1);
  one.Write({OneShard::OneRow(2, {2, 0}), OneShard::OneRow(3, {3, 0, 0})});
  EXPECT_EQ(one.Status(1).rows_invalid, 1u);
}

}  // namespace
}  // namespace ordinate
