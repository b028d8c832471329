#include "service/front/index_totals.h"
#include "storage/base/error_details.h"
#include "tests/front/front_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST_F(FrontTest, CreateIndexFillsDefaults) {
  const auto index = front_->CreateIndex("docs", "vec", {.name = "i", .m = 0, .ef_build = 0});
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->m, 16u);
  EXPECT_EQ(index->ef_build, 200u);
  EXPECT_EQ(index->dim, 2u);
  EXPECT_EQ(front_->GetIndex("i")->index, *index);
}

TEST_F(FrontTest, CreateIndexRefusals) {
  const auto create = [&](const char* column, IndexDef index) {
    return front_->CreateIndex("docs", column, index).status();
  };
  EXPECT_THAT(create("any", {.name = "i"}), IsStatus(kInvalid, "dim is not given"));
  EXPECT_THAT(create("vek", {.name = "i"}),
              IsStatus(absl::StatusCode::kNotFound, "no column 'vek'; did you mean 'vec'?"));
  EXPECT_THAT(create("size", {.name = "i", .dim = 2}), IsStatus(kInvalid, "VECTOR column"));
  EXPECT_THAT(create("vec", {.name = "i", .m = 1000}), IsStatus(kInvalid, "4 to 128"));
  ASSERT_TRUE(create("vec", {.name = "i"}).ok());
  const auto twice = create("vec", {.name = "i"});
  EXPECT_THAT(twice, IsStatus(absl::StatusCode::kAlreadyExists, "i"));
  EXPECT_EQ(ResourceOf(twice), (ErrorResource{"index", "i"}));
}

// contract 8
TEST_F(FrontTest, RefusedDefinitionsNameTheField) {
  const auto field = [](const absl::Status& status) {
    const auto violations = FieldViolations(status);
    return violations.empty() ? "none" : violations[0].field;
  };
  const auto index = [&](const char* column, IndexDef definition) {
    return field(front_->CreateIndex("docs", column, definition).status());
  };
  EXPECT_EQ(index("vec", {.name = "0"}), "index.name");
  EXPECT_EQ(index("vec", {.name = "i", .m = 1000}), "index.m");
  EXPECT_EQ(index("vec", {.name = "i", .dim = 3}), "index.dim");
  EXPECT_EQ(index("any", {.name = "i"}), "index.dim");
  EXPECT_EQ(index("size", {.name = "i", .dim = 2}), "index.column");
  const auto table = [&](std::vector<ColumnDef> columns) {
    return field(front_->CreateTable({.name = "t", .columns = std::move(columns)}).status());
  };
  EXPECT_EQ(table({}), "table.columns");
  EXPECT_EQ(table({{.name = "a"}, {.name = "0"}}), "table.columns[1].name");
  EXPECT_EQ(table({{.name = "a"}, {.name = "a"}}), "table.columns[1].name");
  EXPECT_EQ(table({{.name = "a", .type = DataType::kBytes}}), "table.columns[0].type");
  EXPECT_EQ(table({{.name = "a", .dim = 2}}), "table.columns[0].dim");
}

TEST_F(FrontTest, HnswNeedsABuildThatHasIt) {
  Start(1, /*with_hnsw=*/false);
  EXPECT_THAT(front_->CreateIndex("docs", "vec", {.name = "i"}).status(),
              IsStatus(absl::StatusCode::kFailedPrecondition, "-DORDINATE_WITH_HNSW=ON"));
  EXPECT_TRUE(front_->CreateIndex("docs", "vec", {.name = "f", .engine = Engine::kFlat}).ok());
}

