#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "storage/catalog/catalog.h"
#include "storage/rocks/rocks_backup.h"
#include "tests/storage/shard_fixture.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// Cells of a row at a revision: over the size from which they are kept in blob files, or under.
std::string Cells(RowId row, uint64_t revision) {
  return Concat(revision, ":",
                std::string(row % 2 == 0 ? 20 : 1'000, static_cast<char>('a' + row % 26)));
}

class BackupTest : public ShardFixture {
 protected:
  void WriteRows(RowId first, RowId last, uint64_t revision) {
    std::vector<Mutation> mutations;
    for (RowId row = first; row < last; ++row)
      mutations.push_back(Upsert(1, row, Cells(row, revision)));
    Write(std::move(mutations));
  }

  StoreBackup BackUp() {
    const auto made = rows().BackUp({.directory = backups()});
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : StoreBackup();
  }

  /// Opens what the backup restores to in place of the store.
  void OpenRestored(uint32_t id) {
    Close();
    fs::remove_all(path());
    ASSERT_EQ(RestoreStoreBackup(backups(), id, path()), absl::OkStatus());
    Reopen(StoreMode::kExisting);
    ASSERT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
  }

  void ExpectRows(RowId first, RowId last, uint64_t revision) {
    for (RowId row = first; row < last; ++row) EXPECT_EQ(CellsAt(1, row), Cells(row, revision));
  }

  std::string backups() const { return directory_.Sub("backups/of/shard"); }

  /// Bytes of all files there.
  uint64_t BackupBytes() const {
    uint64_t bytes = 0;
    for (const auto& file : fs::recursive_directory_iterator(backups())) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  }
};

TEST_F(BackupTest, RestoresToWhatItWas) {
  WriteRows(0, 50, 1);
  Reopen();  // writes table and blob files
  WriteRows(20, 60, 2);
  Write({Delete(1, 3)});
  ASSERT_EQ(rows().AddDisplaced(1, "key", 77), absl::OkStatus());
  const LogRecord logged{.seq = log().last_seq() + 1, .mutations = {Upsert(1, 1'000, "logged")}};
  ASSERT_EQ(log().Append({&logged, 1}), absl::OkStatus());
  const StoreBackup made = BackUp();
  EXPECT_EQ(made.sequence, logged.seq);
  EXPECT_EQ(made.bytes, made.new_bytes);
  WriteRows(0, 60, 3);

  OpenRestored(made.id);
  EXPECT_EQ(log().last_seq(), logged.seq);
  EXPECT_EQ(rows().applied_seq(), logged.seq - 1);
  EXPECT_EQ(CellsAt(1, 3), "-");
  ExpectRows(0, 3, 1);
  ExpectRows(4, 20, 1);
  ExpectRows(20, 60, 2);
  EXPECT_EQ(*rows().CountRows(nullptr, 1), 59u);
  EXPECT_THAT(*rows().ReadDisplaced(1),
              ::testing::ElementsAre(std::pair<std::string, RowId>("key", 77)));
  int records = 0;
  ASSERT_EQ(log().Read(logged.seq,
                       [&](const LogRecord& record) {
                         records += record == logged;
                         return absl::OkStatus();
                       }),
            absl::OkStatus());
  EXPECT_EQ(records, 1);
  // It takes writes, and is backed up again beside the others.
  EXPECT_EQ(Apply({logged}), absl::OkStatus());
  WriteRows(0, 10, 9);
  OpenRestored(BackUp().id);
  ExpectRows(0, 10, 9);
}

TEST_F(BackupTest, AFurtherOneCopiesWhatIsNew) {
  WriteRows(0, 2'000, 1);
  Reopen();
  const StoreBackup first = BackUp();
  const uint64_t held = BackupBytes();
  EXPECT_GE(first.bytes, 1'000'000u);
  WriteRows(0, 10, 2);
  const StoreBackup second = BackUp();
  EXPECT_NE(second.id, first.id);
  EXPECT_GE(second.bytes, 1'000'000u);
  EXPECT_LT(second.new_bytes, 100'000u);
  EXPECT_LT(BackupBytes() - held, 110'000u);
  OpenRestored(first.id);
  ExpectRows(0, 2'000, 1);
  OpenRestored(second.id);
  ExpectRows(0, 10, 2);
  ExpectRows(10, 2'000, 1);
}

TEST_F(BackupTest, ThoseNotKeptAreGoneWithTheirFiles) {
  WriteRows(0, 2'000, 1);
  Reopen();
  const StoreBackup first = BackUp();
  Write({Delete(1, 1)});
  const StoreBackup second = BackUp();
  ASSERT_EQ(KeepStoreBackups(backups(), {second.id}), absl::OkStatus());
  EXPECT_TRUE(absl::IsDataLoss(VerifyStoreBackup(backups(), first.id)));
  EXPECT_EQ(VerifyStoreBackup(backups(), second.id), absl::OkStatus());
  EXPECT_GE(BackupBytes(), 1'000'000u);
  ASSERT_EQ(KeepStoreBackups(backups(), {}), absl::OkStatus());
  EXPECT_LT(BackupBytes(), 1'000u);
  EXPECT_EQ(KeepStoreBackups(directory_.Sub("none"), {}), absl::OkStatus());
  EXPECT_FALSE(fs::exists(directory_.Sub("none")));
}

// Whatever file of a backup is damaged, cut or gone: it is named, and nothing is restored from it.
TEST_F(BackupTest, DamageIsNamed) {
  WriteRows(0, 50, 1);
  Reopen();
  WriteRows(0, 5, 2);
  const StoreBackup made = BackUp();
  fs::copy(backups(), directory_.Sub("good"), fs::copy_options::recursive);
  std::vector<std::string> files;
  for (const auto& file : fs::recursive_directory_iterator(backups())) {
    if (file.is_regular_file() && file.file_size() > 0) {
      files.push_back(fs::relative(file.path(), backups()).string());
    }
  }
  ASSERT_GE(files.size(), 6u);
  for (const std::string& file : files) {
    for (const char* damage : {"flip", "cut", "remove"}) {
      SCOPED_TRACE(Concat(damage, " ", file));
      fs::remove_all(backups());
      fs::copy(directory_.Sub("good"), backups(), fs::copy_options::recursive);
      const std::string path = Concat(backups(), "/", file);
      const uint64_t size = fs::file_size(path);
      if (damage == std::string("flip")) {
        std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
        bytes.seekg(static_cast<std::streamoff>(size / 2));
        const int byte = bytes.get();
        bytes.seekp(static_cast<std::streamoff>(size / 2));
        bytes.put(static_cast<char>(byte ^ 1));
      } else if (damage == std::string("cut")) {
        fs::resize_file(path, size - 1);
      } else {
        fs::remove(path);
      }
      const std::string name = fs::path(file).filename().string();
      const absl::Status verified = VerifyStoreBackup(backups(), made.id);
      const absl::Status restored =
          RestoreStoreBackup(backups(), made.id, directory_.Sub("restored"));
      if (file.starts_with("meta/")) {
        // Text, of which a flipped bit may change what is not needed; then the rest is sound.
        if (verified.ok() && restored.ok()) continue;
        EXPECT_TRUE(absl::IsDataLoss(verified)) << verified;
        continue;
      }
      EXPECT_TRUE(absl::IsDataLoss(verified)) << verified;
      EXPECT_THAT(std::string(verified.message()), HasSubstr(name));
      EXPECT_FALSE(restored.ok());
      EXPECT_THAT(std::string(restored.message()), HasSubstr(name));
    }
  }
}

TEST_F(BackupTest, ADamagedStoreIsNotBackedUpInSilence) {
  WriteRows(0, 2'000, 1);
  Reopen();
  for (const auto& file : fs::directory_iterator(path())) {
    if (file.path().extension() != ".blob") continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(file.file_size() / 2));
    bytes.put('~');
  }
  const auto made = rows().BackUp({.directory = backups()});
  EXPECT_TRUE(absl::IsDataLoss(made.status())) << made.status();
}

TEST_F(BackupTest, AnErrorOfItsProgressEndsIt) {
  WriteRows(0, 6'000, 1);
  Reopen();
  std::atomic<int> told{0};
  const auto cancel = [&](uint64_t bytes) {
    EXPECT_GT(bytes, 0u);
    return ++told == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(rows().BackUp({.directory = backups(), .progress = cancel}).status(),
            absl::CancelledError("enough"));
  EXPECT_EQ(told.load(), 2);
  ASSERT_EQ(KeepStoreBackups(backups(), {}), absl::OkStatus());
  EXPECT_LT(BackupBytes(), 1'000u);
  OpenRestored(BackUp().id);
  ExpectRows(0, 6'000, 1);
}

// Each backup has every write acknowledged before it began, and of later ones whole records.
TEST_F(BackupTest, TakenWhileWritesGoOn) {
  constexpr RowId kRecordRows = 5;
  std::vector<StoreBackup> made;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (uint64_t revision = 1; !stop.load(); ++revision) {
      std::vector<Mutation> mutations;
      for (RowId row = 0; row < kRecordRows; ++row) {
        mutations.push_back(Upsert(1, row, Cells(row, revision)));
      }
      Write(std::move(mutations));
    }
  });
  for (int i = 0; i < 5; ++i) {
    while (log().last_seq() < static_cast<uint64_t>(i + 1) * 20) std::this_thread::yield();
    made.push_back(BackUp());
    EXPECT_GE(made.back().sequence, static_cast<uint64_t>(i + 1) * 20);
  }
  stop = true;
  writer.join();
  for (const StoreBackup& backup : made) {
    OpenRestored(backup.id);
    EXPECT_GE(log().last_seq(), backup.sequence);
    EXPECT_GE(rows().applied_seq() + 1, log().last_seq());
    ExpectRows(0, kRecordRows, rows().applied_seq());
  }
}

TEST(CatalogBackup, RestoresToWhatItWas) {
  const TempDir dir;
  StoreBackup made;
  {
    const auto catalog = OpenRocksCatalog(dir.Sub("catalog"), StoreMode::kCreate);
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    ASSERT_TRUE((*catalog)->Put("a", "one", 0).ok());
    ASSERT_TRUE((*catalog)->Put("b", "two", 0).ok());
    const auto backup = (*catalog)->BackUp({.directory = dir.Sub("backups")});
    ASSERT_TRUE(backup.ok()) << backup.status();
    made = *backup;
    ASSERT_TRUE((*catalog)->Put("c", "three", 0).ok());
  }
  EXPECT_EQ(made.sequence, 2u);
  ASSERT_EQ(RestoreStoreBackup(dir.Sub("backups"), made.id, dir.Sub("new")), absl::OkStatus());
  const auto catalog = OpenRocksCatalog(dir.Sub("new"), StoreMode::kExisting);
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const auto entries = (*catalog)->List("");
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].value, "two");
  EXPECT_TRUE((*catalog)->Put("c", "again", 0).ok());
}

}  // namespace
}  // namespace ordinate
