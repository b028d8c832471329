// Random writes of every kind, retried and across restarts, against a map (contract 1.7, 5.1).
#include <functional>
#include <map>
#include <random>

#include "gtest/gtest.h"
#include "storage/base/error_details.h"
#include "storage/model/key.h"
#include "tests/support/node.h"

namespace ordinate {
namespace {

constexpr uint32_t kShards = 3;
constexpr uint32_t kSize = 1, kName = 2, kVec = 3;  // columns; 0 is the key, or another attribute

uint64_t PoorHash(std::string_view key) { return DefaultKeyHash(key) % 64; }  // many collide

struct OracleRow {
  std::vector<Value> cells;
  uint64_t version = 0;
};

/// A request that was answered, to be sent again.
struct Answered {
  std::function<void(Front&)> retry;  // checks that the answer is the same
};

class WritesModel : public ::testing::TestWithParam<RowIdFlavour> {
 protected:
  WritesModel() : node_(Node::Setup{.shards = kShards, .key_hash = &PoorHash}) {}

  void SetUp() override {
    seed_ = std::random_device()();
    random_.seed(seed_);
    TableDef table{.name = "t"};
    const bool ordinal = GetParam() == RowIdFlavour::kOrdinal;
    const bool hashed = GetParam() == RowIdFlavour::kPkHashed;
    table.columns = {
        {.name = "id",
         .role = ordinal ? ColumnRole::kAttribute : ColumnRole::kKey,
         .type = hashed ? DataType::kString : DataType::kInt64,
         .nullable = ordinal},
        {.name = "size"},
        {.name = "name", .type = DataType::kString},
        {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2}};
    if (!ordinal) table.key = {0};
    const auto created = node_.front().CreateTable(table);
    ASSERT_TRUE(created.ok()) << created.status();
    table_ = *created;
    IndexDef index{.name = "near", .engine = Engine::kFlat};
    ASSERT_TRUE(node_.front().CreateIndex("t", "vec", index).ok());
    node_.WaitForIndex("near");
  }

  uint64_t Below(uint64_t most) { return random_() % most; }
  bool Chance(int percent) { return Below(100) < static_cast<uint64_t>(percent); }
  bool ordinal() const { return table_.key.empty(); }
  Front& front() { return node_.front(); }

  Value RandomKey() {
    const uint64_t n = Below(80);
    if (GetParam() == RowIdFlavour::kPkHashed) return Value(Concat("k", n));
    return Value(static_cast<int64_t>(n));
  }
  Value RandomCell(uint32_t column) {
    if (Chance(15)) return Value();
    if (column == kVec) {
      return Value(Vector{static_cast<float>(Below(4)), static_cast<float>(Below(4))});
    }
    if (column == kName) return Value(Concat("n", Below(5)));
    return Value(static_cast<int64_t>(Below(20)));
  }
  /// The name of a row in the oracle: its key, or its id.
  std::string NameOf(const UpsertInput::InputRow& row) const {
    return ordinal() ? Concat(row.row_id) : ToString(View(row.cells[0]));
  }
  std::string NameOf(const KeyInput& key) const {
    return ordinal() ? Concat(key.row_id) : ToString(View(key.cells[0]));
  }
  uint32_t ShardOfRow(const UpsertInput::InputRow& row) const {
    return ShardOf(ordinal() ? row.row_id : PreferredRowId(table_, row.cells, &PoorHash), kShards);
  }
  RowId RandomRowId() {
    if (oracle_.empty() || Chance(10)) return 1'000'000 + Below(100);
    auto row = oracle_.begin();
    std::advance(row, Below(oracle_.size()));
    return std::stoull(row->first);
  }
  std::string RandomRequestId() { return Chance(50) ? Concat("request ", ++requests_) : ""; }
  /// A condition, and whether it holds.
  bool RandomCondition(const std::string& name, WriteCondition& condition) {
    if (Chance(80)) return true;
    const auto row = oracle_.find(name);
    const bool there = row != oracle_.end();
    const uint64_t kind = 1 + Below(3);
    condition.kind = static_cast<WriteCondition::Kind>(kind);
    if (condition.kind == WriteCondition::Kind::kExists) return there;
    if (condition.kind == WriteCondition::Kind::kAbsent) return !there;
    const bool right = there && Chance(70);
    condition.version = right ? row->second.version : 1'000'000'000;
    return right;
  }

