#include <limits>
#include <set>

#include "storage/base/error_details.h"
#include "tests/front/front_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(FrontTest, RoutesRowsAndAnswersInRequestOrder) {
  const auto result = Upsert({Doc(9, Vector{1, 2}), Doc(-4, Value()), Doc(7, Vector{0, 0})});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->row_ids, ElementsAre(9, static_cast<RowId>(-4), 7));
  EXPECT_THAT(result->notices, IsEmpty());
  for (const RowId id : result->row_ids) {
    const uint32_t shard = ShardOf(id, 3);
    EXPECT_TRUE(shards_[shard]->rows(docs_.id).contains(id));
    EXPECT_EQ(result->token.at(shard), 1u);
  }
}

TEST_F(FrontTest, OneCallPerShard) {
  Fill(100);
  EXPECT_EQ(Writes(), 3u);
}

// contract 1.5: refused as a whole, before anything is sent.
TEST_F(FrontTest, RefusesInvalidCellsNamingRowKeyColumn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refused = [&](UpsertInput::InputRow row, const char* message) {
    EXPECT_THAT(Upsert({Doc(1, Vector{1, 1}), row}).status(), IsStatus(kInvalid, message));
  };
  refused(Doc(5, Vector{1, 2, 3}), "row 1 (id = 5), column 'vec': found dim 3, expected dim 2");
  refused(Doc(5, Vector{1, nan}), "column 'vec': found component 1 = NaN, expected a finite f32");
  refused(Doc(5, Vector{1, -HUGE_VALF}), "infinity or beyond f32");
  refused(Doc(5, Vector{}), "found an empty vector");
  refused(Doc(5, Value(), Value(), Value()), "column 'size': found NULL, expected a value");
  refused(Doc(5, Value(), int64_t{3}), "column 'section': found a value of another type");
  refused({.cells = {int64_t{1}}}, "row 1 has 1 cells, expected 5");
  auto no_key = Doc(5, Value());
  no_key.cells[0] = Value();
  refused(no_key, "column 'id': found NULL");
  auto with_id = Doc(5, Value());
  with_id.row_id = 5;
  refused(with_id, "leave row_id out");
  EXPECT_EQ(Writes(), 0u);
}

TEST_F(FrontTest, NamesTheFieldInTheDetails) {
  const auto status = Upsert({Doc(5, Vector{1})}).status();
  const auto violations = FieldViolations(status);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "rows[0].cells[\"vec\"]");
}

TEST_F(FrontTest, OnInvalidNullStoresNullAndListsTheRows) {
  const auto result =
      Upsert({Doc(1, Vector{1}), Doc(2, Vector{1, 1}), Doc(3, Vector{})}, OnInvalid::kNull);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->nulled_rows, ElementsAre(0, 2));
  const auto rows = shards_[ShardOf(1, 3)]->rows(docs_.id);
  EXPECT_TRUE(IsNull(rows.at(1).cells[3]));
}

TEST_F(FrontTest, OnInvalidNullCannotFillANotNullColumn) {
  TableDef strict{.name = "strict", .key = {0}};
  strict.columns = {{.name = "id", .role = ColumnRole::kKey, .nullable = false},
                    {.name = "vec",
                     .role = ColumnRole::kVector,
                     .type = DataType::kVector,
                     .nullable = false,
                     .dim = 2}};
  ASSERT_TRUE(front_->CreateTable(strict).ok());
  EXPECT_THAT(Upsert({{.cells = {int64_t{1}, Vector{1}}}}, OnInvalid::kNull, "strict").status(),
              IsStatus(kInvalid, "found dim 1, expected dim 2; on_invalid NULL cannot apply"));
  EXPECT_EQ(Writes(), 0u);
}

TEST_F(FrontTest, AnIndexWithPolicyErrorGuardsItsColumn) {
  const auto write = [&](Vector any) {
    auto row = Doc(1, Value());
    row.cells[4] = std::move(any);
    return Upsert({row});
  };
  IndexDef index{
      .name = "skips", .engine = Engine::kFlat, .dim = 3, .dim_policy = DimPolicy::kSkip};
  ASSERT_TRUE(front_->CreateIndex("docs", "any", index).ok());
  EXPECT_TRUE(write({1}).ok());
  index.name = "strict";
  index.dim_policy = DimPolicy::kError;
  ASSERT_TRUE(front_->CreateIndex("docs", "any", index).ok());
  EXPECT_THAT(write({1}).status(), IsStatus(kInvalid, "expected dim 3, which index 'strict'"));
  EXPECT_TRUE(write({1, 2, 3}).ok());
}

