#include <atomic>

#include "gmock/gmock.h"
#include "storage/base/error_details.h"
#include "storage/files/disk.h"
#include "storage/rows/row_store.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kReserve = 1'000'000;

/// A disk that has as much space as the test says.
class SmallDisk final : public Disk {
 public:
  SmallDisk() { SetDisk(this); }
  ~SmallDisk() override { SetDisk(nullptr); }
  int FreeBytes(const std::string&, uint64_t* bytes) override {
    *bytes = free_bytes;
    return 0;
  }
  std::atomic<uint64_t> free_bytes{2 * kReserve};
};

class DiskReserveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    shard_.Close();
    shard_.ReserveDisk(kReserve);
    shard_.Open();
  }

  /// Tables that have rows.
  std::vector<uint32_t> StoredTables() {
    const auto store = OpenShardStore(shard_.rows_dir(), StoreMode::kReadOnly);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *store->rows->TableIds() : std::vector<uint32_t>();
  }

  SmallDisk disk_;
  OneShard shard_;
};

TEST_F(DiskReserveTest, WritesAreRefusedBelowItAndTakenAgainAboveIt) {
  shard_.CreateIndex(OneShard::Flat(1));
  shard_.Settle(1);
  shard_.Write(OneShard::Rows(0, 10));
  disk_.free_bytes = kReserve;
  shard_.Write(OneShard::Rows(10, 20));
  EXPECT_EQ(shard_.shard().GetWatermarks().disk_full, 0u);
  disk_.free_bytes = kReserve - 1;
  for (int i = 0; i < 2; ++i) {
    const absl::Status refused = shard_.TryWrite(OneShard::Rows(20, 21)).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("999999 bytes free, and 1000000"));
    EXPECT_TRUE(RetryDelayMillis(refused).has_value());
  }
  EXPECT_EQ(shard_.CountAnswers(1), 20u);
  EXPECT_EQ(shard_.shard().GetWatermarks().disk_full, 1u);
  EXPECT_THAT(shard_.Status(1).last_error, HasSubstr("the shard takes no writes"));
  disk_.free_bytes = kReserve;
  shard_.Write(OneShard::Rows(20, 21));
  EXPECT_EQ(shard_.CountAnswers(1), 21u);
  EXPECT_EQ(shard_.shard().GetWatermarks().disk_full, 0u);
  EXPECT_EQ(shard_.Settle(1).last_error, "");
}

TEST_F(DiskReserveTest, ABuildThatHasNoSpaceIsBegunAgainLater) {
  shard_.Write(OneShard::Rows(0, 100));
  disk_.free_bytes = kReserve + 100;  // for the writes, not for the file
  shard_.CreateIndex(OneShard::Flat(1));
  EXPECT_EQ(shard_.Settle(1).state, IndexState::kFailed);
  EXPECT_THAT(shard_.Status(1).last_error, HasSubstr("--disk-reserve-bytes"));
  EXPECT_EQ(shard_.CountAnswers(0), 100u);
  // Space alone does not bring it back, nor does time alone.
  shard_.AddMicros(60'000'000);
  EXPECT_EQ(shard_.Settle(1).generation, 0u);
  disk_.free_bytes = 2 * kReserve;
  shard_.AddMicros(60'000'000);
  shard_.Write(OneShard::Rows(100, 101));
  EXPECT_EQ(shard_.Settle(1).generation, 1u);
  EXPECT_EQ(shard_.CountAnswers(1), 101u);
}

// Removing them takes space before it gives any back.
TEST_F(DiskReserveTest, RowsOfADroppedTableWaitForAQuarterOfIt) {
  shard_.Write(OneShard::Rows(0, 10));
  disk_.free_bytes = kReserve / 4 - 1;
  ASSERT_EQ(shard_.shard().DropTable(OneShard::kTable), absl::OkStatus());
  shard_.Turn();
  EXPECT_THAT(StoredTables(), ElementsAre(OneShard::kTable));
  EXPECT_THAT(shard_.warnings(), Contains(HasSubstr("of a dropped table wait for a minute")));
  disk_.free_bytes = kReserve / 4;
  shard_.Turn();
  EXPECT_THAT(StoredTables(), ElementsAre(OneShard::kTable));
  shard_.AddMicros(60'000'000);
  shard_.Turn();
  EXPECT_THAT(StoredTables(), IsEmpty());
}

TEST_F(DiskReserveTest, ATailIsNotSealedWithoutSpaceForTheFile) {
  shard_.Close();
  shard_.Open(/*min_seal_rows=*/10);
  shard_.CreateIndex(OneShard::Flat(1));
  shard_.Settle(1);
  disk_.free_bytes = kReserve + 100;
  shard_.Write(OneShard::Rows(0, 10));
  EXPECT_THAT(shard_.Settle(1).last_error, HasSubstr("beside"));
  EXPECT_EQ(shard_.CountAnswers(1), 10u);
}

TEST_F(DiskReserveTest, SegmentsAreNotMergedWithoutSpaceForAllOfThem) {
  shard_.Close();
  shard_.Open(/*min_seal_rows=*/10);
  shard_.Write(OneShard::Rows(0, 100));
  shard_.CreateIndex(OneShard::Flat(1));
  shard_.Settle(1);
  shard_.Write(OneShard::Rows(100, 110));
  const ShardIndexStatus before = shard_.Settle(1);
  ASSERT_EQ(before.segments, 2u);
  disk_.free_bytes = kReserve + before.bytes_disk - 1;
  std::vector<RowWrite> deletes;
  for (RowId id = 0; id < 50; ++id) deletes.push_back(OneShard::DeleteOf(id));
  shard_.Write(std::move(deletes));
  for (size_t tries = 1; tries <= 2; ++tries) {
    SCOPED_TRACE(tries);
    const ShardIndexStatus refused = shard_.Settle(1);
    EXPECT_THAT(shard_.warnings(), SizeIs(tries));
    EXPECT_EQ(refused.state, IndexState::kReady);
    EXPECT_THAT(refused.last_error, HasSubstr("--disk-reserve-bytes"));
    EXPECT_EQ(refused.generation, before.generation);
    EXPECT_EQ(refused.segments, 2u);
    EXPECT_EQ(refused.rows_deleted, 50u);
    EXPECT_EQ(refused.bytes_disk, before.bytes_disk);
    EXPECT_EQ(shard_.CountAnswers(1), 60u);
    if (tries == 2) disk_.free_bytes = kReserve + before.bytes_disk;
    shard_.AddMicros(60'000'000);  // then it is tried again
    shard_.Turn();
  }
  const ShardIndexStatus merged = shard_.Settle(1);
  EXPECT_EQ(merged.segments, 1u);
  EXPECT_EQ(merged.rows_deleted, 0u);
  EXPECT_EQ(merged.last_error, "");
  EXPECT_EQ(shard_.CountAnswers(1), 60u);
}

}  // namespace
}  // namespace ordinate
