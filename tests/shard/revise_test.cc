// contract 1.7: an update that leaves the vector alone does not touch the graph, nor the tail.
#include <filesystem>
#include <map>

#include "gmock/gmock.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
namespace fs = std::filesystem;

using Tags = std::map<RowId, int64_t>;

RowWrite Tagged(int64_t id, int64_t tag) {
  return OneShard::OneRow(id, {static_cast<float>(id), 0}, tag);
}

class Revising : public ::testing::TestWithParam<Engine> {
 protected:
  // Rows 0 to 9, tagged 0, in one segment.
  explicit Revising(FreshnessMode mode = FreshnessMode::kImmediate)
      : index_(OneShard::Flat(1, mode)) {
    index_.engine = GetParam();
    index_.batch_rows = 3;
    index_.batch_interval_micros = 3'600'000'000;
    std::vector<RowWrite> rows;
    for (int64_t id = 0; id < 10; ++id) rows.push_back(Tagged(id, 0));
    one_.Write(std::move(rows));
    one_.CreateIndex(index_);
    one_.Settle(1);
  }

  // As keys and as columns; they must agree.
  Tags Ask(LagPolicy policy = LagPolicy::kSkipTail) {
    ShardQuery query = OneShard::Question(1, {3});
    query.plan.lag_policy = policy;
    query.order_by = {{.column = "tag", .column_position = 3}};
    const auto result = one_.Ask(query);
    EXPECT_TRUE(result.ok()) << result.status();
    Tags tags;
    if (!result.ok()) return tags;
    for (size_t i = 0; i < result->ranked.size(); ++i) {
      const RankedRow& row = result->ranked[i];
      EXPECT_EQ(row.score, static_cast<double>(row.id));
      EXPECT_EQ(row.keys[0], result->rows[i].cells[0]);
      EXPECT_TRUE(tags.emplace(row.id, std::get<int64_t>(row.keys[0])).second);
    }
    return tags;
  }
  std::vector<RowId> WithTag(int64_t tag) {
    ShardQuery query = OneShard::Question(1);
    query.filter = BindFilter({.column = "tag", .literals = {Value(tag)}}, one_.table()).value();
    const auto result = one_.Ask(query);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<RowId> ids;
    if (!result.ok()) return ids;
    for (const RankedRow& row : result->ranked) ids.push_back(row.id);
    return ids;
  }
  static Tags AllZeroBut(const Tags& other) {
    Tags tags = other;
    for (RowId id = 0; id < 10; ++id) tags.try_emplace(id, 0);
    return tags;
  }
  size_t Files() {
    size_t files = 0;
    for (const auto& entry : fs::directory_iterator(one_.index_dir(1))) {
      files += entry.path().extension() == ".vdata";
    }
    return files;
  }

  OneShard one_;
  IndexDef index_;
};

TEST_P(Revising, TheRowStaysInItsSegmentAndShowsItsNewCells) {
  one_.Write({Tagged(3, 7), Tagged(5, 7)});
  EXPECT_EQ(Ask(), AllZeroBut({{3, 7}, {5, 7}}));
  EXPECT_THAT(WithTag(7), ElementsAre(3, 5));
  EXPECT_THAT(WithTag(0), ElementsAre(0, 1, 2, 4, 6, 7, 8, 9));
  const ShardIndexStatus status = one_.Status(1);
  EXPECT_EQ(status.tail_rows, 0u);
  EXPECT_EQ(status.rows_deleted, 0u);
  EXPECT_EQ(status.rows_indexed, 10u);
  one_.Write({Tagged(3, 8)});
  EXPECT_EQ(Ask(), AllZeroBut({{3, 8}, {5, 7}}));
  EXPECT_THAT(WithTag(7), ElementsAre(5));
}

TEST_P(Revising, ANewVectorOrADeleteTakesTheRowOutOfItsSegment) {
  one_.Write({Tagged(3, 7), Tagged(4, 7)});
  RowWrite moved = Tagged(3, 8);
  moved.cells[1] = Vector{20, 0};
  one_.Write({moved, OneShard::DeleteOf(4)});
  EXPECT_EQ(one_.Status(1).tail_rows, 1u);
  EXPECT_THAT(WithTag(7), IsEmpty());
  EXPECT_THAT(WithTag(8), ElementsAre(3));
  // Back under the vector it had, and back from the dead: the segment's versions stay gone.
  one_.Write({Tagged(3, 9), Tagged(4, 9)});
  EXPECT_EQ(Ask(), AllZeroBut({{3, 9}, {4, 9}}));
  EXPECT_EQ(one_.Status(1).rows_indexed, 10u);
}

