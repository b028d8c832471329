// ALTER TABLE ... ADD COLUMN (contract 1.1): older rows read NULL, everywhere.
#include "gmock/gmock.h"
#include "tests/support/node.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

class AddingAColumn : public ::testing::TestWithParam<FreshnessMode> {
 protected:
  AddingAColumn() : node_(Node::Setup{.shards = 2}) {
    TableDef table{.name = "docs"};
    table.columns = {
        {.name = "id", .role = ColumnRole::kKey, .nullable = false},
        {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2}};
    table.key = {0};
    EXPECT_TRUE(node_.front().CreateTable(table).ok());
  }
  Front& front() { return node_.front(); }

  void CreateIndex(const std::string& column = "vec", const std::string& name = "near") {
    IndexDef index{.name = name, .engine = Engine::kFlat, .dim = 2, .mode = GetParam()};
    const auto created = front().CreateIndex("docs", column, index);
    ASSERT_TRUE(created.ok()) << created.status();
    node_.WaitForIndex(name);
  }
  void Rebuild() {
    ASSERT_EQ(front().RebuildIndex("near"), absl::OkStatus());
    node_.WaitForIndex("near");
  }
  /// Row `id` at (id, 0), and what comes after.
  void Write(int64_t id, std::vector<Value> more = {}) {
    std::vector<Value> cells = {id, Vector{static_cast<float>(id), 0}};
    for (Value& value : more) cells.push_back(std::move(value));
    const auto done = front().Upsert({.table = "docs", .rows = {{.cells = cells}}}, context_);
    ASSERT_TRUE(done.ok()) << done.status();
  }
  void Add(const std::string& name, DataType type = DataType::kInt64,
           ColumnRole role = ColumnRole::kAttribute) {
    const auto added = front().AddColumn("docs", {.name = name, .role = role, .type = type});
    ASSERT_TRUE(added.ok()) << added.status();
  }
  /// The rows that match, by the column `by`, with its cells.
  std::vector<std::pair<RowId, Value>> Ask(const std::string& by, const std::string& filter = "") {
    QueryRequest request{.table = "docs", .column = "vec", .vector = {0, 0}, .limit = 100};
    request.ties = {.form = TieForm::kWithinK, .n = 100};
    request.order_by = {{.column = by}};
    request.columns = {by};
    if (!filter.empty()) request.filter = *ParseFilter(filter);
    const auto result = front().Query(request, context_);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::pair<RowId, Value>> found;
    if (!result.ok()) return found;
    for (const Row& row : result->rows) found.emplace_back(row.id, row.cells.at(0));
    return found;
  }
  static std::pair<RowId, Value> Is(RowId id, Value value) { return {id, std::move(value)}; }

  CallContext context_;
  Node node_;
};

TEST_P(AddingAColumn, OlderRowsReadNullAndNewOnesTheirValues) {
  for (int64_t id = 1; id <= 3; ++id) Write(id);
  CreateIndex();
  Add("size");
  Write(2, {int64_t{20}});
  Write(4, {int64_t{10}});
  for (int round = 0; round < 3; ++round) {
    if (round == 1) node_.Restart();
    if (round != 0 || GetParam() == FreshnessMode::kRebuildOnly) Rebuild();
    EXPECT_THAT(Ask("size"), ElementsAre(Is(4, int64_t{10}), Is(2, int64_t{20}), Is(1, Value()),
                                         Is(3, Value())));
    EXPECT_THAT(Ask("size", "size IS NULL"), ElementsAre(Is(1, Value()), Is(3, Value())));
    EXPECT_THAT(Ask("size", "size > 10"), ElementsAre(Is(2, int64_t{20})));
    EXPECT_THAT(Ask("size", "NOT size > 10"), ElementsAre(Is(4, int64_t{10})));
  }
}

TEST_P(AddingAColumn, WhatWasSealedBeforeReadsNull) {
  for (int64_t id = 1; id <= 3; ++id) Write(id);
  CreateIndex();
  Add("size");
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(Ask("size", "size IS NULL"),
                ElementsAre(Is(1, Value()), Is(2, Value()), Is(3, Value())));
    EXPECT_TRUE(Ask("size", "size > 10").empty());
    EXPECT_TRUE(Ask("size", "NOT size > 10").empty());
    node_.Restart();
  }
}

// contract 1.7: an update fills it, row by row.
TEST_P(AddingAColumn, UpdatesFillIt) {
  for (int64_t id = 1; id <= 3; ++id) Write(id);
  CreateIndex();
  Add("size");
  const UpsertInput::InputRow row{.cells = {int64_t{2}, Value(), int64_t{7}}, .columns = {0, 2}};
  const auto done = front().Update({.table = "docs", .rows = {row}}, context_);
  ASSERT_TRUE(done.ok()) << done.status();
  if (GetParam() == FreshnessMode::kRebuildOnly) Rebuild();
  EXPECT_THAT(Ask("size", "size = 7"), ElementsAre(Is(2, int64_t{7})));
  EXPECT_EQ(Ask("size").size(), 3u);
}

TEST_P(AddingAColumn, AVectorColumnTakesAnIndex) {
  Write(1);
  Add("other", DataType::kVector, ColumnRole::kVector);
  Write(2, {Vector{3, 4}});
  CreateIndex("other", "others");
  const QueryRequest request{.table = "docs", .column = "other", .vector = {3, 4}, .limit = 5};
  const auto result = front().Query(request, context_);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->ranked.size(), 1u);
  EXPECT_EQ(result->ranked[0].id, 2u);
}

// A definition from before reads rows from after, as a call does that was at work meanwhile.
TEST_P(AddingAColumn, ACallThatBeganBeforeGoesOn) {
  Write(1);
  const TableDef before = *front().FindTable("docs");
  Add("size");
  Write(1, {int64_t{5}});
  size_t found = 0;
  for (ShardClient* shard : node_.shards()) {
    shard->Get(before, {{.preferred_id = 1}}, {0, 1}, context_, [&](auto rows) {
      ASSERT_TRUE(rows.ok()) << rows.status();
      found += rows->size();
    });
  }
  EXPECT_EQ(found, 1u);
  // A row that was read into cells before has NULL in the new column.
  Write(2);
  EXPECT_THAT(Ask("size", "size IS NULL"), ElementsAre(Is(2, Value())));
}

TEST_P(AddingAColumn, RefusesKeysNotNullAndNamesThatAreTaken) {
  const auto refused = [&](ColumnDef column) {
    return front().AddColumn("docs", std::move(column)).status();
  };
  EXPECT_TRUE(absl::IsAlreadyExists(
      refused({.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector})));
  EXPECT_TRUE(absl::IsInvalidArgument(refused({.name = "a", .nullable = false})));
  EXPECT_TRUE(
      absl::IsInvalidArgument(refused({.name = "a", .role = ColumnRole::kKey, .nullable = false})));
  EXPECT_TRUE(absl::IsInvalidArgument(refused({.name = "__a"})));
  EXPECT_TRUE(absl::IsNotFound(front().AddColumn("dogs", {.name = "a"}).status()));
  EXPECT_EQ(front().FindTable("docs")->columns.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Modes, AddingAColumn,
                         ::testing::Values(FreshnessMode::kImmediate, FreshnessMode::kRebuildOnly));

}  // namespace
}  // namespace ordinate
