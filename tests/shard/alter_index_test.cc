// ALTER VECTOR INDEX: options that take effect without a rebuild (contract 6.1).
#include "gmock/gmock.h"
#include "tests/support/node.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AlteringAnIndex : public ::testing::Test {
 protected:
  AlteringAnIndex() : node_(Node::Setup{.shards = 2}) {
    TableDef table;
    table.name = "docs";
    table.columns = {{.id = 0,
                      .name = "id",
                      .role = ColumnRole::kKey,
                      .type = DataType::kInt64,
                      .nullable = false,
                      .dim = 0},
                     {.id = 0,
                      .name = "vec",
                      .role = ColumnRole::kVector,
                      .type = DataType::kVector,
                      .nullable = true,
                      .dim = 2}};
    table.key = {0};
    EXPECT_TRUE(node_.front().CreateTable(table).ok());
    Write(1, 1);
  }

  void Create(FreshnessMode mode) {
    IndexDef index;
    index.name = "near";
    index.engine = Engine::kFlat;
    index.mode = mode;
    EXPECT_TRUE(node_.front().CreateIndex("docs", "vec", index).ok());
    node_.WaitForIndex("near");
  }
  void Write(int64_t id, float x) {
    UpsertInput input{.table = "docs", .rows = {}, .on_invalid = OnInvalid::kError};
    input.rows.push_back({.cells = {id, Vector{x, 0}}, .row_id = 0});
    EXPECT_TRUE(node_.front().Upsert(std::move(input), context_).ok());
  }
  absl::Status SetMode(FreshnessMode mode) {
    return node_.front()
        .AlterIndex("near", [mode](IndexDef& index) { index.mode = mode; })
        .status();
  }
  absl::StatusOr<QueryResult> Ask() {
    QueryRequest request;
    request.table = "docs";
    request.column = "vec";
    request.vector = {0, 0};
    request.limit = 100;
    request.index = "near";
    return node_.front().Query(request, context_);
  }
  std::vector<double> Scores() {
    const absl::StatusOr<QueryResult> result = Ask();
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<double> scores;
    if (result.ok()) {
      for (const RankedRow& row : result->ranked) scores.push_back(row.score.value_or(-1));
    }
    return scores;
  }

  Node node_;
  CallContext context_;
};

TEST_F(AlteringAnIndex, ToImmediateShowsWhatIsPendingAtOnce) {
  Create(FreshnessMode::kRebuildOnly);
  Write(2, 2);
  Write(1, 5);  // a new version of a row in the files
  ASSERT_THAT(Scores(), ElementsAre(1));
  ASSERT_EQ(SetMode(FreshnessMode::kImmediate), absl::OkStatus());
  EXPECT_THAT(Scores(), ElementsAre(2, 5));
  const IndexInfo info = *node_.front().GetIndex("near");
  EXPECT_EQ(info.index.mode, FreshnessMode::kImmediate);
  EXPECT_EQ(info.total.state, IndexState::kReady);
  EXPECT_EQ(info.total.rows_pending, 0u);
  EXPECT_EQ(info.total.generation, 1u) << "nothing was built";
  Write(3, 3);
  EXPECT_THAT(Scores(), ElementsAre(2, 3, 5));

  node_.Restart();
  EXPECT_EQ(node_.front().GetIndex("near")->index.mode, FreshnessMode::kImmediate);
  EXPECT_EQ(node_.front().GetIndex("near")->total.generation, 1u);
  EXPECT_THAT(Scores(), ElementsAre(2, 3, 5));
}

// contract 5.2: what was shown stays so, and older versions of rows are gone.
TEST_F(AlteringAnIndex, FromImmediateKeepsWhatWasShown) {
  Create(FreshnessMode::kImmediate);
  Write(2, 2);
  Write(1, 5);
  ASSERT_THAT(Scores(), ElementsAre(2, 5));
  ASSERT_EQ(SetMode(FreshnessMode::kRebuildOnly), absl::OkStatus());
  EXPECT_THAT(Scores(), ElementsAre(2, 5)) << "while it is built";
  node_.WaitForIndex("near");
  EXPECT_THAT(Scores(), ElementsAre(2, 5));
  Write(3, 3);
  EXPECT_THAT(Scores(), ElementsAre(2, 5));
  EXPECT_EQ(node_.front().GetIndex("near")->total.rows_pending, 1u);
  node_.Restart();
  EXPECT_THAT(Scores(), ElementsAre(2, 5));
  EXPECT_EQ(node_.front().GetIndex("near")->index.mode, FreshnessMode::kRebuildOnly);
}