// contract 1.6
TEST_F(FrontTest, RefusesTheSameKeyTwice) {
  EXPECT_THAT(Upsert({Doc(1, Value()), Doc(2, Value()), Doc(1, Value())}).status(),
              IsStatus(kInvalid, "row 2 has the same key as row 0"));
  EXPECT_THAT(front_->Delete("docs", {{.cells = {int64_t{1}}}, {.row_id = 1}}, context_).status(),
              IsStatus(kInvalid, "key 1 has the same key as key 0"));
  EXPECT_EQ(Writes(), 0u);
}

// contract 1.6: by its key and by its row id, also where the id is not the key.
TEST_F(FrontTest, RefusesTheSameRowTwiceInAHashedTable) {
  TableDef names{.name = "names", .key = {1}};
  names.columns = {
      {.name = "size"},
      {.name = "name", .role = ColumnRole::kKey, .type = DataType::kString, .nullable = false}};
  ASSERT_TRUE(front_->CreateTable(names).ok());
  const auto row = [](const char* name) {
    return UpsertInput::InputRow{.cells = {int64_t{1}, std::string(name)}};
  };
  const auto written = Upsert({row("a"), row("b"), row("c")}, OnInvalid::kError, "names");
  ASSERT_TRUE(written.ok()) << written.status();
  const auto remove = [&](std::vector<KeyInput> keys) {
    return front_->Delete("names", std::move(keys), context_);
  };
  const size_t writes = Writes();
  const KeyInput a{.cells = {std::string("a")}}, a_by_id{.row_id = written->row_ids[0]};
  const KeyInput b_by_id{.row_id = written->row_ids[1]}, unknown{.row_id = 7};
  const auto refused = remove({unknown, a, b_by_id, a_by_id}).status();
  EXPECT_THAT(refused, IsStatus(kInvalid, "key 3 has the same key as key 1"));
  ASSERT_EQ(FieldViolations(refused).size(), 1u);
  EXPECT_EQ(FieldViolations(refused)[0].field, "keys[3]");
  EXPECT_THAT(remove({a_by_id, a}).status(), IsStatus(kInvalid, "key 1 has the same key as key 0"));
  EXPECT_THAT(remove({a_by_id, a_by_id}).status(), IsStatus(kInvalid, "the same key"));
  EXPECT_EQ(Writes(), writes);
  const auto deleted = remove({unknown, a, b_by_id});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->deleted, 2u);
  EXPECT_EQ(*front_->Count("names", std::nullopt, context_), 1u);
}

TEST_F(FrontTest, LimitsTheNumberOfRows) {
  EXPECT_THAT(Upsert({}).status(), IsStatus(kInvalid, "0 rows; the range is 1 to 10000"));
  std::vector<UpsertInput::InputRow> rows(kMaxRowsPerWrite + 1);
  EXPECT_THAT(Upsert(std::move(rows)).status(), IsStatus(kInvalid, "10001 rows"));
}

TEST_F(FrontTest, OrdinalRowsGetFreshIdsAndKeepGivenOnes) {
  const auto row = [](RowId id) {
    return UpsertInput::InputRow{.cells = {std::string("x"), Value()}, .row_id = id};
  };
  const auto first = Upsert({row(0), row(0)}, OnInvalid::kError, "log");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(first->row_ids, ElementsAre(1, 2));
  const auto second = Upsert({row(0), row(2)}, OnInvalid::kError, "log");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(second->row_ids, ElementsAre(3, 2));
  EXPECT_THAT(Upsert({row(1ull << 60)}, OnInvalid::kError, "log").status(),
              IsStatus(kInvalid, "names no row"));
  EXPECT_THAT(Upsert({row(2), row(2)}, OnInvalid::kError, "log").status(),
              IsStatus(kInvalid, "same key"));
}

// contract 1.2, 1.5: an id is addressed, never made up, and the whole request goes unapplied.
TEST_F(FrontTest, ARowIdWithoutALiveRowRefusesTheWholeRequest) {
  const auto row = [](RowId id) {
    return UpsertInput::InputRow{.cells = {std::string("x"), Value()}, .row_id = id};
  };
  ASSERT_TRUE(Upsert({row(0), row(0)}, OnInvalid::kError, "log").ok());
  ASSERT_TRUE(front_->Delete("log", {{.row_id = 2}}, context_).ok());
  const size_t writes = Writes();
  for (const RowId gone : {RowId{2}, RowId{77}}) {
    const auto status = Upsert({row(0), row(1), row(gone)}, OnInvalid::kError, "log").status();
    EXPECT_THAT(status, IsStatus(kInvalid, "row 2 (row_id = " + std::to_string(gone) +
                                               "): it names no row; expected that of a live row"));
    ASSERT_EQ(FieldViolations(status).size(), 1u);
    EXPECT_EQ(FieldViolations(status)[0].field, "rows[2].row_id");
  }
  EXPECT_EQ(Writes(), writes);
  EXPECT_EQ(*front_->Count("log", std::nullopt, context_), 1u);
}

