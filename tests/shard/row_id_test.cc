#include <functional>
#include <future>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/parity/dataset.h"

namespace ordinate {
namespace {

/// Every key hashes to one of four ids: collisions everywhere.
uint64_t FourHashes(std::string_view key) { return DefaultKeyHash(key) % 4; }

TableDef TwoColumnTable(std::vector<ColumnDef> keys) {
  TableDef table;
  table.name = "items";
  table.columns = std::move(keys);
  for (uint32_t i = 0; i < table.columns.size(); ++i) table.key.push_back(i);
  table.columns.push_back({0, "n", ColumnRole::kAttribute, DataType::kInt64, true, 0});
  table.columns.push_back({0, "v", ColumnRole::kVector, DataType::kVector, true, 2});
  return table;
}

ColumnDef Key(std::string name, DataType type) {
  return {0, std::move(name), ColumnRole::kKey, type, false, 0};
}

struct Flavour {
  std::string name;
  TableDef table;
  std::function<std::vector<Value>(int64_t)> key;
};

std::vector<Flavour> Flavours() {
  return {{"Int64", TwoColumnTable({Key("id", DataType::kInt64)}),
           [](int64_t i) { return std::vector<Value>{i - 50}; }},
          {"Uint64", TwoColumnTable({Key("id", DataType::kUint64)}),
           [](int64_t i) { return std::vector<Value>{~uint64_t{0} - static_cast<uint64_t>(i)}; }},
          {"String", TwoColumnTable({Key("id", DataType::kString)}),
           [](int64_t i) { return std::vector<Value>{"key " + std::to_string(i)}; }},
          {"Composite", TwoColumnTable({Key("a", DataType::kString), Key("b", DataType::kInt64)}),
           [](int64_t i) {
             return std::vector<Value>{"k" + std::to_string(i % 7), i};
           }},
          {"None", TwoColumnTable({}), [](int64_t) { return std::vector<Value>{}; }}};
}

class RowIds : public ::testing::TestWithParam<std::tuple<int, uint32_t, bool>> {
 protected:
  RowIds()
      : flavour_(Flavours()[static_cast<size_t>(std::get<0>(GetParam()))]),
        node_({.shards = std::get<1>(GetParam()),
               .key_hash = std::get<2>(GetParam()) ? &FourHashes : &DefaultKeyHash}) {}

  std::map<int64_t, RowId> Load(int64_t first, int64_t last, int64_t n_offset) {
    UpsertInput input;
    input.table = "items";
    for (int64_t i = first; i < last; ++i) {
      std::vector<Value> cells = flavour_.key(i);
      cells.push_back(i + n_offset);
      cells.push_back(Vector{static_cast<float>(i), 1});
      input.rows.push_back({std::move(cells), 0});
    }
    const CallContext context;
    const auto result = node_.front().Upsert(std::move(input), context);
    EXPECT_TRUE(result.ok()) << result.status();
    std::map<int64_t, RowId> ids;
    for (int64_t i = first; result.ok() && i < last; ++i) {
      ids[i] = result->row_ids[static_cast<size_t>(i - first)];
    }
    return ids;
  }

  /// The n of the row addressed by key, or by id in tables without one.
  std::optional<int64_t> ReadN(int64_t i, const std::map<int64_t, RowId>& ids) {
    const CallContext context;
    KeyInput key{flavour_.key(i), 0};
    if (key.cells.empty()) key.row_id = ids.at(i);
    const auto rows = node_.front().Get("items", {key}, {"n"}, context);
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (!rows.ok() || rows->rows.empty()) return std::nullopt;
    EXPECT_EQ(rows->rows[0].id, ids.at(i));
    return std::get<int64_t>(rows->rows[0].cells[0]);
  }

  std::vector<std::pair<RowId, double>> Nearest(float x) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = {x, 1};
    request.limit = 150;
    const CallContext context;
    const auto result = node_.front().Query(request, context);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::pair<RowId, double>> answer;
    for (const RankedRow& row : result->ranked) answer.emplace_back(row.id, *row.score);
    return answer;
  }