TEST_F(AlteringAnIndex, ThereAndBackShowsNothingOlder) {
  Create(FreshnessMode::kRebuildOnly);
  Write(1, 5);
  ASSERT_EQ(SetMode(FreshnessMode::kImmediate), absl::OkStatus());
  Write(1, 7);
  ASSERT_EQ(SetMode(FreshnessMode::kRebuildOnly), absl::OkStatus());
  node_.WaitForIndex("near");
  EXPECT_THAT(Scores(), ElementsAre(7));
  node_.Restart();
  node_.WaitForIndex("near");
  EXPECT_THAT(Scores(), ElementsAre(7));
}

TEST_F(AlteringAnIndex, ModesThatFeedTheIndexChangeWithoutABuild) {
  Create(FreshnessMode::kBatched);
  Write(2, 2);
  EXPECT_THAT(Scores(), ElementsAre(1));
  ASSERT_EQ(SetMode(FreshnessMode::kAsync), absl::OkStatus());
  EXPECT_THAT(Scores(), ElementsAre(1, 2)) << "the change closes the batch";
  EXPECT_EQ(node_.front().GetIndex("near")->total.generation, 1u);
  ASSERT_EQ(SetMode(FreshnessMode::kImmediate), absl::OkStatus());
  Write(3, 3);
  EXPECT_THAT(Scores(), ElementsAre(1, 2, 3));
  EXPECT_EQ(node_.front().GetIndex("near")->total.generation, 1u);
}

TEST_F(AlteringAnIndex, AModeChangedWhileTheServerWasDown) {
  Create(FreshnessMode::kImmediate);
  Write(1, 5);
  ASSERT_EQ(SetMode(FreshnessMode::kRebuildOnly), absl::OkStatus());
  node_.Restart();  // perhaps before the build has ended
  node_.WaitForIndex("near");
  EXPECT_THAT(Scores(), ElementsAre(5));
  EXPECT_EQ(node_.front().GetIndex("near")->total.last_error, "");
}

TEST_F(AlteringAnIndex, OptionsAreCheckedAndStored) {
  Create(FreshnessMode::kImmediate);
  const auto altered = node_.front().AlterIndex("near", [](IndexDef& index) {
    index.dim_policy = DimPolicy::kSkip;
    index.batch_rows = 7;
    index.batch_interval_micros = 2'000'000;
    index.max_lag_rows = 9;
  });
  ASSERT_TRUE(altered.ok()) << altered.status();
  node_.Restart();
  EXPECT_EQ(node_.front().GetIndex("near")->index, *altered);
  EXPECT_EQ(node_.front().GetIndex("near")->total.last_error, "");

  const auto refused =
      node_.front().AlterIndex("near", [](IndexDef& index) { index.batch_rows = 0; });
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status())) << refused.status();
  EXPECT_EQ(node_.front().GetIndex("near")->index, *altered);
  EXPECT_TRUE(absl::IsNotFound(node_.front().AlterIndex("far", [](IndexDef&) {}).status()));
}

// contract 1.7
TEST_F(AlteringAnIndex, RowsDeletedByFilterAreGoneFromEveryAnswer) {
  for (int64_t id = 2; id <= 30; ++id) Write(id, static_cast<float>(id));
  Create(FreshnessMode::kRebuildOnly);
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.op = CompareOp::kGt;
  filter.column = "id";
  filter.literals = {int64_t{2}};
  const auto deleted = node_.front().DeleteWhere("docs", filter, context_);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->deleted, 28u);
  EXPECT_EQ(deleted->token.size(), 2u);
  EXPECT_THAT(Scores(), ElementsAre(1, 2));
  EXPECT_EQ(node_.front().DeleteWhere("docs", filter, context_)->deleted, 0u);
  filter.column = "colour";
  EXPECT_TRUE(
      absl::IsInvalidArgument(node_.front().DeleteWhere("docs", filter, context_).status()));
}

}  // namespace
}  // namespace ordinate