TEST_F(FrontTest, NoticesNameIndexesThatShowTheWriteAfterARebuild) {
  IndexDef index{.name = "later", .engine = Engine::kFlat, .mode = FreshnessMode::kRebuildOnly};
  ASSERT_TRUE(front_->CreateIndex("docs", "vec", index).ok());
  index.name = "now";
  index.mode = FreshnessMode::kImmediate;
  ASSERT_TRUE(front_->CreateIndex("docs", "vec", index).ok());
  const auto result = Upsert({Doc(1, Vector{1, 1})});
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->notices,
              ElementsAre("index 'later' (REBUILD_ONLY) shows this write only after a rebuild"));
}

TEST_F(FrontTest, AFailedShardAmongSeveralSaysWhatWasWritten) {
  shards_[1]->fail_write = absl::UnavailableError("the disk is gone");
  std::vector<UpsertInput::InputRow> rows;
  for (int64_t i = 0; i < 50; ++i) rows.push_back(Doc(i, Value()));
  EXPECT_THAT(Upsert(std::move(rows)).status(),
              IsStatus(absl::StatusCode::kUnavailable,
                       "shard 1: the disk is gone; the rows of these shards were written: 0 "
                       "(sequence 1), 2 (sequence 1)"));
}

TEST_F(FrontTest, DeletesByKeyAndByRowId) {
  Fill(5);
  const auto result = front_->Delete(
      "docs", {{.cells = {int64_t{2}}}, {.row_id = 4}, {.cells = {int64_t{99}}}}, context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->deleted, 2u);
  EXPECT_EQ(*front_->Count("docs", std::nullopt, context_), 3u);
}

TEST_F(FrontTest, ACancelledCallSendsNothing) {
  context_.Cancel();
  EXPECT_THAT(Upsert({Doc(1, Value())}).status(), IsStatus(absl::StatusCode::kCancelled, ""));
  EXPECT_EQ(Writes(), 0u);
}

// contract 5.1: the first shard is written before the others, and says what ids the rows have.
TEST_F(FrontTest, ARetryCompletesWhatIsLeftAndKeepsTheRowIds) {
  const auto row = [] { return UpsertInput::InputRow{.cells = {std::string("x"), Value()}}; };
  UpsertInput input{.table = "log", .rows = std::vector(20, row()), .request_id = "once"};
  const uint32_t first = ShardOf(DefaultKeyHash("once"), 3);
  const uint32_t later = (first + 1) % 3;
  shards_[later]->fail_write = absl::UnavailableError("the disk is gone");
  ASSERT_TRUE(absl::IsUnavailable(front_->Upsert(input, context_).status()));
  std::set<RowId> before;
  for (const auto& shard : shards_) {
    for (const auto& [id, stored] : shard->rows(log_.id)) before.insert(id);
  }
  EXPECT_LT(before.size(), 20u);
  shards_[later]->fail_write = absl::OkStatus();
  const auto done = front_->Upsert(input, context_);
  ASSERT_TRUE(done.ok()) << done.status();
  const std::set<RowId> ids(done->row_ids.begin(), done->row_ids.end());
  EXPECT_EQ(ids.size(), 20u);
  for (const RowId id : before) EXPECT_TRUE(ids.contains(id)) << id;
  EXPECT_EQ(*front_->Count("log", std::nullopt, context_), 20u);
  const auto again = front_->Upsert(input, context_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->row_ids, done->row_ids);
  EXPECT_EQ(again->token, done->token);
  EXPECT_EQ(*front_->Count("log", std::nullopt, context_), 20u);
}

TEST_F(FrontTest, NothingIsSentWhenTheFirstShardFails) {
  UpsertInput input{.table = "docs", .request_id = "once"};
  for (int64_t i = 0; i < 50; ++i) input.rows.push_back(Doc(i, Value()));
  const uint32_t first = ShardOf(DefaultKeyHash("once"), 3);
  shards_[first]->fail_write = absl::UnavailableError("the disk is gone");
  EXPECT_THAT(front_->Upsert(input, context_).status(),
              IsStatus(absl::StatusCode::kUnavailable, "no other shard acknowledged its rows"));
  EXPECT_EQ(Writes(), 1u);
}

TEST_F(FrontTest, ARequestIdHasALimit) {
  UpsertInput input{.table = "docs", .rows = {Doc(1, Value())}};
  input.request_id = std::string(kMaxRequestIdBytes, 'x');
  EXPECT_TRUE(front_->Upsert(input, context_).ok());
  input.request_id += 'x';
  const auto refused = front_->Upsert(input, context_).status();
  EXPECT_THAT(refused, IsStatus(kInvalid, "request_id has 129 bytes; the most is 128"));
  EXPECT_EQ(FieldViolations(refused).at(0).field, "request_id");
}

