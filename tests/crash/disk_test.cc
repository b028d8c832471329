#include <sched.h>
#include <sys/mount.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
constexpr int64_t kRowsPerWrite = 100;

/// A small disk of its own, mounted where nothing but this process and its children sees it.
class DiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=24m") != 0) {
      GTEST_SKIP() << "mounting a disk takes root's rights";
    }
    mounted_ = true;
  }
  ~DiskTest() override {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  void Remount(unsigned long flags, const char* options) {
    ASSERT_EQ(::mount("tmpfs", dir_.path().c_str(), "tmpfs", MS_REMOUNT | flags, options), 0);
  }
  std::string data_dir() const { return dir_.Sub("data"); }

  static void CreateTable(const ServerProcess& server) {
    v1::CreateTableRequest request;
    request.mutable_table()->set_name("t");
    v1::Column& id = *request.mutable_table()->add_columns();
    id.set_name("id");
    id.set_role(v1::COLUMN_ROLE_KEY);
    id.set_type(v1::DATA_TYPE_INT64);
    v1::Column& data = *request.mutable_table()->add_columns();
    data.set_name("data");
    data.set_role(v1::COLUMN_ROLE_PAYLOAD);
    data.set_type(v1::DATA_TYPE_BYTES);
    grpc::ClientContext call;
    v1::CreateTableResponse response;
    const grpc::Status status =
        v1::TableService::NewStub(server.NewChannel())->CreateTable(&call, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  static grpc::Status Upsert(v1::RowService::Stub& rows, int64_t first, int64_t count) {
    v1::UpsertRequest request;
    request.set_table("t");
    for (int64_t id = first; id < first + count; ++id) {
      auto& cells = *request.add_rows()->mutable_cells();
      cells["id"].set_int64_value(id);
      std::string data(1'000, 0);  // that no compression makes shorter
      uint64_t state = static_cast<uint64_t>(id) + 1;
      for (char& byte : data) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        byte = static_cast<char>(state >> 56);
      }
      cells["data"].set_bytes_value(data);
    }
    grpc::ClientContext call;
    v1::UpsertResponse response;
    return rows.Upsert(&call, request, &response);
  }
  static int64_t Count(v1::RowService::Stub& rows) {
    grpc::ClientContext call;
    v1::CountRequest request;
    request.set_table("t");
    v1::CountResponse response;
    const grpc::Status status = rows.Count(&call, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return status.ok() ? static_cast<int64_t>(response.count()) : -1;
  }

  TempDir dir_;
  bool mounted_ = false;
};

// contracts 8 and 9: no input ends the process, and no acknowledged write is lost.
TEST_F(DiskTest, AFullOneEndsWritesButNeitherReadsNorTheServer) {
  int64_t acknowledged = 0;
  {
    ServerProcess server(data_dir(), {"--shards", "1", "--disk-reserve-bytes", "0"});
    CreateTable(server);
    auto rows = v1::RowService::NewStub(server.NewChannel());
    grpc::Status status;
    while ((status = Upsert(*rows, acknowledged, kRowsPerWrite)).ok()) {
      acknowledged += kRowsPerWrite;
    }
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("free space on that disk"));
    for (int i = 0; i < 3; ++i) {
      status = Upsert(*rows, acknowledged, 1);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
      EXPECT_THAT(status.error_message(), HasSubstr("takes no writes"));
      EXPECT_THAT(status.error_message(), HasSubstr("restart the server"));
      EXPECT_EQ(Count(*rows), acknowledged);
    }
    EXPECT_EQ(server.Terminate(), 0);
  }
  Remount(0, "size=200m");
  ServerProcess server(data_dir(), {"--disk-reserve-bytes", "0"});
  auto rows = v1::RowService::NewStub(server.NewChannel());
  // What was refused may have become durable all the same (contract 5.1).
  EXPECT_GE(Count(*rows), acknowledged);
  EXPECT_LE(Count(*rows), acknowledged + kRowsPerWrite + 1);
  const grpc::Status written = Upsert(*rows, acknowledged + 2 * kRowsPerWrite, kRowsPerWrite);
  EXPECT_TRUE(written.ok()) << written.error_message();
  EXPECT_EQ(server.Terminate(), 0);
  std::string output;
  EXPECT_EQ(RunOrdinate({"verify", "--data-dir", data_dir()}, &output), 0) << output;
}

// The reserve is met before a write fails, so nothing has to be restarted.
TEST_F(DiskTest, WritesWaitForSpaceWhileReadsGoOn) {
  ServerProcess server(data_dir(), {"--shards", "1", "--disk-reserve-bytes", "10000000"});
  CreateTable(server);
  auto rows = v1::RowService::NewStub(server.NewChannel());
  int64_t acknowledged = 0;
  grpc::Status status;
  while ((status = Upsert(*rows, acknowledged, kRowsPerWrite)).ok()) acknowledged += kRowsPerWrite;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("--disk-reserve-bytes"));
    EXPECT_EQ(Count(*rows), acknowledged);
    status = Upsert(*rows, acknowledged, 1);
  }
  Remount(0, "size=200m");
  status = Upsert(*rows, acknowledged, kRowsPerWrite);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Count(*rows), acknowledged + kRowsPerWrite);
  EXPECT_EQ(server.Terminate(), 0);
}

TEST_F(DiskTest, AReadOnlyCopyIsVerified) {
  {
    ServerProcess server(data_dir(), {"--shards", "2", "--disk-reserve-bytes", "0"});
    CreateTable(server);
    auto rows = v1::RowService::NewStub(server.NewChannel());
    ASSERT_TRUE(Upsert(*rows, 0, kRowsPerWrite).ok());
    ASSERT_EQ(server.Terminate(), 0);
  }
  for (const bool with_lock_file : {true, false}) {
    SCOPED_TRACE(with_lock_file);
    if (!with_lock_file) std::filesystem::remove(data_dir() + "/LOCK");
    Remount(MS_RDONLY, "");
    std::string output;
    EXPECT_EQ(RunOrdinate({"verify", "--data-dir", data_dir()}, &output), 0) << output;
    EXPECT_THAT(output, HasSubstr("everything agrees"));
    EXPECT_EQ(RunOrdinate({"serve", "--data-dir", data_dir(), "--listen", "127.0.0.1:0"}, &output),
              1);
    EXPECT_THAT(output, HasSubstr("must be writable"));
    Remount(0, "");
  }
}

}  // namespace
}  // namespace ordinate
