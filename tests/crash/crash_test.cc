#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"
#include "tests/crash/ledger.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

constexpr int64_t kKeysPerWriter = 300;
constexpr int kWriters = 3;
constexpr uint32_t kDim = 8;

/// The vector of a key at a revision: any other revision has another vector.
std::vector<float> VectorOf(int64_t key, int64_t revision) {
  std::mt19937_64 random(static_cast<uint64_t>(key * 1'000'003 + revision));
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

/// One client of a mixed load: upserts and deletes of its own keys until the server is gone.
class Writer {
 public:
  Writer(int number, uint64_t seed) : first_key_(number * kKeysPerWriter), random_(seed) {}

  void RunUntilFailure(std::shared_ptr<grpc::Channel> channel,
                       std::atomic<uint64_t>& acknowledged) {
    auto rows = v1::RowService::NewStub(channel);
    while (random_() % 4 == 0 ? DeleteSome(*rows) : UpsertSome(*rows)) ++acknowledged;
  }

  /// Reads every key back and compares it with the ledger.
  void Check(std::shared_ptr<grpc::Channel> channel) {
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
    std::map<int64_t, int64_t> found;
    for (const v1::Row& row : response.rows()) {
      const int64_t key = row.cells().at("id").int64_value();
      const int64_t revision = row.cells().at("revision").int64_value();
      ASSERT_TRUE(found.emplace(key, revision).second) << "key " << key << " came twice";
      const auto& vector = row.cells().at("v").vector_value();
      std::vector<float> values(vector.f32().values().begin(), vector.f32().values().end());
      if (values.empty() && !vector.packed_f32().empty()) {
        values.resize(vector.packed_f32().size() / sizeof(float));
        std::memcpy(values.data(), vector.packed_f32().data(), vector.packed_f32().size());
      }
      EXPECT_EQ(values, VectorOf(key, revision)) << "key " << key << " mixes two versions";
    }
    for (int64_t i = 0; i < kKeysPerWriter; ++i) {
      const int64_t key = first_key_ + i;
      const auto row = found.find(key);
      const Ledger::State state = row == found.end() ? Ledger::State() : Ledger::State(row->second);
      EXPECT_TRUE(ledger_.Allows(key, state))
          << "key " << key << " is " << (state ? std::to_string(*state) : "absent")
          << ", acknowledged was " << ledger_.Expected(key);
      ledger_.Settle(key, state);
    }
    live_ = found;
  }

  const std::map<int64_t, int64_t>& live() const { return live_; }

 private:
  std::set<int64_t> SomeKeys() {
    std::set<int64_t> keys;
    const size_t count = 1 + random_() % 20;
    while (keys.size() < count) {
      keys.insert(first_key_ + static_cast<int64_t>(random_() % kKeysPerWriter));
    }
    return keys;
  }

  bool UpsertSome(v1::RowService::Stub& rows) {
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
    if (!rows.Upsert(&context, request, &response).ok()) return false;
    for (const int64_t key : keys) ledger_.Acknowledge(key, revision);
    return true;
  }

  bool DeleteSome(v1::RowService::Stub& rows) {
    v1::DeleteRequest request;
    request.set_table("t");
    const std::set<int64_t> keys = SomeKeys();
    for (const int64_t key : keys) {
      request.add_keys()->mutable_cells()->add_values()->set_int64_value(key);
      ledger_.Begin(key, std::nullopt);
    }
    grpc::ClientContext context;
    v1::DeleteResponse response;
    if (!rows.Delete(&context, request, &response).ok()) return false;
    for (const int64_t key : keys) ledger_.Acknowledge(key, std::nullopt);
    return true;
  }

  const int64_t first_key_;
  std::mt19937_64 random_;
  int64_t revision_ = 0;
  Ledger ledger_;
  std::map<int64_t, int64_t> live_;
};

void CreateTableAndIndexes(std::shared_ptr<grpc::Channel> channel) {
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
  {
    grpc::ClientContext context;
    v1::CreateTableResponse response;
    const auto status = v1::TableService::NewStub(channel)->CreateTable(&context, table, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  for (const auto mode : {v1::FRESHNESS_MODE_IMMEDIATE, v1::FRESHNESS_MODE_REBUILD_ONLY}) {
    v1::CreateIndexRequest request;
    request.mutable_index()->set_name(mode == v1::FRESHNESS_MODE_IMMEDIATE ? "now" : "later");
    request.mutable_index()->set_table("t");
    request.mutable_index()->set_column("v");
    request.mutable_index()->set_engine(
#ifdef ORDINATE_WITH_HNSW
        mode == v1::FRESHNESS_MODE_IMMEDIATE ? v1::ENGINE_HNSW :
#endif
                                             v1::ENGINE_FLAT);
    request.mutable_index()->set_mode(mode);
    grpc::ClientContext context;
    v1::CreateIndexResponse response;
    const auto status =
        v1::IndexService::NewStub(channel)->CreateIndex(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
}

void Rebuild(std::shared_ptr<grpc::Channel> channel, const char* name) {
  v1::RebuildIndexRequest request;
  request.set_name(name);
  grpc::ClientContext context;
  v1::RebuildIndexResponse response;
  // ABORTED, when a build is running already, is fine too.
  (void)v1::IndexService::NewStub(channel)->RebuildIndex(&context, request, &response);
}

/// The IMMEDIATE index shows exactly the live rows, each at its newest version, none twice.
void CheckIndex(std::shared_ptr<grpc::Channel> channel, const std::map<int64_t, int64_t>& live) {
  v1::QueryRequest request;
  request.set_table("t");
  request.set_column("v");
  for (uint32_t i = 0; i < kDim; ++i) request.mutable_vector()->mutable_f32()->add_values(1);
  request.set_limit(5'000);
  request.set_index("now");
  request.add_columns("*");
  grpc::ClientContext context;
  v1::QueryResponse response;
  const grpc::Status status =
      v1::QueryService::NewStub(channel)->Query(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  std::map<int64_t, int64_t> shown;
  for (const v1::ResultRow& row : response.rows()) {
    const int64_t key = row.row().cells().at("id").int64_value();
    ASSERT_TRUE(shown.emplace(key, row.row().cells().at("revision").int64_value()).second)
        << "key " << key << " came twice";
  }
  EXPECT_EQ(shown, live);
}

// contract 9: killed at random moments of a mixed load, nothing acknowledged is lost, no delete is
// undone, no row comes twice, and the files verify.
TEST(Crash, KillsAtRandomMomentsLoseNothingAcknowledged) {
  const uint64_t seed = std::random_device()();
  const bool nightly = std::getenv("ORDINATE_NIGHTLY") != nullptr;
  const int kills = nightly ? 200 : 20;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const TempDir dir;
  const std::string data_dir = dir.Sub("data");
  const std::vector<std::string> arguments = {"--shards", "2", "--min-seal-rows", "200"};
  std::vector<Writer> writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back(i, random());
  {
    ServerProcess server(data_dir, arguments);
    CreateTableAndIndexes(server.NewChannel());
  }

  for (int kill = 0; kill < kills && !::testing::Test::HasFailure(); ++kill) {
    SCOPED_TRACE(::testing::Message() << "kill " << kill);
    ServerProcess server(data_dir, arguments);
    std::map<int64_t, int64_t> live;
    for (Writer& writer : writers) {
      writer.Check(server.NewChannel());
      live.insert(writer.live().begin(), writer.live().end());
    }
    CheckIndex(server.NewChannel(), live);
    if (random() % 3 == 0) Rebuild(server.NewChannel(), random() % 2 == 0 ? "now" : "later");
    // The moment is a number of acknowledgements and a little more, so that slow machines kill in
    // the middle of work too.
    const uint64_t moment = random() % 150;
    const auto delay = std::chrono::microseconds(random() % 5'000);
    std::atomic<uint64_t> acknowledged{0};
    std::vector<std::thread> threads;
    for (Writer& writer : writers) {
      threads.emplace_back(
          [&, channel = server.NewChannel()] { writer.RunUntilFailure(channel, acknowledged); });
    }
    while (acknowledged.load() < moment) std::this_thread::yield();
    std::this_thread::sleep_for(delay);
    server.Kill();
    for (std::thread& thread : threads) thread.join();
    std::string output;
    const int code = RunOrdinate({"verify", "--data-dir", data_dir}, &output);
    EXPECT_EQ(code, 0) << output;
  }
}

}  // namespace
}  // namespace ordinate