  const Flavour flavour_;
  Node node_;
};

// contract 1.2, 9: ids and answers are the same after building and restarting, collisions included.
TEST_P(RowIds, SurviveBuildAndRestart) {
  ASSERT_TRUE(node_.front().CreateTable(flavour_.table).ok());
  std::map<int64_t, RowId> ids = Load(0, 100, 0);
  std::set<RowId> distinct;
  for (const auto& [i, id] : ids) distinct.insert(id);
  ASSERT_EQ(distinct.size(), 100u) << "two rows share an id";
  IndexDef index;
  index.name = "idx";
  index.engine = Engine::kFlat;
  ASSERT_TRUE(node_.front().CreateIndex("items", "v", index).ok());
  node_.WaitForIndex("idx");
  const auto before = Nearest(17);
  ASSERT_EQ(before.size(), 100u);
  EXPECT_EQ(before[0].first, ids[17]);
  node_.Restart();
  EXPECT_EQ(Nearest(17), before);
  for (int64_t i = 0; i < 100; ++i) ASSERT_EQ(ReadN(i, ids), i);

  if (flavour_.table.key.empty()) {
    // ORDINAL ids are never given again.
    for (const auto& [i, id] : Load(100, 150, 0)) {
      EXPECT_TRUE(distinct.insert(id).second) << id;
    }
    return;
  }
  // The same keys keep their ids; new ones get others.
  EXPECT_EQ(Load(0, 100, 1'000), ids);
  for (const auto& [i, id] : Load(100, 150, 0)) {
    EXPECT_TRUE(distinct.insert(id).second) << id;
    ids[i] = id;
  }
  node_.Restart();
  for (int64_t i = 0; i < 150; ++i) ASSERT_EQ(ReadN(i, ids), i < 100 ? i + 1'000 : i);

  // Deleting one of two colliding keys leaves the other.
  const CallContext context;
  for (int64_t i = 0; i < 150; i += 2) {
    const auto deleted = node_.front().Delete("items", {{flavour_.key(i), 0}}, context);
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    ASSERT_EQ(deleted->deleted, 1u);
  }
  for (int round = 0; round < 2; ++round) {
    for (int64_t i = 0; i < 150; ++i) ASSERT_EQ(ReadN(i, ids).has_value(), i % 2 == 1) << i;
    EXPECT_EQ(Nearest(17).size(), 75u);
    node_.Restart();
  }
}

/// What the shard answers to one write.
absl::StatusOr<ShardWriteResult> WriteTo(ShardClient& shard, const TableDef& table,
                                         std::vector<RowWrite> rows) {
  const CallContext context;
  std::promise<absl::StatusOr<ShardWriteResult>> answer;
  shard.Write(
      table, {.rows = std::move(rows)}, context,
      [&](absl::StatusOr<ShardWriteResult> result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

// contract 1.2: the shard looks again, since a row may go between the front's look and the write.
TEST(OrdinalIds, AShardRefusesAWriteToARowThatIsGone) {
  Node node;
  const auto table = node.front().CreateTable(TwoColumnTable({}));
  ASSERT_TRUE(table.ok()) << table.status();
  const auto row = [](RowId id, bool must_exist) {
    return RowWrite{.preferred_id = id, .cells = {int64_t{1}, Value()}, .must_exist = must_exist};
  };
  ShardClient& shard = *node.shards()[0];
  ASSERT_TRUE(WriteTo(shard, *table, {row(1, false)}).ok());
  const auto count = [&] {
    const CallContext context;
    return node.front().Count("items", std::nullopt, context).value_or(0);
  };
  for (const RowId gone : {RowId{2}, RowId{3}}) {
    // Row 2 is new in the same write, and not there in the next one.
    const auto refused = WriteTo(shard, *table, {row(2, false), row(gone + 10, true)});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound) << refused.status();
    EXPECT_EQ(WriteTo(shard, *table, {row(gone, true)}).status().code(),
              absl::StatusCode::kNotFound);
    EXPECT_EQ(count(), 1u);
  }
  EXPECT_TRUE(WriteTo(shard, *table, {row(1, true)}).ok());
  RowWrite drop = row(1, false);
  drop.kind = Mutation::Kind::kDelete;
  ASSERT_TRUE(WriteTo(shard, *table, {drop}).ok());
  EXPECT_EQ(WriteTo(shard, *table, {row(1, true)}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(count(), 0u);
}

// contract 8: each shard refuses its part of an answer that is over the bound.
TEST(AnswerBound, AShardRefusesItsPart) {
  Node node({.max_answer_bytes = 1'000});
  TableDef definition = TwoColumnTable({Key("id", DataType::kInt64)});
  definition.columns.push_back({0, "text", ColumnRole::kAttribute, DataType::kString, true, 0});
  const auto table = node.front().CreateTable(definition);
  ASSERT_TRUE(table.ok()) << table.status();
  ShardClient& shard = *node.shards()[0];
  std::vector<RowWrite> rows;
  for (RowId id = 1; id <= 3; ++id) {
    rows.push_back({.preferred_id = id,
                    .cells = {static_cast<int64_t>(id), int64_t{1},
                              Vector{static_cast<float>(id), 0}, std::string(400, 'x')}});
  }
  ASSERT_TRUE(WriteTo(shard, *table, std::move(rows)).ok());

  const CallContext context;
  const auto get = [&](std::vector<RowAddress> addresses) {
    absl::Status status;
    shard.Get(*table, std::move(addresses), {3}, context,
              [&](const auto& found) { status = found.status(); });
    return status;
  };
  ShardQuery query{.table_id = table->id, .column_position = 2, .vector = {0, 0}, .columns = {3}};
  const auto ask = [&](uint64_t k) {
    query.plan.k = k;
    absl::Status status;
    shard.Query(*table, query, context, [&](const auto& found) { status = found.status(); });
    return status;
  };
  const auto expect_over = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_NE(status.message().find("the limit of 1000 bytes"), absl::string_view::npos) << status;
  };
  EXPECT_TRUE(get({{.preferred_id = 1}, {.preferred_id = 2}}).ok());
  expect_over(get({{.preferred_id = 1}, {.preferred_id = 2}, {.preferred_id = 3}}));
  EXPECT_TRUE(ask(2).ok());
  expect_over(ask(3));
}

std::string NameOf(const ::testing::TestParamInfo<RowIds::ParamType>& parameters) {
  return Flavours()[static_cast<size_t>(std::get<0>(parameters.param))].name +
         std::to_string(std::get<1>(parameters.param)) + "Shards" +
         (std::get<2>(parameters.param) ? "Colliding" : "");
}

INSTANTIATE_TEST_SUITE_P(Flavours, RowIds,
                         ::testing::Combine(::testing::Range(0, 5), ::testing::Values(1u, 3u),
                                            ::testing::Values(false)),
                         NameOf);
// Hashed flavours under a hash with four values.
INSTANTIATE_TEST_SUITE_P(Collisions, RowIds,
                         ::testing::Combine(::testing::Values(2, 3), ::testing::Values(1u, 3u),
                                            ::testing::Values(true)),
                         NameOf);

}  // namespace
}  // namespace ordinate