TEST_F(FrontTest, AShardThatCannotCreateTheIndexUndoesIt) {
  shards_[2]->fail_create_index = absl::InternalError("no room");
  EXPECT_THAT(front_->CreateIndex("docs", "vec", {.name = "i"}).status(),
              IsStatus(absl::StatusCode::kInternal, "index 'i' was not created: shard 2: no room"));
  EXPECT_THAT(shards_[0]->asked().indexes_dropped, SizeIs(1));
  EXPECT_THAT(shards_[2]->asked().indexes_dropped, SizeIs(0));
  EXPECT_THAT(front_->GetIndex("i").status(), IsStatus(absl::StatusCode::kNotFound, "'i'"));
}

TEST_F(FrontTest, AShardThatCannotCreateTheTableUndoesIt) {
  shards_[1]->fail_create_table = absl::InternalError("no room");
  TableDef table{.name = "t"};
  table.columns = {{.name = "x"}};
  EXPECT_THAT(front_->CreateTable(table).status(),
              IsStatus(absl::StatusCode::kInternal, "table 't' was not created: shard 1"));
  EXPECT_THAT(front_->FindTable("t").status(), IsStatus(absl::StatusCode::kNotFound, "'t'"));
  EXPECT_THAT(shards_[0]->asked().tables_dropped, SizeIs(1));
}

TEST_F(FrontTest, RebuildSaysWhereItStarted) {
  ASSERT_TRUE(front_->CreateIndex("docs", "vec", {.name = "i"}).ok());
  EXPECT_TRUE(front_->RebuildIndex("i").ok());
  shards_[1]->fail_rebuild = absl::AbortedError("a build is running");
  EXPECT_THAT(front_->RebuildIndex("i"),
              IsStatus(absl::StatusCode::kAborted, "the rebuild started on shards 0, 2"));
  EXPECT_THAT(front_->RebuildIndex("j"), IsStatus(absl::StatusCode::kNotFound, "no index 'j'"));
}

TEST_F(FrontTest, ARebuildIsCancelledWhereverItRuns) {
  ASSERT_TRUE(front_->CreateIndex("docs", "vec", {.name = "i"}).ok());
  EXPECT_THAT(front_->CancelRebuild("i"), IsStatus(absl::StatusCode::kFailedPrecondition,
                                                   "no rebuild of index 'i' is running"));
  shards_[1]->cancel = true;
  EXPECT_TRUE(front_->CancelRebuild("i").ok());
  shards_[0]->cancel = absl::FailedPreconditionError("the first build");
  EXPECT_THAT(front_->CancelRebuild("i"),
              IsStatus(absl::StatusCode::kFailedPrecondition,
                       "shard 0: the first build; cancelled on shards 1"));
  shards_[1]->cancel = false;
  EXPECT_THAT(front_->CancelRebuild("i"),
              IsStatus(absl::StatusCode::kFailedPrecondition, "cancelled on no shard"));
  EXPECT_THAT(front_->CancelRebuild("j"), IsStatus(absl::StatusCode::kNotFound, "no index 'j'"));
}

