#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/backup/backup_fixture.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

uint64_t BytesBelow(const std::string& path) {
  uint64_t bytes = 0;
  for (const auto& file : fs::recursive_directory_iterator(path)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return bytes;
}

/// A string key and a column of every other type.
TableDef Kinds() {
  TableDef table{.name = "kinds", .key = {0}};
  table.columns = {
      {.name = "name", .role = ColumnRole::kKey, .type = DataType::kString, .nullable = false},
      {.name = "yes", .type = DataType::kBool},
      {.name = "whole", .type = DataType::kInt64},
      {.name = "real", .type = DataType::kDouble},
      {.name = "text", .type = DataType::kString},
      {.name = "at", .type = DataType::kTimestamp},
      {.name = "v", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 2},
      {.name = "raw", .role = ColumnRole::kPayload, .type = DataType::kBytes},
      {.name = "doc", .role = ColumnRole::kPayload, .type = DataType::kJson}};
  return table;
}

std::vector<Value> Kind(int i) {
  std::vector<Value> cells(9);
  cells[0] = "name " + std::to_string(i);
  if (i % 5 == 0) return cells;  // the rest NULL
  cells[1] = i % 2 == 0;
  cells[2] = int64_t{i} - 50;
  cells[3] = i * 0.1;
  cells[4] = std::string(static_cast<size_t>(i), 'x') + "\n";
  cells[5] = Timestamp{i * 1'000'003};
  cells[6] = Vector{static_cast<float>(i), -1.5F};
  cells[7] = std::string("\0\xff", 2) + std::string(static_cast<size_t>(i) * 20, 'b');
  cells[8] = std::string(R"({"i": )") + std::to_string(i) + "}";
  return cells;
}

uint64_t FourHashes(std::string_view key) { return DefaultKeyHash(key) % 4; }

class BackupsTest : public BackupFixture {
 protected:
  /// Three tables with rows, one of them with indexes.
  void Fill() {
    CreateTable(Kinds());
    CreateTable(Plain("plain"));
    TableDef notes{.name = "notes"};
    notes.columns = {{.name = "text", .type = DataType::kString}};
    CreateTable(notes);
    std::vector<std::vector<Value>> kinds, plain, texts;
    for (int i = 1; i <= 100; ++i) {
      kinds.push_back(Kind(i));
      plain.push_back({int64_t{i}, int64_t{1}});
      texts.push_back({"note " + std::to_string(i)});
    }
    Upsert("kinds", kinds);
    Upsert("plain", plain);
    Upsert("notes", texts);
    for (const FreshnessMode mode : {FreshnessMode::kImmediate, FreshnessMode::kRebuildOnly}) {
      IndexDef index{.name = mode == FreshnessMode::kImmediate ? "now" : "later"};
      index.engine = Engine::kFlat;
      index.mode = mode;
      const auto created = front().CreateIndex("kinds", "v", index);
      ASSERT_TRUE(created.ok()) << created.status();
      WaitForIndex(index.name);
    }
    Upsert("kinds", {Kind(101), Kind(102)});
    ASSERT_TRUE(front().Delete("plain", {{.cells = {int64_t{7}}}}, context_).ok());
  }

  std::vector<std::string> Nearest(const std::string& index) {
    QueryRequest request{.table = "kinds", .column = "v", .vector = {102, -1.5F}, .limit = 3};
    request.index = index;
    request.columns = {"name"};
    const auto found = front().Query(request, context_);
    EXPECT_TRUE(found.ok()) << found.status();
    std::vector<std::string> names;
    if (!found.ok()) return names;
    for (const Row& row : found->rows) names.push_back(std::get<std::string>(row.cells[0]));
    return names;
  }
};

TEST_F(BackupsTest, ARestoredServerIsTheOneThatWasBackedUp) {
  Open("data");
  Fill();
  const auto rows = AllRows();
  const auto tables = front().definitions()->tables;
  const auto indexes = front().definitions()->indexes;
  const BackupDescription backup = BackUp();
  EXPECT_EQ(backup.id, 1u);
  EXPECT_EQ(backup.shards.size(), kShards);
  EXPECT_EQ(backup.bytes(), backup.new_bytes());
  for (uint32_t i = 0; i < kShards; ++i) {
    EXPECT_EQ(backup.shards[i].sequence, server_->shards()[i]->GetWatermarks().durable);
  }
  // What comes later is not in it.
  CreateTable(Plain("later"));
  Upsert("later", {{int64_t{1}, int64_t{1}}});
  Upsert("kinds", {Kind(103)});
  ASSERT_EQ(front().DropTable("plain"), absl::OkStatus());
  ASSERT_EQ(front().DropIndex("later"), absl::OkStatus());

  ASSERT_EQ(Restore(backup, "restored"), absl::OkStatus());
  Open("restored");
  EXPECT_EQ(front().definitions()->tables, tables);
  EXPECT_EQ(front().definitions()->indexes, indexes);
  EXPECT_EQ(AllRows(), rows);
  for (const char* index : {"now", "later"}) {
    WaitForIndex(index);
    EXPECT_THAT(Nearest(index), ElementsAre("name 102", "name 101", "name 99")) << index;
  }
  // Row ids go on where they were, and a table made anew gets an id of its own.
  UpsertInput note{.table = "notes", .rows = {{.cells = {std::string("new")}}}};
  const auto written = front().Upsert(note, context_);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_FALSE(rows.at("notes").contains(written->row_ids.at(0)));
  CreateTable(Plain("another"));
  EXPECT_THAT(Rows("another"), IsEmpty());
  // It is backed up into the same directory.
  const auto now = AllRows();
  const BackupDescription next = BackUp();
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
  ASSERT_EQ(Restore(next, "again"), absl::OkStatus());
  Open("again");
  EXPECT_EQ(AllRows(), now);
}

// Keys of one hash are kept apart by ids that are a matter of which came first.
TEST_F(BackupsTest, DisplacedKeysKeepTheirIds) {
  key_hash_ = &FourHashes;
  Open("data");
  Fill();
  const auto rows = AllRows();
  ASSERT_EQ(Restore(BackUp(), "restored"), absl::OkStatus());
  Open("restored");
  EXPECT_EQ(AllRows(), rows);
  Upsert("kinds", {Kind(50), Kind(101)});
  EXPECT_EQ(Rows("kinds").size(), rows.at("kinds").size());
}

TEST_F(BackupsTest, AFurtherOneCostsWhatChanged) {
  Open("data");
  CreateTable(Kinds());
  std::vector<std::vector<Value>> rows;
  for (int i = 0; i < 3'000; ++i) {
    rows.push_back(Kind(1 + i % 99));
    rows.back()[0] = "row " + std::to_string(i);
  }
  Upsert("kinds", rows);
  Open("data");  // into table files
  const BackupDescription first = BackUp();
  const uint64_t held = BytesBelow(backup_dir());
  ASSERT_GT(first.bytes(), 1'000'000u);
  Upsert("kinds", {Kind(1), Kind(2)});
  const BackupDescription second = BackUp();
  EXPECT_GT(second.bytes(), first.bytes() / 2);
  EXPECT_LT(second.new_bytes(), first.bytes() / 5);
  EXPECT_LT(BytesBelow(backup_dir()) - held, first.bytes() / 5);
}

TEST_F(BackupsTest, TheNewestAreKeptAndAnyCanBeDeleted) {
  Open("data");
  CreateTable(Plain("plain"));
  std::vector<std::map<RowId, std::string>> rows(1);
  std::vector<BackupDescription> made(1);
  for (int64_t i = 1; i <= 4; ++i) {
    Upsert("plain", {{i, i}, {int64_t{0}, i}});
    rows.push_back(Rows("plain"));
    made.push_back(BackUp(/*keep=*/i == 1 ? 0 : 3));
  }
  EXPECT_THAT(Ids(), ElementsAre(2, 3, 4));
  EXPECT_EQ(backups().Delete(3), absl::OkStatus());
  EXPECT_THAT(Ids(), ElementsAre(2, 4));
  EXPECT_EQ(backups().Delete(3).code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Restore(made[3], "gone").ok());
  for (const size_t i : {2, 4}) {
    EXPECT_THAT(VerifyBackup(backup_dir(), made[i], nullptr), IsEmpty());
    ASSERT_EQ(Restore(made[i], "restored " + std::to_string(i)), absl::OkStatus());
  }
  for (const size_t i : {2, 4}) {
    Open("restored " + std::to_string(i));
    EXPECT_EQ(Rows("plain"), rows[i]);
  }
}

TEST_F(BackupsTest, OneThatEndsEarlyLeavesNothing) {
  Open("data");
  Fill();
  BackUp();
  const uint64_t held = BytesBelow(backup_dir());
  for (uint32_t parts = 0; parts <= kShards; ++parts) {
    const auto cancel = [parts](const BackupProgress& progress) {
      EXPECT_EQ(progress.parts, kShards + 1);
      return progress.parts_done == parts ? absl::CancelledError("enough") : absl::OkStatus();
    };
    EXPECT_EQ(backups().Create(1, context_, cancel).status(), absl::CancelledError("enough"));
    EXPECT_THAT(Ids(), ElementsAre(1));
    EXPECT_EQ(BytesBelow(backup_dir()), held);
  }
  CallContext cancelled;
  cancelled.Cancel();
  EXPECT_EQ(backups().Create(0, cancelled, nullptr).status().code(), absl::StatusCode::kCancelled);
  BackUp();
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
}

// As if the process had ended before the description was written.
TEST_F(BackupsTest, PartsThatNoDescriptionNamesGoWithTheNext) {
  Open("data");
  Fill();
  const BackupDescription first = BackUp();
  const BackupDescription lost = BackUp();
  fs::remove(DescriptionPath(backup_dir(), lost.id));
  EXPECT_THAT(VerifyBackup(backup_dir(), lost, nullptr), IsEmpty());
  const BackupDescription next = BackUp();
  EXPECT_EQ(next.id, 2u);
  for (uint32_t i = 0; i < kShards; ++i) {
    const std::string backups_of = ShardPartPath(backup_dir(), i) + "/private";
    size_t kept = 0;
    for (const auto& entry : fs::directory_iterator(backups_of)) kept += entry.is_directory();
    EXPECT_EQ(kept, 2u) << backups_of;
  }
  ASSERT_EQ(Restore(first, "first"), absl::OkStatus());
  ASSERT_EQ(Restore(next, "next"), absl::OkStatus());
}

TEST_F(BackupsTest, OneAtATime) {
  Open("data");
  CreateTable(Plain("plain"));
  BackUp();
  absl::Status create, remove;
  const auto during = [&](const BackupProgress& progress) {
    if (progress.parts_done == 1) {
      create = backups().Create(0, context_, nullptr).status();
      remove = backups().Delete(1);
    }
    return absl::OkStatus();
  };
  EXPECT_TRUE(backups().Create(0, context_, during).ok());
  EXPECT_EQ(create.code(), absl::StatusCode::kAborted) << create;
  EXPECT_EQ(remove.code(), absl::StatusCode::kAborted) << remove;
  EXPECT_THAT(Ids(), ElementsAre(1, 2));
}

TEST_F(BackupsTest, ADamagedDescriptionIsToldOfAndItsFilesStay) {
  Open("data");
  Fill();
  BackUp();
  const BackupDescription second = BackUp();
  const std::string path = DescriptionPath(backup_dir(), 2);
  std::string text;
  {
    std::ifstream file(path);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  const size_t digit = text.find("\"sequence\": ") + 12;
  text[digit] = text[digit] == '9' ? '8' : static_cast<char>(text[digit] + 1);
  std::ofstream(path) << text;
  const auto list = backups().List();
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(Ids(), ElementsAre(1));
  EXPECT_THAT(list->unreadable, ElementsAre(2));
  EXPECT_THAT(list->problems, ElementsAre(HasSubstr(path)));
  EXPECT_EQ(BackUp(/*keep=*/2).id, 3u);
  EXPECT_THAT(VerifyBackup(backup_dir(), second, nullptr), IsEmpty());
  ASSERT_EQ(backups().Delete(2), absl::OkStatus());
  EXPECT_THAT(VerifyBackup(backup_dir(), second, nullptr), testing::SizeIs(kShards + 1));
  EXPECT_THAT(backups().List()->problems, IsEmpty());
}

TEST_F(BackupsTest, DamageOfAPartIsFoundAndNotRestored) {
  Open("data");
  Fill();
  const BackupDescription backup = BackUp();
  std::string damaged;
  for (const auto& file :
       fs::recursive_directory_iterator(ShardPartPath(backup_dir(), 1) + "/private")) {
    if (file.path().extension() == ".log" && file.file_size() > 0) damaged = file.path().string();
  }
  ASSERT_NE(damaged, "");
  std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(10);
  const int byte = file.get();
  file.seekp(10);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  EXPECT_THAT(VerifyBackup(backup_dir(), backup, nullptr), ElementsAre(HasSubstr(damaged)));
  const absl::Status restored = Restore(backup, "restored");
  EXPECT_EQ(restored.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(restored), HasSubstr(damaged));
  // What was cut short is no data directory, for nobody, and is not restored into again.
  EXPECT_EQ(TryOpen("restored").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DataDirectory::OpenExisting(dir_.Sub("restored")).status().code(),
            absl::StatusCode::kNotFound);
  const absl::Status again = Restore(backup, "restored");
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(again), HasSubstr("not empty"));
}

TEST_F(BackupsTest, NothingIsRestoredIntoADataDirectory) {
  Open("data");
  Fill();
  const BackupDescription backup = BackUp();
  const auto rows = AllRows();
  EXPECT_EQ(Restore(backup, "data").code(), absl::StatusCode::kFailedPrecondition);
  server_.reset();
  EXPECT_EQ(Restore(backup, "data").code(), absl::StatusCode::kFailedPrecondition);
  Open("data");
  EXPECT_EQ(AllRows(), rows);
}

TEST_F(BackupsTest, TheirDirectoryIsApartFromTheData) {
  Open("data");
  const auto refused = [&](const std::string& backup_dir) {
    StandaloneOptions options;
    options.data_dir = dir_.Sub("other");
    options.backup_dir = backup_dir;
    options.shards = 1;
    const absl::Status status = Standalone::Open(options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << backup_dir;
    EXPECT_THAT(Message(status), AllOf(HasSubstr("--backup-dir"), HasSubstr(backup_dir)));
  };
  refused(dir_.Sub("other"));
  refused(dir_.Sub("other/backups"));
  refused(dir_.Sub("data/../other/backups"));
  refused(dir_.path());
  refused(dir_.Sub("data"));
}

}  // namespace
}  // namespace ordinate
