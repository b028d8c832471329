#include "tests/fuzz/fuzz_front.h"

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

namespace ordinate::fuzz {
namespace {

constexpr uint64_t kDocs = 12;

// What every input relies on.
template <typename T>
T Made(absl::StatusOr<T> made) {
  if (made.ok()) return *std::move(made);
  std::fprintf(stderr, "the front cannot be made: %s\n", made.status().ToString().c_str());
  std::abort();
}

TableDef Docs() {
  TableDef docs{.name = "docs", .key = {0, 1}};
  const auto attribute = [](std::string name, DataType type) {
    return ColumnDef{.name = std::move(name), .type = type};
  };
  docs.columns = {
      {.name = "id", .role = ColumnRole::kKey, .type = DataType::kUint64, .nullable = false},
      {.name = "part", .role = ColumnRole::kKey, .type = DataType::kString, .nullable = false},
      attribute("flag", DataType::kBool),
      {.name = "n", .nullable = false},
      attribute("price", DataType::kDouble),
      attribute("name", DataType::kString),
      attribute("at", DataType::kTimestamp),
      {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2},
      {.name = "any", .role = ColumnRole::kVector, .type = DataType::kVector},
      {.name = "blob", .role = ColumnRole::kPayload, .type = DataType::kBytes},
      {.name = "extra", .role = ColumnRole::kPayload, .type = DataType::kJson}};
  return docs;
}

TableDef Log() {
  TableDef log{.name = "log"};
  log.columns = {{.name = "text", .type = DataType::kString},
                 {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2}};
  return log;
}

UpsertInput DocRows() {
  UpsertInput input{.table = "docs"};
  const double prices[] = {-1.5, 0, std::numeric_limits<double>::infinity(), 1e300};
  for (uint64_t i = 0; i < kDocs; ++i) {
    const auto n = static_cast<int64_t>(i % 5) - 2;
    std::vector<Value> cells = {i,
                                std::string(i % 2 == 0 ? "a" : "b"),
                                i % 3 == 0,
                                n,
                                prices[i % 4],
                                std::string(i % 4, 'x'),
                                Timestamp{n * 1'000'000},
                                Vector{static_cast<float>(i), 1},
                                Vector{static_cast<float>(i)},
                                std::string("\x00\xff", 2),
                                std::string("{\"a\": 1}")};
    if (i % 4 == 3) cells[4] = cells[5] = cells[7] = cells[8] = Value();
    input.rows.push_back({.cells = std::move(cells)});
  }
  return input;
}

}  // namespace

FuzzFront::FuzzFront() {
  definitions_ = Made(Definitions::Load(catalog_));
  std::vector<ShardClient*> clients;
  for (FakeShard& shard : shards_) {
    shard.index_usable = true;
    shard.index_rows = kDocs / 2;
    clients.push_back(&shard);
  }
  front_ = std::make_unique<Front>(*definitions_, clients, Front::Options());
  Fill();
  first_definitions_ = front_->definitions();
  first_writes_ = Writes();
}

void FuzzFront::Fill() {
  (void)Made(front_->CreateTable(Docs()));
  (void)Made(front_->CreateTable(Log()));
  IndexDef index{.name = "docs_vec", .engine = Engine::kFlat};
  (void)Made(front_->CreateIndex("docs", "vec", index));
  index.name = "docs_cos";
  index.metric = Metric::kCosine;
  (void)Made(front_->CreateIndex("docs", "vec", index));
  (void)Made(front_->Upsert(DocRows(), context_));
  (void)Made(front_->Upsert(
      {.table = "log",
       .rows = {{.cells = {std::string("one"), Vector{0, 0}}}, {.cells = {Value(), Vector{1, 1}}}}},
      context_));
}

FuzzFront& FuzzFront::Fresh() {
  static std::unique_ptr<FuzzFront> one;
  if (one == nullptr || one->Changed()) one.reset(new FuzzFront());
  return *one;
}

bool FuzzFront::Changed() const {
  return front_->definitions() != first_definitions_ || Writes() != first_writes_;
}

size_t FuzzFront::Writes() const { return shards_[0].asked().writes + shards_[1].asked().writes; }

std::vector<Row> FuzzFront::Rows(const TableDef& table) const {
  std::vector<Row> rows;
  for (const FakeShard& shard : shards_) {
    for (const auto& [id, row] : shard.rows(table.id)) rows.push_back(row);
  }
  return rows;
}

}  // namespace ordinate::fuzz
