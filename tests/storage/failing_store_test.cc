// A store whose disk refuses a write. RocksDB, as Debian builds it, has its assertions: it must not
// be led to where they end the process.
#include <rocksdb/db.h>

#include <atomic>
#include <cerrno>

#include "gmock/gmock.h"
#include "storage/rows/table_removal.h"
#include "tests/storage/shard_fixture.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

/// Refuses writes to files whose names end so.
class RefusingDisk final : public DiskWatcher {
 public:
  RefusingDisk(std::string ending, int error) : ending_(std::move(ending)), error_(error) {}

  void Refuse(int writes) { left_ = writes; }
  int refused() const { return refused_; }

  int Before(const DiskCall& call) override {
    if (call.kind != DiskCall::Kind::kWrite || !call.path.ends_with(ending_)) return 0;
    if (left_ == 0) return 0;
    --left_;
    ++refused_;
    return error_;
  }
  void After(const DiskCall&) override {}

 private:
  const std::string ending_;
  const int error_;
  std::atomic<int> left_{0};
  std::atomic<int> refused_{0};
};

class FailingStore : public ShardFixture {};

// contract 9: what reached the disk is not known, until the store is opened anew.
TEST_F(FailingStore, AFailedWriteToItsLogIsTheLast) {
  for (const bool rows_in_memory : {false, true}) {
    Close();
    RefusingDisk disk(".log", ENOSPC);
    const WatchedDisk watched(disk);
    Reopen();
    if (rows_in_memory) Write({Upsert(1, 1, "a")});
    disk.Refuse(1);
    const absl::Status refused = rows().AddDisplaced(1, "key", 77);
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    // RocksDB finds space on the disk at once, and would go on by itself.
    int taken = 0;
    for (int i = 0; i < 50'000; ++i) taken += rows().AddDisplaced(1, "key", 77).ok() ? 1 : 0;
    EXPECT_EQ(taken, 0);
    EXPECT_EQ(disk.refused(), 1);
    Reopen();
    EXPECT_EQ(rows().AddDisplaced(1, "key", 77), absl::OkStatus());
    EXPECT_EQ(CellsAt(1, 1), rows_in_memory ? "a" : "-");
    Close();
  }
}

// contract 8: no file of nothing is written while a table goes.
TEST_F(FailingStore, ATableGoesWhileTheDiskRefusesFiles) {
  Close();
  RefusingDisk disk(".sst", EIO);
  const WatchedDisk watched(disk);
  ShardDb shard;
  const rocksdb::ColumnFamilyOptions plain = BaseFamilyOptions(BaseTableOptions());
  auto opened = RocksDb::Open(
      path(), {{"rows", plain}, {"changes", plain}, {"log", plain}, {"meta", plain}},
      StoreMode::kCreate, [](std::unique_ptr<RocksDb>) { return absl::OkStatus(); });
  ASSERT_TRUE(opened.ok()) << opened.status();
  shard.rocks = *std::move(opened);
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
  std::string left;
  EXPECT_TRUE(db.GetProperty(shard.family(kRowsFamily), "rocksdb.estimate-num-keys", &left));
  EXPECT_EQ(left, "0");
}

}  // namespace
}  // namespace ordinate
