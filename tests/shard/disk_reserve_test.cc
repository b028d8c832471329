#include "engine/shard/disk_reserve.h"

#include <atomic>
#include <functional>
#include <future>
#include <random>
#include <thread>

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
  int Open(const std::string& path, int flags) override {
    if (on_open) on_open(path);
    return Disk::Open(path, flags);
  }
  std::atomic<uint64_t> free_bytes{2 * kReserve};
  std::function<void(const std::string& path)> on_open;
};

class DiskReserveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    shard_.Close();
    shard_.ReserveDisk(kReserve);
    shard_.Open();
  }

  /// What is stored now.
  std::unique_ptr<RowStore> Stored() {
    auto store = OpenShardStore(shard_.rows_dir(), StoreMode::kReadOnly);
    if (!store.ok()) {
      ADD_FAILURE() << store.status();
      std::abort();
    }
    return std::move(store->rows);
  }
  /// Tables that have rows.
  std::vector<uint32_t> StoredTables() { return *Stored()->TableIds(); }
  size_t StoredChanges() {
    size_t changes = 0;
    EXPECT_EQ(Stored()->ReadChanges(nullptr, OneShard::kTable, 0,
                                    [&](const Change&) {
                                      ++changes;
                                      return absl::OkStatus();
                                    }),
              absl::OkStatus());
    return changes;
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
  shard_.Turn();
  EXPECT_EQ(shard_.Settle(1).generation, 0u);
  disk_.free_bytes = 2 * kReserve;
  shard_.AddMicros(60'000'000);
  shard_.Write(OneShard::Rows(100, 101));
  EXPECT_EQ(shard_.Settle(1).generation, 1u);
  EXPECT_EQ(shard_.CountAnswers(1), 101u);
}

/// A row whose key another one's hash may displace.
RowWrite Hashed(const std::string& key) {
  RowWrite row = OneShard::OneRow(1, {1, 0});
  row.key = key;
  return row;
}

// contract 1.2: where a key is displaced to is written down before its row.
TEST_F(DiskReserveTest, NothingIsWrittenForAWriteThatIsRefused) {
  const ShardWrite first{.rows = {Hashed("a")}, .request_id = "request"};
  ASSERT_TRUE(shard_.TryWrite(first).ok());
  disk_.free_bytes = kReserve - 1;
  EXPECT_TRUE(absl::IsResourceExhausted(shard_.TryWrite({Hashed("b")}).status()));
  EXPECT_THAT(*Stored()->ReadDisplaced(OneShard::kTable), IsEmpty());
  const auto again = shard_.TryWrite(first);
  EXPECT_TRUE(again.ok()) << again.status();
  disk_.free_bytes = kReserve;
  shard_.Write({Hashed("b")});
  EXPECT_THAT(*Stored()->ReadDisplaced(OneShard::kTable), SizeIs(1));
}