TEST_P(Revising, ARowWithoutAVectorIsRevisedToo) {
  RowWrite null = Tagged(3, 1);
  null.cells[1] = Value();
  one_.Write({null});
  one_.Close();
  one_.Open(/*min_seal_rows=*/1);
  EXPECT_EQ(one_.Settle(1).tail_rows, 0u);
  null.cells[3] = int64_t{2};
  one_.Write({null});
  EXPECT_EQ(one_.Status(1).tail_rows, 0u);
  EXPECT_EQ(one_.Status(1).rows_null, 1u);
  ShardQuery query = OneShard::Question(1, {3});
  query.include_null_vectors = true;
  const auto result = one_.Ask(query);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows.back().cells[0], Value(int64_t{2}));
}

TEST_P(Revising, WhatIsInNoFileYetIsReadAgainAtStart) {
  one_.Write({Tagged(3, 7)});
  EXPECT_EQ(Files(), 1u);
  one_.Close();
  one_.Open();
  EXPECT_EQ(Ask(), AllZeroBut({{3, 7}}));
  EXPECT_EQ(one_.Status(1).tail_rows, 0u);
}

// Eight revised rows, four times the least of a tail, are written to a file.
TEST_P(Revising, ManyRevisedRowsAreSealedAndFoundAtStart) {
  one_.Close();
  one_.Open(/*min_seal_rows=*/2);
  Tags expected;
  for (int64_t tag = 1; tag <= 8; ++tag) {
    one_.Write({Tagged(tag % 2, tag)});
    expected[static_cast<RowId>(tag % 2)] = tag;
    EXPECT_EQ(one_.Settle(1).generation, tag < 8 ? 1u : 2u);
  }
  EXPECT_EQ(Files(), 2u) << "the segment, and the two rows";
  EXPECT_EQ(Ask(), AllZeroBut(expected));
  one_.Write({Tagged(1, 9)});
  expected[1] = 9;
  EXPECT_EQ(Ask(), AllZeroBut(expected));
  one_.Close();
  one_.Open(/*min_seal_rows=*/2);
  EXPECT_EQ(Ask(), AllZeroBut(expected));
  EXPECT_THAT(WithTag(9), ElementsAre(1));
  EXPECT_THAT(one_.warnings(), IsEmpty());
}

// A quarter of a segment revised, in a file: the segment is made anew, and the file goes.
TEST_P(Revising, AMergeTakesThemIn) {
  one_.Close();
  one_.Open(/*min_seal_rows=*/2);
  std::vector<RowWrite> rows;
  Tags expected;
  for (int64_t id = 0; id < 8; ++id) {
    rows.push_back(Tagged(id, 5));
    expected[static_cast<RowId>(id)] = 5;
  }
  one_.Write(std::move(rows));
  const ShardIndexStatus status = one_.Settle(1);
  EXPECT_EQ(status.generation, 3u) << "sealed, then merged";
  EXPECT_EQ(Files(), 1u);
  EXPECT_EQ(Ask(), AllZeroBut(expected));
  one_.Write({Tagged(2, 6)});
  expected[2] = 6;
  EXPECT_EQ(Ask(), AllZeroBut(expected));
  one_.Close();
  one_.Open();
  EXPECT_EQ(Ask(), AllZeroBut(expected));
}

// What is written while files are made of what was there stays revised.
TEST_P(Revising, WhatIsRevisedDuringASealOrAMergeIsNotLost) {
  one_.Close();
  one_.Open(/*min_seal_rows=*/2);
  one_.HoldBuilds();
  std::vector<RowWrite> rows;
  Tags expected;
  for (int64_t id = 0; id < 8; ++id) rows.push_back(Tagged(id, 5));
  one_.Write(std::move(rows));  // its seal waits
  one_.Write({Tagged(1, 6), Tagged(9, 6)});
  one_.LetBuildsRun();
  one_.Settle(1);
  for (RowId id = 0; id < 8; ++id) expected[id] = 5;
  expected[1] = expected[9] = 6;
  EXPECT_EQ(Ask(), AllZeroBut(expected));
  EXPECT_THAT(WithTag(6), ElementsAre(1, 9));
  one_.Close();
  one_.Open(/*min_seal_rows=*/2);
  EXPECT_EQ(Ask(), AllZeroBut(expected));
}

TEST_P(Revising, ABuildTakesInWhatCameBeforeItAndKeepsWhatCameAfter) {
  one_.Write({Tagged(1, 5)});
  one_.HoldBuilds();
  ASSERT_EQ(one_.shard().RebuildIndex(1), absl::OkStatus());
  one_.Write({Tagged(2, 6), Tagged(1, 6)});
  EXPECT_EQ(Ask(), AllZeroBut({{1, 6}, {2, 6}}));
  one_.LetBuildsRun();
  one_.Settle(1);
  EXPECT_EQ(Ask(), AllZeroBut({{1, 6}, {2, 6}}));
  EXPECT_EQ(one_.Status(1).tail_rows, 2u);
}