  /// Different rows, by key.
  std::vector<UpsertInput::InputRow> RandomRows(bool update) {
    std::map<std::string, UpsertInput::InputRow> rows;
    std::vector<UpsertInput::InputRow> list;
    const uint64_t count = 1 + Below(6);
    for (uint64_t i = 0; i < count; ++i) {
      UpsertInput::InputRow row;
      row.cells.resize(4);
      for (uint32_t column = 0; column < 4; ++column) {
        const bool key = column == 0 && !ordinal();
        if (update && !key && Chance(50)) continue;
        row.cells[column] = key ? RandomKey() : RandomCell(column);
        if (update) row.columns.push_back(column);
      }
      if (update && row.columns.size() == (ordinal() ? 0u : 1u)) continue;
      if (ordinal() && (update || (Chance(30) && !oracle_.empty()))) {
        row.row_id = RandomRowId();
        // An upsert under an id that no row has is refused; that is another test's matter.
        if (!update && !oracle_.contains(Concat(row.row_id))) continue;
      }
      const bool fresh = ordinal() && row.row_id == 0;
      if (!fresh && !rows.emplace(NameOf(row), row).second) continue;
      list.push_back(std::move(row));
    }
    return list;
  }

  /// Draws conditions; which shards refuse their part.
  std::set<uint32_t> AddConditions(std::vector<UpsertInput::InputRow>& rows) {
    std::set<uint32_t> refused;
    for (auto& row : rows) {
      if (ordinal() && row.row_id == 0) continue;
      if (!RandomCondition(NameOf(row), row.condition)) refused.insert(ShardOfRow(row));
    }
    return refused;
  }

  void Upsert() {
    UpsertInput input{.table = "t", .rows = RandomRows(false), .request_id = RandomRequestId()};
    if (input.rows.empty()) return;
    const std::set<uint32_t> refused =
        input.request_id.empty() ? AddConditions(input.rows) : std::set<uint32_t>();
    const auto before = NextSequences();
    const auto result = front().Upsert(input, context_);
    ASSERT_EQ(result.ok(), refused.empty()) << result.status();
    if (!result.ok()) {
      ASSERT_TRUE(absl::IsAborted(result.status())) << result.status();
    }
    for (size_t i = 0; i < input.rows.size(); ++i) {
      auto& row = input.rows[i];
      const bool fresh = ordinal() && row.row_id == 0;
      // The ids of new rows are known from the answer alone, so conditions refuse old rows only; a
      // new one on the same shard is found by Learn.
      if (!result.ok() && (fresh || refused.contains(ShardOfRow(row)))) continue;
      const RowId id = result.ok() ? result->row_ids[i] : row.row_id;
      const uint64_t seq =
          result.ok() ? result->token.at(ShardOf(id, kShards)) : before.at(ShardOfRow(row));
      const std::string name = ordinal() ? Concat(id) : NameOf(row);
      oracle_[name] = {row.cells, seq};
    }
    if (!result.ok() && ordinal()) Learn();
    if (!result.ok() || input.request_id.empty()) return;
    Keep([input, first = *result, this](Front& again) {
      const auto second = again.Upsert(input, context_);
      ASSERT_TRUE(second.ok()) << second.status();
      EXPECT_EQ(second->row_ids, first.row_ids);
      EXPECT_EQ(second->token, first.token);
    });
  }