TEST_F(FrontTest, ConflictsNameTheRowsOfTheRequest) {
  const auto conflict = [](const char* position, const char* text) {
    return WithPreconditions(absl::AbortedError("no"),
                             {{std::string(ShardClient::kRowVersion), position, text}});
  };
  std::vector<UpsertInput::InputRow> rows;
  std::vector<std::vector<uint32_t>> numbers(3);
  for (int64_t i = 0; i < 30; ++i) {
    numbers[ShardOf(static_cast<RowId>(i), 3)].push_back(static_cast<uint32_t>(i));
    rows.push_back(Doc(i, Value()));
  }
  shards_[1]->fail_write = conflict("2", "no row; expected version 4");
  shards_[2]->fail_write = conflict("0", "version 7; expected no row");
  const auto refused = Upsert(rows).status();
  EXPECT_TRUE(absl::IsAborted(refused));
  std::vector<PreconditionViolation> expected = {
      {"ROW_VERSION", "rows[" + std::to_string(numbers[1][2]) + "]", "no row; expected version 4"},
      {"ROW_VERSION", "rows[" + std::to_string(numbers[2][0]) + "]", "version 7; expected no row"}};
  EXPECT_THAT(PreconditionViolations(refused), ::testing::UnorderedElementsAreArray(expected));
  EXPECT_THAT(std::string(MessageOf(refused)), ::testing::HasSubstr("; and 1 more; the rows of "));
}

// contract 1.7
TEST_F(FrontTest, UpdatesTheNamedColumnsOfRowsThatAreThere) {
  Fill(3);
  const auto change = [&](int64_t id) {
    return UpsertInput::InputRow{.cells = {id, std::string("new"), Value(), Value(), Value()},
                                 .columns = {0, 1}};
  };
  const auto done =
      front_->Update({.table = "docs", .rows = {change(9), change(2), change(8)}}, context_);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->updated, 1u);
  EXPECT_THAT(done->missing_rows, ElementsAre(0, 2));
  const auto row = shards_[ShardOf(2, 3)]->rows(docs_.id).at(2);
  EXPECT_EQ(row.cells[1], Value(std::string("new")));
  EXPECT_EQ(row.cells[2], Value(int64_t{2}));
  EXPECT_EQ(row.cells[3], Value(Vector{2, 0}));
}

TEST_F(FrontTest, RefusesUpdatesThatSayNotWhatOrWhich) {
  const auto refused = [&](const std::string& table, UpsertInput::InputRow row) {
    return front_->Update({.table = table, .rows = {std::move(row)}}, context_).status();
  };
  UpsertInput::InputRow row{.cells = {int64_t{1}, Value(), Value(), Value(), Value()}};
  row.columns = {0};
  EXPECT_THAT(refused("docs", row), IsStatus(kInvalid, "row 0 names no column to change"));
  row.columns = {1};
  EXPECT_THAT(refused("docs", row), IsStatus(kInvalid, "row 0: key column 'id' is missing"));
  row.columns = {0, 2};
  EXPECT_THAT(refused("docs", row),
              IsStatus(kInvalid, "row 0 (id = 1), column 'size': found NULL, expected a value"));
  row.columns = {0, 3};
  row.cells[3] = Vector{1, 2, 3};
  EXPECT_THAT(refused("docs", row), IsStatus(kInvalid, "found dim 3, expected dim 2"));
  row.row_id = 1;
  EXPECT_THAT(refused("docs", row), IsStatus(kInvalid, "row_id is given"));
  EXPECT_THAT(refused("log", {.cells = {std::string("x"), Value()}, .columns = {0}}),
              IsStatus(kInvalid, "row 0: row_id is missing"));
  EXPECT_EQ(Writes(), 0u);
}

TEST_F(FrontTest, ADeleteByFilterReadsOneSnapshotAndLetsItGo) {
  Fill(100);
  for (auto& shard : shards_) shard->scan_rows = 7;
  const Filter filter = *ParseFilter("size <= 60");
  const auto done = front_->DeleteWhere("docs", filter, context_);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->deleted, 60u);
  EXPECT_EQ(*front_->Count("docs", std::nullopt, context_), 40u);
  for (const auto& shard : shards_) {
    EXPECT_EQ(shard->asked().held, 1u);
    EXPECT_EQ(shard->asked().released, 1u);
  }
}

TEST_F(FrontTest, ADeleteByFilterThatFailsSaysHowFarItCame) {
  Fill(100);
  shards_[1]->fail_write = absl::UnavailableError("the disk is gone");
  const auto failed = front_->DeleteWhere("docs", *ParseFilter("size > 0"), context_).status();
  const size_t left = shards_[1]->rows(docs_.id).size();
  EXPECT_THAT(failed, IsStatus(absl::StatusCode::kUnavailable,
                               std::to_string(100 - left) + " rows were deleted before that"));
}

}  // namespace
}  // namespace ordinate
