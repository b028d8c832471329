#include "tests/crash/crash_client.h"

#include <cstring>
#include <thread>

#include "gtest/gtest.h"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"

namespace ordinate {
namespace {

constexpr uint32_t kDim = 32;
constexpr int64_t kSharing = 100;  // revisions that share a vector

/// The vector of a key at a revision: some revisions share one, so that a row written again often
/// keeps it.
std::vector<float> VectorOf(int64_t key, int64_t revision) {
  std::mt19937_64 random(static_cast<uint64_t>(key * 1'000'003 + revision / kSharing));
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDim);
  for (float& x : vector) x = normal(random);
  return vector;
}

v1::Row MakeRow(int64_t key, int64_t revision) {
  v1::Row row;
  (*row.mutable_cells())["id"].set_int64_value(key);
  (*row.mutable_cells())["revision"].set_int64_value(revision);
  auto* values = (*row.mutable_cells())["v"].mutable_vector_value()->mutable_f32();
  for (const float x : VectorOf(key, revision)) values->add_values(x);
  return row;
}

void ExpectVector(const v1::Row& row) {
  const int64_t key = row.cells().at("id").int64_value();
  const int64_t revision = row.cells().at("revision").int64_value();
  const auto& vector = row.cells().at("v").vector_value();
  std::vector<float> values(vector.f32().values().begin(), vector.f32().values().end());
  if (values.empty() && !vector.packed_f32().empty()) {
    values.resize(vector.packed_f32().size() / sizeof(float));
    std::memcpy(values.data(), vector.packed_f32().data(), vector.packed_f32().size());
  }
  EXPECT_EQ(values, VectorOf(key, revision)) << "key " << key << " mixes two versions";
}

void CreateIndex(v1::IndexService::Stub& indexes, const std::string& name, v1::Engine engine,
                 v1::FreshnessMode mode) {
  v1::CreateIndexRequest request;
  v1::Index& index = *request.mutable_index();
  index.set_name(name);
  index.set_table("t");
  index.set_column("v");
  index.set_engine(engine);
  index.set_mode(mode);
  if (engine == v1::ENGINE_HNSW) {
    index.set_m(4);  // and few candidates: a graph that is worse than it should be is seen
    index.set_ef_build(40);
    index.set_ef_search(10);
  }
  if (mode == v1::FRESHNESS_MODE_BATCHED) {
    index.set_batch_rows(25);
    index.mutable_batch_interval()->set_nanos(200'000'000);
  }
  if (mode == v1::FRESHNESS_MODE_ASYNC) index.set_max_lag_rows(60);
  grpc::ClientContext context;
  v1::CreateIndexResponse response;
  const grpc::Status status = indexes.CreateIndex(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

}  // namespace

void CreateTableAndIndexes(const Channel& channel) {
  v1::CreateTableRequest table;
  table.mutable_table()->set_name("t");
  const auto add = [&](const char* name, v1::ColumnRole role, v1::DataType type, uint32_t dim) {
    v1::Column* column = table.mutable_table()->add_columns();
    column->set_name(name);
    column->set_role(role);
    column->set_type(type);
    column->set_dim(dim);
  };
  add("id", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_INT64, 0);
  add("revision", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_INT64, 0);
  add("v", v1::COLUMN_ROLE_VECTOR, v1::DATA_TYPE_VECTOR, kDim);
  grpc::ClientContext context;
  v1::CreateTableResponse response;
  const auto status = v1::TableService::NewStub(channel)->CreateTable(&context, table, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto indexes = v1::IndexService::NewStub(channel);
#ifdef ORDINATE_WITH_HNSW
  CreateIndex(*indexes, "immediate", v1::ENGINE_HNSW, v1::FRESHNESS_MODE_IMMEDIATE);
#else
  CreateIndex(*indexes, "immediate", v1::ENGINE_FLAT, v1::FRESHNESS_MODE_IMMEDIATE);
#endif
  CreateIndex(*indexes, "batched", v1::ENGINE_FLAT, v1::FRESHNESS_MODE_BATCHED);
  CreateIndex(*indexes, "async", v1::ENGINE_FLAT, v1::FRESHNESS_MODE_ASYNC);
  CreateIndex(*indexes, "rebuild_only", v1::ENGINE_FLAT, v1::FRESHNESS_MODE_REBUILD_ONLY);
}

void Rebuild(const Channel& channel, const std::string& index) {
  v1::RebuildIndexRequest request;
  request.set_name(index);
  grpc::ClientContext context;
  v1::RebuildIndexResponse response;
  (void)v1::IndexService::NewStub(channel)->RebuildIndex(&context, request, &response);
}

double MeasureRecall(const Channel& channel, uint32_t samples) {
  v1::MeasureRecallRequest request;
  request.set_name("immediate");
  request.set_samples(samples);
  request.set_seed(1);
  grpc::ClientContext context;
  v1::MeasureRecallResponse response;
  const grpc::Status status =
      v1::IndexService::NewStub(channel)->MeasureRecall(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.samples(), samples);
#ifdef ORDINATE_WITH_HNSW
  EXPECT_GT(response.ef_search(), 0u) << "the graph was not asked";
#endif
  return response.recall();
}

void AwaitBuilds(const Channel& channel) {
  const auto indexes = v1::IndexService::NewStub(channel);
  bool building = true;
  while (building && !::testing::Test::HasFailure()) {
    building = false;
    grpc::ClientContext context;
    v1::ListIndexesRequest request;
    v1::ListIndexesResponse response;
    const grpc::Status status = indexes->ListIndexes(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const v1::IndexInfo& info : response.indexes()) {
      building |= info.status().build_progress() < 1;
      EXPECT_NE(info.status().state(), v1::INDEX_STATE_FAILED) << info.status().reason();
    }
    std::this_thread::yield();
  }
}

void UpsertRange(const Channel& channel, int64_t first, int64_t last) {
  const auto rows = v1::RowService::NewStub(channel);
  while (first < last && !::testing::Test::HasFailure()) {
    v1::UpsertRequest request;
    request.set_table("t");
    for (int64_t i = 0; i < 50 && first + i < last; ++i)
      *request.add_rows() = MakeRow(first + i, 0);
    grpc::ClientContext context;
    v1::UpsertResponse response;
    const grpc::Status status = rows->Upsert(&context, request, &response);
    // The ASYNC index is behind: the same again.
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) continue;
    ASSERT_TRUE(status.ok()) << status.error_message();
    first += 50;
  }
}

void Writer::RunUntilGone(const Channel& channel, std::atomic<uint64_t>& acknowledged) {
  auto rows = v1::RowService::NewStub(channel);
  while (true) {
    const grpc::Status status = random_() % 4 == 0 ? DeleteSome(*rows) : UpsertSome(*rows);
    if (status.ok()) {
      ++acknowledged;
    } else if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) {
      // A shard may have taken its part of what another refused.
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
      return;
    }
  }
}

void Writer::Check(const Channel& channel) {
  auto rows = v1::RowService::NewStub(channel);
  v1::GetRequest request;
  request.set_table("t");
  for (int64_t i = 0; i < kKeysPerWriter; ++i) {
    request.add_keys()->mutable_cells()->add_values()->set_int64_value(first_key_ + i);
  }
  grpc::ClientContext context;
  v1::GetResponse response;
  const grpc::Status status = rows->Get(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  live_.clear();
  for (const v1::Row& row : response.rows()) {
    const int64_t key = row.cells().at("id").int64_value();
    const int64_t revision = row.cells().at("revision").int64_value();
    ASSERT_TRUE(live_.emplace(key, revision).second) << "key " << key << " came twice";
    ExpectVector(row);
  }
  for (int64_t i = 0; i < kKeysPerWriter; ++i) {
    const int64_t key = first_key_ + i;
    const auto row = live_.find(key);
    const Ledger::State state = row == live_.end() ? Ledger::State() : Ledger::State(row->second);
    EXPECT_TRUE(ledger_.Allows(key, state))
        << "key " << key << " is " << (state ? std::to_string(*state) : "absent")
        << ", acknowledged was " << ledger_.Expected(key);
    ledger_.Settle(key, state, revision_);
  }
}

std::set<int64_t> Writer::SomeKeys() {
  std::set<int64_t> keys;
  const size_t count = 1 + random_() % 20;
  while (keys.size() < count) {
    keys.insert(first_key_ + static_cast<int64_t>(random_() % kKeysPerWriter));
  }
  return keys;
}

grpc::Status Writer::UpsertSome(v1::RowService::Stub& rows) {
  v1::UpsertRequest request;
  request.set_table("t");
  const std::set<int64_t> keys = SomeKeys();
  const int64_t revision = ++revision_;
  for (const int64_t key : keys) {
    *request.add_rows() = MakeRow(key, revision);
    ledger_.Begin(key, revision);
  }
  grpc::ClientContext context;
  v1::UpsertResponse response;
  grpc::Status status = rows.Upsert(&context, request, &response);
  if (!status.ok()) return status;
  for (const int64_t key : keys) ledger_.Acknowledge(key, revision, revision_);
  return status;
}

grpc::Status Writer::DeleteSome(v1::RowService::Stub& rows) {
  v1::DeleteRequest request;
  request.set_table("t");
  const std::set<int64_t> keys = SomeKeys();
  for (const int64_t key : keys) {
    request.add_keys()->mutable_cells()->add_values()->set_int64_value(key);
    ledger_.Begin(key, std::nullopt);
  }
  grpc::ClientContext context;
  v1::DeleteResponse response;
  grpc::Status status = rows.Delete(&context, request, &response);
  if (!status.ok()) return status;
  for (const int64_t key : keys) ledger_.Acknowledge(key, std::nullopt, revision_);
  return status;
}

bool Reader::Ask(const Channel& channel, const std::string& index, grpc::Status& status,
                 Revisions& shown) {
  v1::QueryRequest request;
  request.set_table("t");
  request.set_column("v");
  for (uint32_t i = 0; i < kDim; ++i) request.mutable_vector()->mutable_f32()->add_values(1);
  request.set_limit(5'000);
  request.set_index(index);
  request.add_columns("*");
  grpc::ClientContext context;
  v1::QueryResponse response;
  status = v1::QueryService::NewStub(channel)->Query(&context, request, &response);
  if (!status.ok()) return false;
  for (const v1::ResultRow& row : response.rows()) {
    const int64_t key = row.row().cells().at("id").int64_value();
    EXPECT_TRUE(shown.emplace(key, row.row().cells().at("revision").int64_value()).second)
        << "key " << key << " came twice from " << index;
    ExpectVector(row.row());
  }
  for (const auto& [shard, seq] : response.visible_seq().seq_by_shard()) Advance(index, shard, seq);
  return true;
}

void Reader::RunUntilGone(const Channel& channel) {
  while (true) {
    grpc::Status status;
    Revisions shown;
    if (Ask(channel, kCrashIndexes[random_() % std::size(kCrashIndexes)], status, shown)) continue;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    return;
  }
}

Revisions Reader::Show(const Channel& channel, const std::string& index) {
  grpc::Status status;
  Revisions shown;
  EXPECT_TRUE(Ask(channel, index, status, shown)) << status.error_message();
  return shown;
}

void Reader::CheckStatus(const Channel& channel) {
  grpc::ClientContext context;
  v1::ListIndexesRequest request;
  v1::ListIndexesResponse response;
  const grpc::Status status =
      v1::IndexService::NewStub(channel)->ListIndexes(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(static_cast<size_t>(response.indexes_size()), std::size(kCrashIndexes));
  for (const v1::IndexInfo& info : response.indexes()) {
    SCOPED_TRACE(info.index().name());
    EXPECT_EQ(info.status().last_error(), "");
    for (const v1::IndexStatus& shard : info.shards()) {
      // The first build may not have ended.
      if (shard.state() == v1::INDEX_STATE_BUILDING) continue;
      EXPECT_EQ(shard.rows_total(), shard.rows_indexed() + shard.rows_pending() +
                                        shard.rows_null() + shard.rows_invalid())
          << shard.ShortDebugString();
    }
    for (const auto& [shard, seq] : info.status().visible_seq().seq_by_shard()) {
      Advance(info.index().name(), shard, seq);
    }
  }
}

void Reader::Advance(const std::string& index, uint32_t shard, uint64_t visible_seq) {
  uint64_t& before = visible_[{index, shard}];
  EXPECT_GE(visible_seq, before) << index << " went back on shard " << shard;
  before = visible_seq;
}

}  // namespace ordinate