  void Update() {
    UpsertInput input{.table = "t", .rows = RandomRows(true), .request_id = RandomRequestId()};
    if (input.rows.empty()) return;
    const std::set<uint32_t> refused =
        input.request_id.empty() ? AddConditions(input.rows) : std::set<uint32_t>();
    const auto before = NextSequences();
    const auto result = front().Update(input, context_);
    ASSERT_EQ(result.ok(), refused.empty()) << result.status();
    std::vector<uint32_t> missing;
    for (uint32_t i = 0; i < input.rows.size(); ++i) {
      const auto& row = input.rows[i];
      if (refused.contains(ShardOfRow(row))) continue;
      const auto old = oracle_.find(NameOf(row));
      if (old == oracle_.end()) {
        missing.push_back(i);
        continue;
      }
      for (const uint32_t column : row.columns) old->second.cells[column] = row.cells[column];
      old->second.version = before.at(ShardOfRow(row));
    }
    if (!result.ok()) return;
    EXPECT_EQ(result->missing_rows, missing);
    EXPECT_EQ(result->updated, input.rows.size() - missing.size());
    if (input.request_id.empty()) return;
    Keep([input, first = *result, this](Front& again) {
      const auto second = again.Update(input, context_);
      ASSERT_TRUE(second.ok()) << second.status();
      EXPECT_EQ(second->token, first.token);
      EXPECT_EQ(second->updated, first.updated);
      EXPECT_EQ(second->missing_rows, first.missing_rows);
    });
  }

  void Delete() {
    std::map<std::string, KeyInput> chosen;
    for (uint64_t i = 0; i < 1 + Below(5); ++i) {
      KeyInput key;
      if (ordinal()) {
        key.row_id = RandomRowId();
      } else {
        key.cells = {RandomKey()};
      }
      chosen.emplace(NameOf(key), key);
    }
    std::vector<KeyInput> keys;
    uint64_t live = 0;
    for (const auto& [name, key] : chosen) {
      keys.push_back(key);
      live += oracle_.erase(name);
    }
    const std::string id = RandomRequestId();
    const auto result = front().Delete("t", keys, context_, id);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->deleted, live);
    if (id.empty()) return;
    Keep([keys, id, first = *result, this](Front& again) {
      const auto second = again.Delete("t", keys, context_, id);
      ASSERT_TRUE(second.ok()) << second.status();
      EXPECT_EQ(second->token, first.token);
      EXPECT_EQ(second->deleted, first.deleted);
    });
  }