TEST_P(Revising, AColumnThatIsNewerThanTheSegmentIsReadFromTheRevision) {
  TableDef wider = one_.table();
  wider.columns.push_back({5, "late", ColumnRole::kAttribute, DataType::kInt64, true, 0});
  ASSERT_EQ(one_.shard().AlterTable(wider), absl::OkStatus());
  RowWrite row = Tagged(3, 7);
  row.cells.push_back(int64_t{30});
  one_.Write({row});
  ShardQuery query = OneShard::Question(1);
  query.order_by = {{.column = "late", .column_position = 4}};
  const auto result = one_.Ask(query);
  ASSERT_TRUE(result.ok()) << result.status();
  for (const RankedRow& ranked : result->ranked) {
    EXPECT_EQ(ranked.keys[0], ranked.id == 3 ? Value(int64_t{30}) : Value());
  }
}

class RevisingBatched : public Revising {
 protected:
  RevisingBatched() : Revising(FreshnessMode::kBatched) {}
};

TEST_P(RevisingBatched, TheOldCellsAreShownUntilTheBatchEnds) {
  one_.Write({Tagged(3, 7), Tagged(5, 7)});
  EXPECT_EQ(Ask(), AllZeroBut({}));
  EXPECT_EQ(Ask(LagPolicy::kScanTail), AllZeroBut({{3, 7}, {5, 7}}));
  EXPECT_EQ(one_.Status(1).rows_pending, 2u);
  EXPECT_EQ(one_.Status(1).rows_indexed, 8u);
  one_.Write({Tagged(4, 8)});
  EXPECT_EQ(Ask(), AllZeroBut({{3, 7}, {4, 8}, {5, 7}}));
  EXPECT_EQ(one_.Status(1).rows_pending, 0u);
  EXPECT_EQ(one_.Status(1).rows_indexed, 10u);
  EXPECT_EQ(one_.Status(1).tail_rows, 0u);
}

TEST_P(RevisingBatched, ADeleteOfAWaitingRevisionIsShownAtOnce) {
  one_.Write({Tagged(3, 7)});
  one_.Write({OneShard::DeleteOf(3)});
  EXPECT_EQ(Ask().count(3), 0u);
  EXPECT_EQ(one_.Status(1).rows_indexed, 9u);
  EXPECT_EQ(one_.Status(1).rows_pending, 0u);
}

// The old version of the row stays shown while the new one, elsewhere, waits.
TEST_P(RevisingBatched, ARowMayBeRevisedMovedAndRevisedAgainInOneBatch) {
  index_.batch_rows = 100;
  one_.Define(index_);
  ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index_), absl::OkStatus());
  one_.Write({Tagged(3, 7)});
  RowWrite moved = Tagged(3, 8);
  moved.cells[1] = Vector{20, 0};
  one_.Write({moved});
  one_.Write({Tagged(3, 9)});
  EXPECT_EQ(Ask(), AllZeroBut({}));
  EXPECT_EQ(Ask(LagPolicy::kScanTail), AllZeroBut({{3, 9}}));
  EXPECT_EQ(one_.Status(1).rows_pending, 1u);
  one_.AddMicros(3'601'000'000);
  one_.Turn();
  EXPECT_EQ(Ask(), AllZeroBut({{3, 9}}));
  EXPECT_EQ(one_.Status(1).rows_indexed, 10u);
  EXPECT_EQ(one_.Status(1).tail_rows, 0u);
}

TEST_P(RevisingBatched, WhatIsNotShownYetIsNotSealed) {
  index_.batch_rows = 100;
  one_.Define(index_);
  one_.Close();
  one_.Open(/*min_seal_rows=*/2);
  std::vector<RowWrite> rows;
  for (int64_t id = 0; id < 8; ++id) rows.push_back(Tagged(id, 5));
  one_.Write(std::move(rows));
  EXPECT_EQ(one_.Settle(1).generation, 1u);
  one_.AddMicros(3'601'000'000);
  one_.Turn();
  EXPECT_EQ(one_.Settle(1).generation, 3u) << "sealed, then merged";
}

#ifdef ORDINATE_WITH_HNSW
constexpr Engine kEngines[] = {Engine::kFlat, Engine::kHnsw};
#else
constexpr Engine kEngines[] = {Engine::kFlat};
#endif
const auto kNameOf = [](const auto& param) { return std::string(EngineName(param.param)); };
INSTANTIATE_TEST_SUITE_P(All, Revising, ::testing::ValuesIn(kEngines), kNameOf);
INSTANTIATE_TEST_SUITE_P(All, RevisingBatched, ::testing::ValuesIn(kEngines), kNameOf);

}  // namespace
}  // namespace ordinate
