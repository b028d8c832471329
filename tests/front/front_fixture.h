#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/front/front.h"
#include "tests/support/fake_shard.h"
#include "tests/support/memory_catalog.h"

namespace ordinate {

/// A front over fake shards, with a table docs(id INT64 key, section STRING, size INT64 NOT NULL,
/// vec VECTOR(2), any VECTOR), and an ORDINAL table log(text STRING, vec VECTOR(2)).
class FrontTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(3); }

  void Start(uint32_t shard_count, bool with_hnsw = true) {
    front_.reset();
    catalog_ = std::make_unique<MemoryCatalog>();
    auto definitions = Definitions::Load(*catalog_);
    ASSERT_TRUE(definitions.ok()) << definitions.status();
    definitions_ = *std::move(definitions);
    shards_.clear();
    std::vector<ShardClient*> clients;
    for (uint32_t i = 0; i < shard_count; ++i) {
      shards_.push_back(std::make_unique<FakeShard>());
      clients.push_back(shards_.back().get());
    }
    Front::Options options;
    options.executor = &executor_;
    options.clock = &SystemClock();
    options.with_hnsw = with_hnsw;
    options.max_answer_bytes = max_answer_bytes_;
    front_ = std::make_unique<Front>(*definitions_, clients, options);
    TableDef docs{.name = "docs", .key = {0}};
    docs.columns = {
        {.name = "id", .role = ColumnRole::kKey, .nullable = false},
        {.name = "section", .type = DataType::kString},
        {.name = "size", .nullable = false},
        {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2},
        {.name = "any", .role = ColumnRole::kVector, .type = DataType::kVector}};
    auto created = front_->CreateTable(docs);
    ASSERT_TRUE(created.ok()) << created.status();
    docs_ = *created;
    TableDef log{.name = "log"};
    log.columns = {
        {.name = "text", .type = DataType::kString},
        {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2}};
    created = front_->CreateTable(log);
    ASSERT_TRUE(created.ok()) << created.status();
    log_ = *created;
  }

  static UpsertInput::InputRow Doc(int64_t id, Value vec, Value section = std::string("a"),
                                   Value size = int64_t{1}) {
    return {.cells = {id, std::move(section), std::move(size), std::move(vec), Value()}};
  }
  absl::StatusOr<UpsertResult> Upsert(std::vector<UpsertInput::InputRow> rows,
                                      OnInvalid on_invalid = OnInvalid::kError,
                                      const std::string& table = "docs") {
    return front_->Upsert({table, std::move(rows), on_invalid}, context_);
  }
  /// Rows 1..count, row i at (i, 0), of size i.
  void Fill(int64_t count) {
    std::vector<UpsertInput::InputRow> rows;
    for (int64_t i = 1; i <= count; ++i) {
      rows.push_back(Doc(i, Vector{static_cast<float>(i), 0}, std::string("a"), i));
    }
    const auto result = Upsert(std::move(rows));
    ASSERT_TRUE(result.ok()) << result.status();
  }
  size_t Writes() const {
    size_t writes = 0;
    for (const auto& shard : shards_) writes += shard->asked().writes;
    return writes;
  }
  QueryRequest Nearest(uint64_t limit) const {
    return {.table = "docs", .column = "vec", .vector = {0, 0}, .limit = limit};
  }
  static std::vector<RowId> Ids(const QueryResult& result) {
    std::vector<RowId> ids;
    for (const RankedRow& row : result.ranked) ids.push_back(row.id);
    return ids;
  }
  static std::vector<RowId> Ids(const RowsResult& result) {
    std::vector<RowId> ids;
    for (const Row& row : result.rows) ids.push_back(row.id);
    return ids;
  }

  uint64_t max_answer_bytes_ = kMaxAnswerBytes;  // read by Start
  Executor executor_{2};
  CallContext context_;
  std::unique_ptr<MemoryCatalog> catalog_;
  std::unique_ptr<Definitions> definitions_;
  std::vector<std::unique_ptr<FakeShard>> shards_;
  std::unique_ptr<Front> front_;
  TableDef docs_, log_;
};

/// Whether a status has the code and a message that holds `part`.
MATCHER_P2(IsStatus, code, part, "") {
  *result_listener << arg;
  return arg.code() == code && std::string(arg.message()).find(part) != std::string::npos;
}

inline constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

}  // namespace ordinate
