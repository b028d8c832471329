// A store whose disk refuses a call. RocksDB, as Debian builds it, has its assertions: it must not
// be led to where they end the process.
#include <rocksdb/db.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <random>

#include "gmock/gmock.h"
#include "storage/rocks/rocks_backup.h"
#include "storage/rocks/rocks_disk.h"
#include "storage/rows/table_removal.h"
#include "tests/storage/shard_fixture.h"
#include "tests/support/memory_dir.h"
#include "tests/support/power_loss.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

/// Refuses some of the calls that are of a kind.
class RefusingDisk final : public DiskWatcher {
 public:
  using Which = std::function<bool(const DiskCall&)>;
  /// `below` sees what is let through.
  RefusingDisk(Which which, int error, DiskWatcher* below = nullptr)
      : which_(std::move(which)), error_(error), below_(below) {}

  /// `calls` of them, after as many as `first` were let through.
  void Refuse(int calls, int first = 0) {
    calls_ = calls;
    first_ = first;
    seen_ = 0;
  }
  int refused() const { return std::max(0, std::min(seen_ - first_, calls_.load())); }

  int Before(const DiskCall& call) override {
    if (which_(call)) {
      const int number = seen_++;
      if (number >= first_ && number < first_ + calls_) return error_;
    }
    return below_ != nullptr ? below_->Before(call) : 0;
  }
  void After(const DiskCall& call) override {
    if (below_ != nullptr) below_->After(call);
  }

 private:
  const Which which_;
  const int error_;
  DiskWatcher* const below_;
  std::atomic<int> calls_{0};
  std::atomic<int> first_{0};
  std::atomic<int> seen_{0};
};

RefusingDisk::Which Calls(DiskCall::Kind kind, std::string ending) {
  return [kind, ending = std::move(ending)](const DiskCall& call) {
    return call.kind == kind && call.path.ends_with(ending);
  };
}

/// The database of a shard, with small buffers.
void OpenSmall(ShardDb& shard, const std::string& path) {
  rocksdb::ColumnFamilyOptions small = BaseFamilyOptions(BaseTableOptions());
  small.write_buffer_size = 64 << 10;
  const std::vector<RocksDb::Family> families = {
      {"rows", small}, {"changes", small}, {"log", small}, {"meta", small}};
  auto opened = RocksDb::Open(path, families, StoreMode::kCreate,
                              [](std::unique_ptr<RocksDb>) { return absl::OkStatus(); });
  ASSERT_TRUE(opened.ok()) << opened.status();
  shard.rocks = *std::move(opened);
}

class FailingStore : public ShardFixture {
 protected:
  /// The store as it is after this call is refused: it reads, and takes nothing until it is opened
  /// anew.
  void CheckThatNoWriteFollows(DiskCall::Kind kind, int error, bool rows_in_memory) {
    Close();
    RefusingDisk disk(Calls(kind, ".log"), error);
    const WatchedDisk watched(disk);
    Reopen();
    if (rows_in_memory) Write({Upsert(1, 1, "a")});
    disk.Refuse(1);
    const absl::Status refused = rows().AddDisplaced(1, "key", 77);
    EXPECT_EQ(refused.code(),
              error == ENOSPC ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal)
        << refused;
    EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("the server is restarted"));
    // RocksDB finds space on the disk at once, and would go on by itself.
    int others = 0;
    for (int i = 0; i < 50'000; ++i) {
      if (!absl::IsFailedPrecondition(rows().AddDisplaced(1, "key", 77))) ++others;
    }
    EXPECT_EQ(others, 0);
    EXPECT_EQ(CellsAt(1, 1), rows_in_memory ? "a" : "-");
    EXPECT_TRUE(rows().ReadDisplaced(1)->empty()) << "what was refused is read";
    EXPECT_EQ(disk.refused(), 1);
    Reopen();
    EXPECT_EQ(rows().AddDisplaced(1, "key", 77), absl::OkStatus());
    EXPECT_EQ(CellsAt(1, 1), rows_in_memory ? "a" : "-");
    RemoveTable(1);
    Close();
  }
};

// contract 9: what reached the disk is not known, until the store is opened anew.
TEST_F(FailingStore, AFailedWriteToItsLogIsTheLast) {
  for (const bool rows_in_memory : {false, true}) {
    CheckThatNoWriteFollows(DiskCall::Kind::kWrite, ENOSPC, rows_in_memory);
    CheckThatNoWriteFollows(DiskCall::Kind::kWrite, EIO, rows_in_memory);
  }
}

TEST_F(FailingStore, AFailedSyncOfItsLogIsTheLast) {
  for (const bool rows_in_memory : {false, true}) {
    CheckThatNoWriteFollows(DiskCall::Kind::kSync, EIO, rows_in_memory);
  }
}

