#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

grpc::Status BackUp(const TestServer& server, uint64_t keep,
                    std::vector<v1::CreateBackupResponse>* parts) {
  v1::CreateBackupRequest request;
  request.set_keep(keep);
  grpc::ClientContext context;
  auto stub = server.admin();
  const auto reader = stub.CreateBackup(&context, request);
  v1::CreateBackupResponse part;
  while (reader->Read(&part)) parts->push_back(part);
  return reader->Finish();
}

grpc::Status List(const TestServer& server, v1::ListBackupsResponse* response) {
  grpc::ClientContext context;
  return server.admin().ListBackups(&context, v1::ListBackupsRequest(), response);
}

grpc::Status Delete(const TestServer& server, uint64_t id) {
  v1::DeleteBackupRequest request;
  request.set_id(id);
  v1::DeleteBackupResponse response;
  grpc::ClientContext context;
  return server.admin().DeleteBackup(&context, request, &response);
}

/// The value of a sample of the server's own metrics, whose first label, if any, is `label`.
double Sample(TestServer& server, const std::string& name, const std::string& label = "") {
  for (const auto& family : server.metrics().registry()->Collect()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      if (!label.empty() && metric.label.at(0).value != label) continue;
      return family.type == prometheus::MetricType::Counter ? metric.counter.value
                                                            : metric.gauge.value;
    }
  }
  ADD_FAILURE() << "there is no " << name << " " << label;
  return 0;
}

TEST(Admin, WithoutADirectoryEveryCallNamesTheFlag) {
  TestServer server;
  std::vector<v1::CreateBackupResponse> parts;
  v1::ListBackupsResponse list;
  for (const grpc::Status& status :
       {BackUp(server, 0, &parts), List(server, &list), Delete(server, 1)}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(),
                AllOf(HasSubstr("--backup-dir"), HasSubstr("ORDINATE_BACKUP_DIR")));
  }
  EXPECT_TRUE(parts.empty());
}

TEST(Admin, ABackupIsMadeWithProgressListedAndDeleted) {
  TestServer server({}, {}, /*backups=*/true);
  FillPoints(server, 20);
  std::vector<v1::CreateBackupResponse> parts;
  const grpc::Status made = BackUp(server, 0, &parts);
  ASSERT_TRUE(made.ok()) << made.error_message();
  std::vector<std::string> names;
  for (const v1::CreateBackupResponse& part : parts) {
    if (!part.has_progress()) continue;
    EXPECT_EQ(part.progress().parts(), 3u);
    EXPECT_EQ(part.progress().parts_done(), names.size());
    names.push_back(part.progress().part());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"shard-0000", "shard-0001", "catalog"}));
  ASSERT_EQ(parts.size(), 4u);
  const v1::Backup& backup = parts.back().backup();
  EXPECT_EQ(backup.id(), 1u);
  EXPECT_GT(backup.time().seconds(), 1'700'000'000);
  EXPECT_EQ(backup.shards_size(), 2);
  EXPECT_EQ(backup.shards(0).sequence(), 1u);
  EXPECT_GT(backup.catalog().sequence(), 0u);
  EXPECT_EQ(backup.bytes(),
            backup.shards(0).bytes() + backup.shards(1).bytes() + backup.catalog().bytes());
  EXPECT_EQ(backup.new_bytes(), backup.bytes());

  v1::ListBackupsResponse list;
  ASSERT_TRUE(List(server, &list).ok());
  ASSERT_EQ(list.backups_size(), 1);
  EXPECT_EQ(list.backups(0).SerializeAsString(), backup.SerializeAsString());
  EXPECT_TRUE(BackUp(server, 1, &parts).ok());
  ASSERT_TRUE(List(server, &(list = v1::ListBackupsResponse())).ok());
  ASSERT_EQ(list.backups_size(), 1);
  EXPECT_EQ(list.backups(0).id(), 2u);

  EXPECT_EQ(Delete(server, 0).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Delete(server, 1).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Delete(server, 2).ok());
  ASSERT_TRUE(List(server, &(list = v1::ListBackupsResponse())).ok());
  EXPECT_EQ(list.backups_size(), 0);
}

TEST(Admin, BackupsAreCounted) {
  TestServer server({}, {}, /*backups=*/true);
  EXPECT_EQ(Sample(server, "ordinate_backup_last_time_seconds"), 0);
  std::vector<v1::CreateBackupResponse> parts;
  ASSERT_TRUE(BackUp(server, 0, &parts).ok());
  EXPECT_EQ(Sample(server, "ordinate_backups_total", "ok"), 1);
  EXPECT_EQ(Sample(server, "ordinate_backups_total", "failed"), 0);
  EXPECT_EQ(Sample(server, "ordinate_backup_last_bytes"),
            static_cast<double>(parts.back().backup().bytes()));
  EXPECT_NEAR(Sample(server, "ordinate_backup_last_time_seconds"),
              static_cast<double>(parts.back().backup().time().seconds()), 1);
}

// A caller that goes away takes its backup with it.
TEST(Admin, ACancelledBackupIsNotThere) {
  TestServer server({}, {}, /*backups=*/true);
  FillPoints(server, 20);
  {
    grpc::ClientContext context;
    context.TryCancel();
    auto stub = server.admin();
    const auto reader = stub.CreateBackup(&context, v1::CreateBackupRequest());
    v1::CreateBackupResponse part;
    while (reader->Read(&part)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  v1::ListBackupsResponse list;
  ASSERT_TRUE(List(server, &list).ok());
  EXPECT_EQ(list.backups_size(), 0);
}

}  // namespace
}  // namespace ordinate