  void WriteWhere() {
    const Filter filter =
        *ParseFilter(Concat("size = ", Below(20), Chance(50) ? " OR name = 'n1'" : ""));
    const Filter bound = *BindFilter(filter, table_);
    const bool removes = Chance(50);
    UpsertInput::InputRow change;
    change.cells.resize(4);
    change.columns = {Chance(50) ? kSize : kVec};
    change.cells[change.columns[0]] = RandomCell(change.columns[0]);
    const auto before = NextSequences();
    uint64_t hit = 0;
    for (auto entry = oracle_.begin(); entry != oracle_.end();) {
      OracleRow& row = entry->second;
      const Row cells{.cells = row.cells};
      const bool matches = Matches(bound, RowCells(cells));
      hit += matches;
      if (matches && removes) {
        entry = oracle_.erase(entry);
        continue;
      }
      if (matches) {
        row.cells[change.columns[0]] = change.cells[change.columns[0]];
        row.version = before.at(OracleShard(entry->first, row));
      }
      ++entry;
    }
    const std::string id = RandomRequestId();
    if (removes) {
      const auto result = front().DeleteWhere("t", filter, context_, id);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->deleted, hit);
      if (id.empty()) return;
      Keep([filter, id, first = *result, this](Front& again) {
        const auto second = again.DeleteWhere("t", filter, context_, id);
        ASSERT_TRUE(second.ok()) << second.status();
        EXPECT_EQ(second->token, first.token);
        EXPECT_EQ(second->deleted, first.deleted);
      });
    } else {
      const auto result = front().UpdateWhere("t", change, filter, context_, id);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->updated, hit);
      if (id.empty()) return;
      Keep([filter, id, change, first = *result, this](Front& again) {
        const auto second = again.UpdateWhere("t", change, filter, context_, id);
        ASSERT_TRUE(second.ok()) << second.status();
        EXPECT_EQ(second->token, first.token);
        EXPECT_EQ(second->updated, first.updated);
      });
    }
  }

  uint32_t OracleShard(const std::string& name, const OracleRow& row) const {
    if (ordinal()) return ShardOf(std::stoull(name), kShards);
    return ShardOf(PreferredRowId(table_, row.cells, &PoorHash), kShards);
  }
  void Keep(std::function<void(Front&)> retry) { answered_.push_back({std::move(retry)}); }
  /// The sequence that the next write of each shard gets.
  std::map<uint32_t, uint64_t> NextSequences() {
    std::map<uint32_t, uint64_t> next;
    const auto shards = node_.shards();
    for (uint32_t i = 0; i < shards.size(); ++i) next[i] = shards[i]->GetWatermarks().durable + 1;
    return next;
  }
  std::vector<Row> Everything() {
    std::vector<Row> rows;
    std::string page;
    do {
      auto result = front().Scan("t", std::nullopt, {}, 7, page, context_);
      EXPECT_TRUE(result.ok()) << result.status();
      if (!result.ok()) break;
      for (Row& row : result->rows) rows.push_back(std::move(row));
      page = result->next_page_token;
    } while (!page.empty());
    return rows;
  }
  /// Takes rows that were written by a request which another shard refused.
  void Learn() {
    for (const Row& row : Everything()) oracle_.try_emplace(Concat(row.id), row.cells, row.version);
  }

  void Check() {
    std::map<std::string, OracleRow> found;
    std::map<RowId, uint64_t> versions;
    for (const Row& row : Everything()) {
      const std::string name = ordinal() ? Concat(row.id) : ToString(View(row.cells[0]));
      found[name] = {row.cells, row.version};
      if (!IsNull(row.cells[kVec])) versions[row.id] = row.version;
    }
    ASSERT_EQ(found.size(), oracle_.size());
    for (const auto& [name, row] : oracle_) {
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_EQ(found[name].cells, row.cells) << name;
      EXPECT_EQ(found[name].version, row.version) << name;
    }
    const QueryRequest request{
        .table = "t", .column = "vec", .vector = {0, 0}, .limit = 1'000, .index = "near"};
    const auto nearest = front().Query(request, context_);
    ASSERT_TRUE(nearest.ok()) << nearest.status();
    std::map<RowId, uint64_t> ranked;
    for (const RankedRow& row : nearest->ranked) ranked[row.id] = row.version;
    EXPECT_EQ(ranked, versions);
  }

  uint32_t seed_ = 0;
  std::mt19937 random_;
  CallContext context_;
  Node node_;
  TableDef table_;
  std::map<std::string, OracleRow> oracle_;
  std::vector<Answered> answered_;
  uint64_t requests_ = 0;
};

TEST_P(WritesModel, AgreesWithAMap) {
  SCOPED_TRACE(Concat("seed ", seed_));
  for (int step = 0; step < 1'200; ++step) {
    SCOPED_TRACE(Concat("step ", step));
    const uint64_t what = Below(100);
    if (what < 35) {
      Upsert();
    } else if (what < 60) {
      Update();
    } else if (what < 72) {
      Delete();
    } else if (what < 80) {
      WriteWhere();
    } else if (what < 98 && !answered_.empty()) {
      answered_[Below(answered_.size())].retry(front());
    } else if (what >= 98) {
      node_.Restart();
    }
    if (step % 10 == 0) Check();
    if (HasFailure()) return;
  }
  Check();
}

INSTANTIATE_TEST_SUITE_P(Flavours, WritesModel,
                         ::testing::Values(RowIdFlavour::kPkU64, RowIdFlavour::kPkHashed,
                                           RowIdFlavour::kOrdinal));

}  // namespace
}  // namespace ordinate
