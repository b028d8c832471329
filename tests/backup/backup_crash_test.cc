#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "ordinate/v1/admin_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"
#include "service/backup/backup_description.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

constexpr int kKeys = 20;
constexpr size_t kPayloadBytes = 100'000;  // some copying for a kill to fall into

/// One request for all keys at a revision.
v1::UpsertRequest RowsAt(int64_t revision) {
  v1::UpsertRequest request;
  request.set_table("t");
  std::mt19937_64 random(static_cast<uint64_t>(revision));
  for (int64_t key = 0; key < kKeys; ++key) {
    auto& cells = *request.add_rows()->mutable_cells();
    cells["id"].set_int64_value(key);
    cells["revision"].set_int64_value(revision);
    std::string bytes(kPayloadBytes, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    cells["data"].set_bytes_value(bytes);
  }
  return request;
}

void CreateTable(const std::shared_ptr<grpc::Channel>& channel) {
  v1::CreateTableRequest request;
  request.mutable_table()->set_name("t");
  const auto add = [&](const char* name, v1::ColumnRole role, v1::DataType type) {
    v1::Column* column = request.mutable_table()->add_columns();
    column->set_name(name);
    column->set_role(role);
    column->set_type(type);
  };
  add("id", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_INT64);
  add("revision", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_INT64);
  add("data", v1::COLUMN_ROLE_PAYLOAD, v1::DATA_TYPE_BYTES);
  grpc::ClientContext context;
  v1::CreateTableResponse response;
  const auto status = v1::TableService::NewStub(channel)->CreateTable(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

bool Upsert(const std::shared_ptr<grpc::Channel>& channel, int64_t revision) {
  grpc::ClientContext context;
  v1::UpsertResponse response;
  return v1::RowService::NewStub(channel)->Upsert(&context, RowsAt(revision), &response).ok();
}

/// Makes a backup; its id, or 0 when the server ended. `messages` counts what came of it.
uint64_t BackUp(const std::shared_ptr<grpc::Channel>& channel, std::atomic<int>& messages) {
  grpc::ClientContext context;
  const auto stub = v1::AdminService::NewStub(channel);
  const auto reader = stub->CreateBackup(&context, v1::CreateBackupRequest());
  uint64_t id = 0;
  v1::CreateBackupResponse response;
  while (reader->Read(&response)) {
    ++messages;
    if (response.has_backup()) id = response.backup().id();
  }
  return reader->Finish().ok() ? id : 0;
}

std::vector<uint64_t> List(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::ListBackupsResponse response;
  const auto status = v1::AdminService::NewStub(channel)->ListBackups(
      &context, v1::ListBackupsRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.problems_size(), 0);
  std::vector<uint64_t> ids;
  for (const v1::Backup& backup : response.backups()) ids.push_back(backup.id());
  return ids;
}

/// The revisions that the rows of a server have.
std::set<int64_t> Revisions(const std::shared_ptr<grpc::Channel>& channel) {
  v1::ScanRequest request;
  request.set_table("t");
  request.add_columns("revision");
  grpc::ClientContext context;
  v1::ScanResponse response;
  const auto status = v1::RowService::NewStub(channel)->Scan(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.rows_size(), kKeys);
  std::set<int64_t> revisions;
  for (const v1::Row& row : response.rows()) {
    revisions.insert(row.cells().at("revision").int64_value());
  }
  return revisions;
}

// Killed in the middle of backups: those finished before are whole and restore to what they were,
// the one cut short is not there, and the next one is made.
TEST(BackupCrash, KillsLeaveTheBackupsThatWereFinished) {
  const uint64_t seed = std::random_device()();
  const int kills = std::getenv("ORDINATE_NIGHTLY") != nullptr ? 60 : 6;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const TempDir dir;
  const std::string backup_dir = dir.Sub("backups");
  const std::vector<std::string> arguments = {"--shards", "2", "--backup-dir", backup_dir};
  std::map<uint64_t, int64_t> finished;  // the revision that a backup must have at least
  int64_t revision = 0;
  int cut_short = 0;
  for (int kill = 0; kill < kills && !::testing::Test::HasFailure(); ++kill) {
    SCOPED_TRACE(::testing::Message() << "kill " << kill);
    ServerProcess server(dir.Sub("data"), arguments);
    const auto channel = server.NewChannel();
    if (kill == 0) CreateTable(channel);
    ASSERT_TRUE(Upsert(channel, ++revision));
    std::atomic<int> messages{0};
    const int64_t acknowledged = revision;
    const uint64_t id = BackUp(channel, messages);
    ASSERT_NE(id, 0u);
    finished[id] = acknowledged;
    std::vector<uint64_t> ids = List(channel);
    EXPECT_EQ(ids.size(), finished.size());

    // The moment is a number of messages, which are bytes copied, and a little more.
    const int moment = 1 + static_cast<int>(random() % static_cast<uint64_t>(messages.load()));
    const auto delay = std::chrono::microseconds(random() % 3'000);
    ASSERT_TRUE(Upsert(channel, ++revision));
    std::atomic<int> seen{0};
    std::atomic<uint64_t> cut{0};
    std::atomic<bool> ended{false};
    std::thread backup([&] {
      cut = BackUp(server.NewChannel(), seen);
      ended = true;
    });
    while (seen.load() < moment && !ended.load()) std::this_thread::yield();
    std::this_thread::sleep_for(delay);
    server.Kill();
    backup.join();
    if (cut.load() != 0) finished[cut.load()] = revision;
    cut_short += cut.load() == 0 ? 1 : 0;

    std::string output;
    EXPECT_EQ(RunOrdinate({"backup", "verify", "--backup-dir", backup_dir}, &output), 0) << output;
    // A backup whose answer was lost may be there.
    const auto list = ListDescriptions(backup_dir);
    ASSERT_TRUE(list.ok()) << list.status();
    std::set<uint64_t> there;
    for (const BackupDescription& each : list->backups) there.insert(each.id);
    if (there.contains(id + 1)) finished.emplace(id + 1, revision);
    for (const auto& [each, at] : finished) EXPECT_TRUE(there.contains(each)) << each;
    EXPECT_EQ(there.size(), finished.size());
  }
  RecordProperty("cut_short", cut_short);
  for (const auto& [id, at] : finished) {
    if (id % 3 != 0 && id != finished.rbegin()->first) continue;
    const std::string restored = dir.Sub("restored" + std::to_string(id));
    std::string output;
    ASSERT_EQ(RunOrdinate({"restore", "--backup-dir", backup_dir, "--backup", std::to_string(id),
                           "--data-dir", restored},
                          &output),
              0)
        << output;
    ServerProcess server(restored, {});
    EXPECT_EQ(Revisions(server.NewChannel()), std::set<int64_t>{at}) << "backup " << id;
  }
}

// The command's exit codes; and what it leaves when it fails half-way is no data directory.
TEST(BackupCrash, ARestoreThatFailsLeavesNoDataDirectory) {
  const TempDir dir;
  const std::string backup_dir = dir.Sub("backups");
  {
    ServerProcess server(dir.Sub("data"), {"--shards", "2", "--backup-dir", backup_dir});
    CreateTable(server.NewChannel());
    ASSERT_TRUE(Upsert(server.NewChannel(), 1));
    std::atomic<int> messages{0};
    ASSERT_EQ(BackUp(server.NewChannel(), messages), 1u);
  }
  const auto run = [&](std::vector<std::string> arguments, const std::string& expected) {
    std::string output;
    const int code = RunOrdinate(arguments, &output);
    EXPECT_NE(output.find(expected), std::string::npos) << output;
    return code;
  };
  const std::vector<std::string> restore = {
      "restore", "--backup-dir", backup_dir, "--data-dir", dir.Sub("new"), "--output", "json"};
  EXPECT_EQ(
      run({"restore", "--backup-dir", backup_dir, "--backup", "9", "--data-dir", dir.Sub("new")},
          "no backup 9"),
      5);
  EXPECT_EQ(run({"restore", "--backup-dir", dir.Sub("none"), "--data-dir", dir.Sub("new")},
                dir.Sub("none")),
            5);
  EXPECT_FALSE(std::filesystem::exists(dir.Sub("new")));

  std::filesystem::rename(ShardPartPath(backup_dir, 1), dir.Sub("away"));
  EXPECT_EQ(run({"backup", "verify", "--backup-dir", backup_dir}, "shard-0001"), 3);
  EXPECT_NE(run(restore, "is no data directory"), 0);
  EXPECT_TRUE(std::filesystem::exists(dir.Sub("new/shard-0000/rows")));
  EXPECT_EQ(run({"verify", "--data-dir", dir.Sub("new")}, "no data directory"), 5);
  EXPECT_EQ(run({"serve", "--data-dir", dir.Sub("new"), "--listen", "127.0.0.1:0"},
                "not a data directory"),
            1);
  std::filesystem::rename(dir.Sub("away"), ShardPartPath(backup_dir, 1));
  EXPECT_EQ(run(restore, "is not empty"), 5);
  std::filesystem::remove_all(dir.Sub("new"));
  EXPECT_EQ(run(restore, "\"clean\":true"), 0);
  EXPECT_EQ(run({"verify", "--data-dir", dir.Sub("new")}, "everything agrees"), 0);
}

}  // namespace
}  // namespace ordinate