/// Writes numbers to two families until a call is refused that has to do with a log that is full.
class FullLog {
 public:
  enum class Refused {
    kSync,     // before the next log is made
    kNextLog,  // making it
  };
  FullLog(std::string root, Refused refused)
      : root_(std::move(root)), refused_(refused), power_(root_), disk_(Which(), EIO, &power_) {}

  /// Refuses the call after as many as `first`, and closes the database.
  void Run(int first) {
    const WatchedDisk watched(disk_);
    ShardDb shard;
    OpenSmall(shard, root_ + "/rows");
    disk_.Refuse(1, first);
    std::minstd_rand random(1);
    absl::Status status;
    for (uint64_t number = 0; number < 5'000 && status.ok(); ++number) {
      rocksdb::WriteBatch batch;
      batch.Put(shard.family(kRowsFamily), U64Bytes(number), std::string(1'000, 'x'));
      batch.Put(shard.family(kLogFamily), U64Bytes(number), "");
      const bool sync = random() % 2 == 0;  // a log is full after either
      writes_unsynced_ = !sync;
      status = shard.rocks->Write(batch, sync);
      writes_unsynced_ = false;
      if (status.ok() && sync) acknowledged_ = number + 1;
    }
    EXPECT_EQ(disk_.refused(), 1);
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(absl::IsFailedPrecondition(shard.rocks->CheckLog()));
  }

  /// What was acknowledged is in both families; what is in one is in the other, with all before it.
  void CheckAfterPowerLoss(const std::string& at, std::mt19937_64& random) {
    power_.Fail(random).WriteTo(at);
    ShardDb shard;
    OpenSmall(shard, at + "/rows");
    if (shard.rocks == nullptr) return;
    const auto numbers = [&shard](ShardFamily family) {
      std::vector<uint64_t> found;
      std::unique_ptr<rocksdb::Iterator> it(
          shard.rocks->db()->NewIterator({}, shard.family(family)));
      for (it->SeekToFirst(); it->Valid(); it->Next())
        found.push_back(*ParseU64(StdView(it->key())));
      EXPECT_TRUE(it->status().ok()) << it->status().ToString();
      return found;
    };
    const std::vector<uint64_t> rows = numbers(kRowsFamily);
    EXPECT_EQ(rows, numbers(kLogFamily));
    EXPECT_GE(rows.size(), acknowledged_);
    EXPECT_TRUE(rows.empty() || rows.back() + 1 == rows.size()) << "some before others are missing";
  }

 private:
  RefusingDisk::Which Which() {
    return [this](const DiskCall& call) {
      if (!call.path.ends_with(".log")) return false;
      MutexLock lock(mutex_);
      const bool creates = call.kind == DiskCall::Kind::kCreate;
      if (creates) newest_ = call.path;
      if (refused_ == Refused::kNextLog) return creates;
      if (call.kind != DiskCall::Kind::kSync) return false;
      EXPECT_EQ(call.path, newest_) << "a log that is full is synced, by two threads perhaps";
      return writes_unsynced_.load();
    };
  }

  const std::string root_;
  const Refused refused_;
  std::atomic<bool> writes_unsynced_{false};
  Mutex mutex_;
  std::string newest_ ORDINATE_GUARDED_BY(mutex_);
  PowerLossDisk power_;
  RefusingDisk disk_;
  uint64_t acknowledged_ = 0;
};

// contracts 8 and 9: nothing gets durable that relies on the log that was not synced.
TEST_F(FailingStore, AFailureWhereALogIsFullLosesNothing) {
  std::mt19937_64 random(1);
  for (const FullLog::Refused refused : {FullLog::Refused::kSync, FullLog::Refused::kNextLog}) {
    for (int first = 0; first < 3; ++first) {
      SCOPED_TRACE(::testing::Message() << static_cast<int>(refused) << ", after " << first);
      const MemoryDir dir;
      const std::string root = dir.path() + "/live";
      ASSERT_TRUE(std::filesystem::create_directory(root));
      FullLog full(root, refused);
      full.Run(first);
      for (int i = 0; i < 20; ++i) full.CheckAfterPowerLoss(dir.path() + "/lost", random);
    }
  }
}

TEST(LogGuard, WhatIsWrittenDuringASyncIsSyncedByTheNext) {
  const MemoryDir dir;
  std::unique_ptr<rocksdb::FSWritableFile> log;
  int syncs = 0;
  RefusingDisk disk(
      [&](const DiskCall& call) {
        if (call.kind == DiskCall::Kind::kSync) ++syncs;
        const bool writes = call.kind == DiskCall::Kind::kWrite;
        EXPECT_TRUE(!writes || log->Sync({}, nullptr).ok());
        return false;
      },
      EIO);
  const WatchedDisk watched(disk);
  const auto guard = std::make_shared<LogGuard>(dir.path());
  const auto files = guard->Watch(RocksFileSystem());
  ASSERT_TRUE(files->NewWritableFile(dir.path() + "/1.log", {}, &log, nullptr).ok());
  ASSERT_TRUE(log->Append("a", {}, nullptr).ok());
  EXPECT_EQ(syncs, 1);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(log->Sync({}, nullptr).ok());
  EXPECT_EQ(syncs, 2) << "there is nothing to sync the second time";
  log.reset();  // before what watches it
}

// contract 9: what is acknowledged is written down, or nothing more is.
TEST_F(FailingStore, AFailedWriteOfWhatIsAcknowledgedIsTheLastOfTheLog) {
  Close();
  RefusingDisk disk(Calls(DiskCall::Kind::kWrite, "/ACKNOWLEDGED"), EIO);
  const WatchedDisk watched(disk);
  Reopen();
  Write({Upsert(1, 1, "a")});
  disk.Refuse(1);
  const LogRecord record{.seq = 2, .mutations = {Upsert(1, 2, "b")}};
  EXPECT_FALSE(log().Append({&record, 1}).ok());
  EXPECT_EQ(disk.refused(), 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(log().Append({&record, 1})));
  Reopen();
  EXPECT_EQ(CellsAt(1, 1), "a");
  EXPECT_EQ(log().last_seq(), 2u) << "it was not acknowledged, and is there";
  Close();
}

// contract 8: the engine would sync the log to list it.
TEST_F(FailingStore, ABackupOfAStoreWhoseLogFailedIsRefused) {
  Close();
  RefusingDisk disk(Calls(DiskCall::Kind::kSync, ".log"), EIO);
  const WatchedDisk watched(disk);
  Reopen();
  Write({Upsert(1, 1, "a")});
  disk.Refuse(1);
  EXPECT_FALSE(rows().AddDisplaced(1, "key", 77).ok());
  const absl::Status refused = rows().BackUp({.directory = directory_.Sub("backups")}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("restart the server"));
  Reopen();
  EXPECT_TRUE(rows().BackUp({.directory = directory_.Sub("backups")}).ok());
  Close();
}

// contract 8: what failed is told, not the error that RocksDB is given for it.
TEST_F(FailingStore, AFullDiskIsNamedWhereAStoreIsOpened) {
  Write({Upsert(1, 1, "a")});
  Close();
  RefusingDisk disk(Calls(DiskCall::Kind::kCreate, ".log"), ENOSPC);
  const WatchedDisk watched(disk);
  disk.Refuse(1);
  const absl::Status refused = OpenShardStore(path(), StoreMode::kExisting).status();
  EXPECT_EQ(disk.refused(), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("free space on that disk"));
  Reopen();
  EXPECT_EQ(CellsAt(1, 1), "a");
  Close();
}

TEST_F(FailingStore, AFullDiskIsNamedWhereABackupSyncsTheLog) {
  Close();
  RefusingDisk disk(Calls(DiskCall::Kind::kSync, ".log"), ENOSPC);
  const WatchedDisk watched(disk);
  Reopen();
  Write({Upsert(1, 1, "a")});
  const LogRecord record{.seq = 2, .mutations = {Upsert(1, 1, "b")}};
  ASSERT_EQ(log().Append({&record, 1}), absl::OkStatus());
  ASSERT_EQ(Apply({record}), absl::OkStatus());  // which is not synced
  disk.Refuse(1);
  const absl::Status refused = rows().BackUp({.directory = directory_.Sub("backups")}).status();
  EXPECT_EQ(disk.refused(), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("the server is restarted"));
  Close();
}

// contract 8: a deadline and a cancelled call are heeded while a write stalls.
TEST_F(FailingStore, ABackupThatWaitsForAWriteCanBeEnded) {
  const MemoryDir dir;
  ShardDb shard;
  OpenSmall(shard, dir.path() + "/rows");
  BackupTarget target{.directory = dir.path() + "/backups"};
  std::atomic<int> asked{0};
  target.progress = [&asked](uint64_t bytes) {
    EXPECT_EQ(bytes, 0u);
    return ++asked == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  std::future<absl::Status> ended;
  {
    MutexLock write(shard.rocks->log_mutex());
    const auto back_up = [&] { return BackUpStore(*shard.rocks, target).status(); };
    ended = std::async(std::launch::async, back_up);
    EXPECT_EQ(ended.wait_for(std::chrono::minutes(1)), std::future_status::ready);
  }
  EXPECT_EQ(ended.get(), absl::CancelledError("enough"));
  EXPECT_EQ(asked.load(), 2);
  target.progress = {};
  EXPECT_TRUE(BackUpStore(*shard.rocks, target).ok());
}

// contract 8: no file of nothing is written while a table goes.
TEST_F(FailingStore, ATableGoesWhileTheDiskRefusesFiles) {
  const MemoryDir dir;
  RefusingDisk disk(Calls(DiskCall::Kind::kWrite, ".sst"), EIO);
  const WatchedDisk watched(disk);
  ShardDb shard;
  OpenSmall(shard, dir.path());
  rocksdb::DB& db = *shard.rocks->db();
  rocksdb::WriteBatch batch;
  for (RowId row = 0; row < 100; ++row) batch.Put(shard.family(kRowsFamily), RowKey(1, row, 1), "");
  ASSERT_EQ(shard.rocks->Write(batch, /*sync=*/true), absl::OkStatus());
  ASSERT_TRUE(db.Flush({}, shard.family(kRowsFamily)).ok());

  TableRemoval removal(shard);
  while (*removal.Step(1, 30)) continue;
  ASSERT_TRUE(db.Flush({}, shard.family(kRowsFamily)).ok());
  disk.Refuse(1'000);
  EXPECT_TRUE(db.CompactRange({}, shard.family(kRowsFamily), nullptr, nullptr).ok());
  EXPECT_EQ(disk.refused(), 0);
  std::vector<rocksdb::LiveFileMetaData> files;
  db.GetLiveFilesMetaData(&files);
  std::erase_if(files, [](const auto& file) { return file.column_family_name != "rows"; });
  EXPECT_EQ(files.size(), 0u);
}

// It may be room for the rest: a full disk holds up a removal.
TEST_F(FailingStore, HalfATableGivesItsSpaceBackToo) {
  const MemoryDir dir;
  ShardDb shard;
  OpenSmall(shard, dir.path());
  rocksdb::WriteBatch batch;
  for (RowId row = 0; row < 100; ++row) batch.Put(shard.family(kRowsFamily), RowKey(1, row, 1), "");
  ASSERT_EQ(shard.rocks->Write(batch, /*sync=*/true), absl::OkStatus());
  TableRemoval removal(shard);
  ASSERT_EQ(*removal.Step(1, 30), true);
  uint64_t in_memory = 0;
  const auto count = [&] {
    return shard.rocks->db()->GetIntProperty(
        shard.family(kRowsFamily), rocksdb::DB::Properties::kNumEntriesActiveMemTable, &in_memory);
  };
  ASSERT_TRUE(count());
  EXPECT_GT(in_memory, 0u);
  EXPECT_EQ(removal.GiveBack(), absl::OkStatus());
  ASSERT_TRUE(count());
  EXPECT_EQ(in_memory, 0u) << "it is on its way to a file";
}

// contract 9: nor does a compaction meet what is damaged of it, which would stop the store.
TEST_F(FailingStore, ADamagedFileOfADroppedTableGoesUnread) {
  const MemoryDir dir;
  ShardDb shard;
  OpenSmall(shard, dir.path());
  rocksdb::WriteBatch batch;
  for (RowId row = 0; row < 100; ++row) batch.Put(shard.family(kRowsFamily), RowKey(1, row, 1), "");
  ASSERT_EQ(shard.rocks->Write(batch, /*sync=*/true), absl::OkStatus());
  ASSERT_TRUE(shard.rocks->db()->Flush({}, shard.family(kRowsFamily)).ok());
  rocksdb::CompactRangeOptions below_level_0;
  below_level_0.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  ASSERT_TRUE(shard.rocks->db()
                  ->CompactRange(below_level_0, shard.family(kRowsFamily), nullptr, nullptr)
                  .ok());
  shard.rocks.reset();
  for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
    if (file.path().extension() != ".sst") continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(20);  // in the block of the rows
    bytes.put('~');
  }
  OpenSmall(shard, dir.path());
  TableRemoval removal(shard);
  while (*removal.Step(1, 30)) continue;
  EXPECT_EQ(removal.GiveBack(), absl::OkStatus());
  rocksdb::DB& db = *shard.rocks->db();
  EXPECT_TRUE(db.CompactRange({}, shard.family(kRowsFamily), nullptr, nullptr).ok());
  const rocksdb::WriteOptions options;
  EXPECT_TRUE(db.Put(options, shard.family(kRowsFamily), RowKey(2, 1, 1), "").ok());
}

}  // namespace
}  // namespace ordinate
