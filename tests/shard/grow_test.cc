// A tail is added to the smallest segment while that is small.
#include <set>
#include <tuple>

#include "gmock/gmock.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::IsEmpty;

constexpr uint32_t kIndex = 1;
constexpr int64_t kBatchMicros = 3'600'000'000;  // no test waits for it

class Growing : public ::testing::TestWithParam<std::tuple<FreshnessMode, Engine>> {
 protected:
  // 40 rows in one segment. Sealed from 10 on, grown up to 80.
  void SetUp() override {
    one_.Write(OneShard::Rows(0, 40));
    IndexDef index = OneShard::Flat(kIndex, std::get<FreshnessMode>(GetParam()));
    index.engine = std::get<Engine>(GetParam());
    index.m = 4;
    index.ef_build = 50;
    index.batch_interval_micros = kBatchMicros;
    one_.CreateIndex(index);
    ASSERT_EQ(one_.Settle(kIndex).segments, 1u);
  }

  // By distance, with the sequence of the version that is shown, and its tag.
  std::vector<std::string> Shown() {
    const auto result = one_.Query(kIndex, {0, 3});
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::string> shown;
    if (!result.ok()) return shown;
    for (const RankedRow& row : result->ranked) {
      shown.push_back(Concat(row.id, " of ", row.version, " at ", *row.score));
    }
    return shown;
  }
  void ExpectBalance() {
    const ShardIndexStatus s = one_.Status(kIndex);
    EXPECT_EQ(s.rows_total, s.rows_indexed + s.rows_pending + s.rows_null + s.rows_invalid);
  }
  void ShowAll() {
    one_.AddMicros(kBatchMicros);
    one_.Turn();
  }

  OneShard one_{/*min_seal_rows=*/10};
};

TEST_P(Growing, UntilTheSegmentIsLarge) {
  for (int64_t rows = 40; rows < 80; rows += 10) {
    one_.Write(OneShard::Rows(rows, rows + 10));
    ShowAll();
    const ShardIndexStatus status = one_.Settle(kIndex);
    EXPECT_EQ(status.segments, 1u) << rows;
    EXPECT_EQ(status.tail_rows, 0u) << rows;
  }
  one_.Write(OneShard::Rows(80, 90));
  ShowAll();
  EXPECT_EQ(one_.Settle(kIndex).segments, 2u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 90u);
  EXPECT_THAT(one_.warnings(), IsEmpty());
}

// contract 5.2, 9: whatever becomes of rows of either while the file is made, and after a restart.
TEST_P(Growing, KeepsUpWithChangesMeanwhile) {
  one_.HoldBuilds();
  one_.Write(OneShard::Rows(40, 50));
  ShowAll();
  std::vector<RowWrite> changes = {OneShard::DeleteOf(1), OneShard::DeleteOf(41)};
  changes.push_back(OneShard::OneRow(2, {200, 0}));            // another vector
  changes.push_back(OneShard::OneRow(42, {201, 0}));           // of a row of the tail
  changes.push_back(OneShard::OneRow(3, {3, 0}, int64_t{7}));  // the same vector
  changes.push_back(OneShard::OneRow(43, {43, 0}, int64_t{7}));
  one_.Write(std::move(changes));
  one_.Turn();  // ASYNC has been fed
  const std::vector<std::string> before_batch = Shown();
  EXPECT_EQ(before_batch.size(), 48u);
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).segments, 1u);
  EXPECT_EQ(Shown(), before_batch);
  ExpectBalance();
  ShowAll();
  one_.Settle(kIndex);
  const std::vector<std::string> after = Shown();
  EXPECT_EQ(after.size(), 48u);
  EXPECT_EQ(std::set(after.begin(), after.end()).count("3 of 3 at 3"), 1u);
  one_.Close();
  one_.Open(/*min_seal_rows=*/10);
  EXPECT_EQ(Shown(), after);
  ExpectBalance();
  EXPECT_THAT(one_.warnings(), IsEmpty());
}

// What is gone from the segment is not taken along.
TEST_P(Growing, LeavesOutWhatIsGone) {
  std::vector<RowWrite> deletes;
  for (RowId id = 0; id < 3; ++id) deletes.push_back(OneShard::DeleteOf(id));
  one_.Write(std::move(deletes));
  EXPECT_EQ(one_.Settle(kIndex).rows_deleted, 3u);
  one_.Write(OneShard::Rows(40, 50));
  ShowAll();
  const ShardIndexStatus status = one_.Settle(kIndex);
  EXPECT_EQ(status.segments, 1u);
  EXPECT_EQ(status.rows_deleted, 0u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 47u);
}

// A tail that is longer is sealed in steps, and what is left is read again at the next start.
TEST_P(Growing, InSteps) {
  one_.HoldBuilds();
  for (int64_t id = 40; id < 50; ++id) one_.Write(OneShard::Rows(id, id + 1));
  ShowAll();  // and the seal of these waits
  for (int64_t id = 50; id < 135; ++id) one_.Write(OneShard::Rows(id, id + 1));
  one_.Turn();
  ShowAll();
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).tail_rows, 5u) << "10 and 80 of 95 are sealed";
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(one_.CountAnswers(kIndex), 135u);
    ExpectBalance();
    one_.Close();
    one_.Open(/*min_seal_rows=*/10);
  }
  EXPECT_THAT(one_.warnings(), IsEmpty());
}

#ifdef ORDINATE_WITH_HNSW
constexpr Engine kEngines[] = {Engine::kFlat, Engine::kHnsw};
#else
constexpr Engine kEngines[] = {Engine::kFlat};
#endif
INSTANTIATE_TEST_SUITE_P(Modes, Growing,
                         ::testing::Combine(::testing::Values(FreshnessMode::kImmediate,
                                                              FreshnessMode::kBatched,
                                                              FreshnessMode::kAsync),
                                            ::testing::ValuesIn(kEngines)));

// Rows of before a build, which has them, and of after it are never in one segment.
TEST(GrowingBesideABuild, StaysApartFromWhatTheBuildReplaces) {
  OneShard one(/*min_seal_rows=*/10);
  one.Write(OneShard::Rows(0, 40));
  one.CreateIndex(OneShard::Flat(kIndex));
  ASSERT_EQ(one.Settle(kIndex).segments, 1u);
  one.SeparateSeals();
  one.Close();
  one.Open(/*min_seal_rows=*/10);
  one.HoldBuilds();
  ASSERT_EQ(one.shard().RebuildIndex(kIndex), absl::OkStatus());
  for (int64_t rows = 40; rows < 60; rows += 10) {
    one.Write(OneShard::Rows(rows, rows + 10));
    EXPECT_EQ(one.SettleSeals(kIndex).segments, 2u);
  }
  one.LetBuildsRun();
  EXPECT_EQ(one.Settle(kIndex).segments, 2u);
  EXPECT_EQ(one.Status(kIndex).rows_deleted, 0u);
  EXPECT_EQ(one.CountAnswers(kIndex), 60u);
}

}  // namespace
}  // namespace ordinate