TEST_F(FrontTest, AGateIsCheckedAndFilledInFromTheIndexAndTheSettings) {
  ASSERT_TRUE(front_->CreateIndex("docs", "vec", {.name = "i", .ef_search = 77}).ok());
  ASSERT_TRUE(front_->RebuildIndex("i", RebuildGate{.min_recall = 0.9}).ok());
  const auto gate = shards_[2]->asked().gate;
  ASSERT_TRUE(gate.has_value());
  EXPECT_EQ(gate->min_recall, 0.9);
  EXPECT_EQ(gate->ef_search, 77u);
  EXPECT_EQ(gate->alpha, 6);
  ASSERT_TRUE(front_->RebuildIndex("i").ok());
  EXPECT_FALSE(shards_[2]->asked().gate.has_value());
  EXPECT_THAT(front_->RebuildIndex("i", RebuildGate{.min_recall = 0}),
              IsStatus(kInvalid, "min_recall is 0; it takes a number above 0, up to 1"));
  EXPECT_THAT(front_->RebuildIndex("i", RebuildGate{.min_recall = 0.5, .k = 1'001}),
              IsStatus(kInvalid, "k is 1001; it takes 1 to 1,000"));
  EXPECT_THAT(front_->RebuildIndex("i", RebuildGate{.min_recall = 0.5, .samples = 0}),
              IsStatus(kInvalid, "samples is 0; it takes 1 to 10,000"));
}

TEST_F(FrontTest, ListsByTableAndName) {
  for (const char* name : {"b", "a"}) {
    ASSERT_TRUE(front_->CreateIndex("log", "vec", {.name = name}).ok());
  }
  ASSERT_TRUE(front_->CreateIndex("docs", "vec", {.name = "z"}).ok());
  std::vector<std::string> names;
  const auto all = front_->ListIndexes("");
  ASSERT_TRUE(all.ok()) << all.status();
  for (const IndexInfo& info : *all) names.push_back(info.index.name);
  EXPECT_THAT(names, ElementsAre("z", "a", "b"));
  EXPECT_THAT(*front_->ListIndexes("docs"), SizeIs(1));
  ASSERT_TRUE(front_->DropIndex("z").ok());
  EXPECT_THAT(*front_->ListIndexes("docs"), SizeIs(0));
}

TEST(TotalStatus, WorstStateSumsAndExtremes) {
  ShardIndexStatus a{.state = IndexState::kStale, .reason = "lags", .rows_total = 5};
  a.generation = 4;
  a.build_time_ms = 10;
  a.lag_micros = 7;
  ShardIndexStatus b{.state = IndexState::kBuilding, .reason = "first build", .rows_total = 6};
  b.generation = 2;
  b.build_time_ms = 30;
  b.build_progress = 0.5;
  b.build_rows_per_second = 2;
  b.build_left_micros = 3;
  a.build_rows_per_second = 4;
  a.build_left_micros = 2;
  ShardIndexStatus c{.state = IndexState::kReady, .rows_total = 7};
  c.generation = 9;
  const ShardIndexStatus total = TotalStatus({a, b, c});
  EXPECT_EQ(total.state, IndexState::kBuilding);
  EXPECT_EQ(total.reason, "shard 1: first build");
  EXPECT_EQ(total.rows_total, 18u);
  EXPECT_EQ(total.generation, 2u);
  EXPECT_EQ(total.build_time_ms, 30u);
  EXPECT_EQ(total.build_progress, 0.5);
  EXPECT_EQ(total.build_rows_per_second, 6);
  EXPECT_EQ(total.build_left_micros, 3);
  EXPECT_EQ(TotalStatus({c}).build_left_micros, std::nullopt);
  c.build_progress = 0;
  EXPECT_EQ(TotalStatus({a, b, c}).build_left_micros, std::nullopt) << "c waits for a thread";
  EXPECT_EQ(total.lag_micros, 7);
  b.state = IndexState::kFailed;
  EXPECT_EQ(TotalStatus({a, b, c}).state, IndexState::kFailed);
}

// contract 1.1: every shard knows the column before the catalog does, or none.
TEST_F(FrontTest, AColumnThatAShardDoesNotTakeIsAddedNowhere) {
  shards_[1]->fail_alter_table = absl::UnavailableError("away");
  EXPECT_THAT(front_->AddColumn("docs", {.name = "more"}).status(),
              IsStatus(absl::StatusCode::kUnavailable,
                       "column 'more' was not added to table 'docs': shard 1: away"));
  EXPECT_EQ(front_->FindTable("docs")->columns.size(), 5u);
  EXPECT_EQ(shards_[0]->asked().columns.at(docs_.id), 5u);
  shards_[1]->fail_alter_table = absl::OkStatus();
  const auto added = front_->AddColumn("docs", {.name = "more"});
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->columns.back().id, 6u);
  for (const auto& shard : shards_) EXPECT_EQ(shard->asked().columns.at(docs_.id), 6u);
}

}  // namespace
}  // namespace ordinate