// A write of the shard's own that finds the disk full would be its last.
TEST_F(DiskReserveTest, ChangesAreForgottenWhileAQuarterOfItIsFree) {
  shard_.CreateIndex(OneShard::Flat(1));
  shard_.Settle(1);
  shard_.Write(OneShard::Rows(0, 10));
  disk_.free_bytes = kReserve / 4 - 1;
  shard_.DropIndex(1);
  shard_.Turn();
  EXPECT_EQ(StoredChanges(), 10u);
  disk_.free_bytes = kReserve / 4;
  shard_.AddMicros(60'000'000);
  shard_.Turn();
  EXPECT_EQ(StoredChanges(), 0u);
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

// Nothing else would make it, where no more rows come.
TEST_F(DiskReserveTest, ATailIsSealedOnceThereIsSpace) {
  shard_.Close();
  shard_.Open(/*min_seal_rows=*/10);
  shard_.CreateIndex(OneShard::Flat(1));
  shard_.Settle(1);
  disk_.free_bytes = kReserve + 100;
  shard_.Write(OneShard::Rows(0, 10));
  EXPECT_EQ(shard_.Settle(1).tail_rows, 10u);
  disk_.free_bytes = 2 * kReserve;
  shard_.AddMicros(60'000'000);
  shard_.Turn();
  EXPECT_EQ(shard_.Settle(1).tail_rows, 0u);
  EXPECT_EQ(shard_.Status(1).last_error, "");
}

// Of a file, captured columns are the part that no rule of thumb knows.
TEST_F(DiskReserveTest, ARebuildTakesAsMuchAsTheLiveFiles) {
  shard_.Write(OneShard::Rows(0, 100));
  shard_.CreateIndex(OneShard::Flat(1));
  const ShardIndexStatus built = shard_.Settle(1);
  ASSERT_EQ(built.generation, 1u);
  disk_.free_bytes = kReserve + built.bytes_disk - 1;
  ASSERT_EQ(shard_.shard().RebuildIndex(1, std::nullopt), absl::OkStatus());
  EXPECT_THAT(shard_.Settle(1).last_error, HasSubstr("--disk-reserve-bytes"));
  EXPECT_EQ(shard_.Status(1).generation, 1u);
  disk_.free_bytes = kReserve + built.bytes_disk;
  shard_.AddMicros(60'000'000);
  shard_.Turn();
  EXPECT_EQ(shard_.Settle(1).generation, 2u);
}

TEST(DiskReserve, JobsOfAllShardsHaveItTogether) {
  SmallDisk disk;
  DiskBookings bookings(SystemClock());
  OneShard first, second;
  for (OneShard* const shard : {&first, &second}) {
    shard->Close();
    shard->ReserveDisk(kReserve);
    shard->ShareDisk(bookings);
    shard->Open();
    shard->Write(OneShard::Rows(0, 100));
  }
  std::promise<void> began, goes_on;
  std::atomic<bool> once{false};
  disk.on_open = [&](const std::string& path) {
    if (path.find(".vdata") == std::string::npos || once.exchange(true)) return;
    began.set_value();
    goes_on.get_future().wait();
  };
  disk.free_bytes = kReserve + 6'000;  // a build needs 4,000
  first.CreateIndex(OneShard::Flat(1));
  began.get_future().wait();
  second.CreateIndex(OneShard::Flat(1));
  const ShardIndexStatus refused = second.Settle(1);
  EXPECT_EQ(refused.state, IndexState::kFailed);
  EXPECT_THAT(refused.last_error, HasSubstr("4000 for this and 4000 for jobs at work"));
  second.Write(OneShard::Rows(100, 101));
  goes_on.set_value();
  EXPECT_EQ(first.Settle(1).generation, 1u);
  second.AddMicros(60'000'000);
  second.Turn();
  EXPECT_EQ(second.Settle(1).generation, 1u);
  EXPECT_EQ(second.CountAnswers(1), 101u);
}

class Bookings : public ::testing::Test {
 protected:
  struct TestClock final : Clock {
    int64_t NowMicros() const override { return nanos / 1'000; }
    int64_t MonotonicNanos() const override { return nanos; }
    int64_t nanos = 0;
  };
  /// On the disk, which has room for 100 bytes above the reserve.
  absl::StatusOr<DiskBooking> Book(const std::string& job, uint64_t bytes) {
    absl::StatusOr<DiskBooking> booking = reserve_.Book(job, bytes);
    if (!booking.ok()) {
      EXPECT_TRUE(absl::IsResourceExhausted(booking.status())) << booking.status();
      EXPECT_TRUE(RetryDelayMillis(booking.status()).has_value());
    }
    return booking;
  }
  bool Fits(const std::string& job, uint64_t bytes) { return Book(job, bytes).ok(); }
  void SetUp() override { disk_.free_bytes = kReserve + 100; }

  SmallDisk disk_;
  TestClock clock_;
  DiskBookings bookings_{clock_};
  const DiskReserve reserve_{"/", kReserve, bookings_};
};

TEST_F(Bookings, FitBesideEachOtherUntilTheyGo) {
  {
    const auto one = Book("one", 60);
    ASSERT_TRUE(one.ok());
    EXPECT_FALSE(Fits("other", 41));
    EXPECT_TRUE(Fits("other", 40));
    EXPECT_TRUE(Fits("other", 40)) << "the one before has gone";
    disk_.free_bytes = kReserve + 50;  // written
    EXPECT_FALSE(Fits("small", 1));
    EXPECT_TRUE(Fits("nothing", 0));
    EXPECT_EQ(reserve_.Check(), absl::OkStatus());
  }
  EXPECT_TRUE(Fits("small", 50));
  EXPECT_FALSE(Fits("small", 51));
  disk_.free_bytes = kReserve - 1;
  EXPECT_FALSE(Fits("nothing", 0));
}

// However small ones follow each other, one that is refused waits for those at work alone.
TEST_F(Bookings, AreNotKeptFromOneByThoseThatFollow) {
  auto running = std::make_unique<DiskBooking>(*Book("running", 60));
  EXPECT_FALSE(Fits("next", 70));
  auto small = std::make_unique<DiskBooking>(*Book("small", 30));  // also beside the next
  EXPECT_FALSE(Fits("later", 10)) << "not beside the next and the small one";
  EXPECT_FALSE(Fits("next", 70));
  running.reset();
  EXPECT_FALSE(Fits("running", 60));
  EXPECT_FALSE(Fits("later", 10));
  auto next = std::make_unique<DiskBooking>(*Book("next", 70));
  small.reset();
  EXPECT_FALSE(Fits("running", 60));
  next.reset();
  EXPECT_TRUE(Fits("running", 60));
  EXPECT_TRUE(Fits("later", 100)) << "none is the next";
}

TEST_F(Bookings, AreNotKeptForOneThatDoesNotComeAgain) {
  auto running = std::make_unique<DiskBooking>(*Book("running", 60));
  EXPECT_FALSE(Fits("next", 100));
  running.reset();
  clock_.nanos = DiskBookings::kNextNanos - 1;
  EXPECT_FALSE(Fits("other", 1));
  ++clock_.nanos;
  EXPECT_TRUE(Fits("other", 1));
}

TEST_F(Bookings, AreNotKeptForOneThatTheDiskHasNoRoomFor) {
  auto running = std::make_unique<DiskBooking>(*Book("running", 60));
  EXPECT_FALSE(Fits("next", 100));
  running.reset();
  disk_.free_bytes = kReserve + 99;
  EXPECT_TRUE(Fits("other", 99));
  EXPECT_FALSE(Fits("next", 100));
  disk_.free_bytes = kReserve + 100;
  EXPECT_TRUE(Fits("other", 100));
}

TEST_F(Bookings, OfManyThreadsNeverTakeMoreThanThereIs) {
  std::atomic<uint64_t> booked{0};
  std::atomic<int> too_much{0}, taken{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      for (int i = 0; i < 5'000; ++i) {
        const uint64_t bytes = random() % 80;
        const auto booking = reserve_.Book(Concat("job ", t), bytes);
        if (!booking.ok()) continue;
        ++taken;
        if (booked.fetch_add(bytes) + bytes > 100) ++too_much;
        booked -= bytes;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(too_much, 0);
  EXPECT_GT(taken, 0);
  clock_.nanos = DiskBookings::kNextNanos;
  EXPECT_TRUE(Fits("all", 100)) << "everything was given back";
}

}  // namespace
}  // namespace ordinate
