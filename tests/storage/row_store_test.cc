#include <rocksdb/perf_context.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include "gmock/gmock.h"
#include "tests/storage/shard_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RowStoreTest : public ShardFixture {
 protected:
  /// Of what RocksDB has sorted; without its logs.
  uint64_t BytesOfFiles() const {
    uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      const std::string type = file.path().extension();
      std::error_code gone;
      const uintmax_t size = file.file_size(gone);
      if (!gone && (type == ".sst" || type == ".blob")) bytes += size;
    }
    return bytes;
  }
};

constexpr char kKilledStore[] = "ORDINATE_KILLED_STORE";

TEST_F(RowStoreTest, PinnedVersionsStayOthersGo) {
  for (const char* cells : {"a", "b", "c", "d"}) Write({Upsert(1, 9, cells)}, {2});
  EXPECT_EQ(CellsAt(1, 9), "d");
  EXPECT_EQ(CellsAt(1, 9, 3), "b");
  EXPECT_EQ(CellsAt(1, 9, 2), "b");
  EXPECT_EQ(CellsAt(1, 9, 1), "-");
  EXPECT_EQ(CellsAt(1, 8), "-");
  EXPECT_EQ(CellsAt(2, 9), "-");
}

// contract 5.2: a delete is masked at every sequence.
TEST_F(RowStoreTest, DeleteRemovesEveryVersion) {
  Write({Upsert(1, 9, "a"), Upsert(1, 10, "x")});
  Write({Upsert(1, 9, "b")}, {1});
  Write({Delete(1, 9)}, {1, 2});
  EXPECT_EQ(CellsAt(1, 9, 1), "-");
  EXPECT_EQ(CellsAt(1, 9), "-");
  EXPECT_EQ(*rows().CountRows(nullptr, 1), 1u);
}

TEST_F(RowStoreTest, SeveralMutationsOfOneRowInOneApply) {
  std::vector<LogRecord> records = {{.seq = 1, .mutations = {Upsert(1, 5, "a"), Upsert(1, 6, "b")}},
                                    {.seq = 2, .mutations = {Delete(1, 5), Upsert(1, 6, "c")}},
                                    {.seq = 3, .mutations = {Upsert(1, 5, "d"), Delete(1, 7)}},
                                    {.seq = 4, .mutations = {Delete(1, 6), Delete(1, 6)}}};
  ASSERT_EQ(log().Append(records), absl::OkStatus());
  ASSERT_EQ(Apply(records), absl::OkStatus());
  EXPECT_EQ(*rows().CountRows(nullptr, 1), 1u);
  EXPECT_EQ(CellsAt(1, 5), "d");
  EXPECT_EQ(CellsAt(1, 5, 1), "-");
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
  EXPECT_TRUE(absl::IsInvalidArgument(Apply({records[3]})));
}

TEST_F(RowStoreTest, ViewsStayAsTheyWere) {
  Write({Upsert(1, 1, "a")});
  {
    const auto view = rows().TakeView();
    Write({Upsert(1, 1, "b"), Upsert(1, 2, "c")});
    EXPECT_EQ(CellsAt(1, 1, UINT64_MAX, view.get()), "a");
    EXPECT_EQ(*rows().CountRows(view.get(), 1), 1u);
  }
  EXPECT_EQ(CellsAt(1, 1), "b");
}

TEST_F(RowStoreTest, ScanByRowIdFromTheFirstUntilToldToStop) {
  Write({Upsert(1, 0, "a"), Upsert(1, 5, "b"), Upsert(1, UINT64_MAX, "c"), Upsert(2, 1, "x")});
  std::vector<RowId> ids;
  const auto collect = [&](StoredRow&& row) -> absl::StatusOr<bool> {
    ids.push_back(row.id);
    return ids.size() < 2;
  };
  ASSERT_EQ(rows().Scan(nullptr, 1, 1, UINT64_MAX, collect), absl::OkStatus());
  EXPECT_THAT(ids, ElementsAre(5, UINT64_MAX));
  const auto fail = [](StoredRow&&) -> absl::StatusOr<bool> { return absl::AbortedError("x"); };
  EXPECT_EQ(rows().Scan(nullptr, 1, 0, UINT64_MAX, fail), absl::AbortedError("x"));
}

TEST_F(RowStoreTest, ARemovedTableLeavesNothing) {
  Write({Upsert(1, 1, "a"), Upsert(2, 1, "b")});
  ASSERT_EQ(rows().AddDisplaced(1, "key", 77), absl::OkStatus());
  EXPECT_THAT(*rows().TableIds(), ElementsAre(1, 2));
  RemoveTable(1);
  RemoveTable(1);
  EXPECT_THAT(*rows().TableIds(), ElementsAre(2));
  EXPECT_EQ(CellsAt(1, 1), "-");
  EXPECT_EQ(CellsAt(2, 1), "b");
  EXPECT_THAT(*rows().ReadDisplaced(1), ElementsAre());
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
}

// Until its last entry is gone a table has its name on the list, by which a start finds it.
TEST_F(RowStoreTest, ATableIsRemovedAFewEntriesAtATime) {
  for (RowId row = 0; row < 5; ++row) Write({Upsert(1, row, "a"), Upsert(2, row, "b")});
  ASSERT_EQ(rows().AddDisplaced(1, "key", 77), absl::OkStatus());
  // Of five rows, as many changes and a displaced key.
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(*rows().RemoveTable(1, 3), true);
    EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus()) << "rows without a count";
  }
  EXPECT_EQ(CellsAt(1, 4), "-");
  Reopen();
  EXPECT_THAT(*rows().TableIds(), ElementsAre(1, 2));
  Write({Upsert(1, 4, "a")});  // as when what is in the log is applied again
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
  EXPECT_EQ(*rows().RemoveTable(1, 4), false);
  EXPECT_THAT(*rows().TableIds(), ElementsAre(2));
  EXPECT_EQ(*rows().CountRows(nullptr, 2), 5u);
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
}

// A replay may write such a row; see above.
TEST_F(RowStoreTest, WhatIsWrittenBehindARemovalGoesToo) {
  for (RowId row = 0; row < 5; ++row) Write({Upsert(1, row, "a")});
  EXPECT_EQ(*rows().RemoveTable(1, 8), true);
  Write({Upsert(1, 0, "b")});
  EXPECT_EQ(*rows().RemoveTable(1, 4), false);
  EXPECT_EQ(CellsAt(1, 0), "-");
  for (const char* key : {"x", "y"}) ASSERT_EQ(rows().AddDisplaced(1, key, 77), absl::OkStatus());
  EXPECT_EQ(*rows().RemoveTable(1, 1), true);
  ASSERT_EQ(rows().AddDisplaced(1, "w", 77), absl::OkStatus());
  EXPECT_EQ(*rows().RemoveTable(1, 2), false);
  EXPECT_THAT(*rows().TableIds(), ElementsAre());
}

// Nothing that is gone is passed again. So few tombstones are not compacted away meanwhile.
TEST_F(RowStoreTest, ARemovalGoesOnAtItsPlaceAfterARestart) {
  constexpr RowId kRows = 100;  // as many tombstones are not compacted away meanwhile
  std::vector<Mutation> mutations;
  for (RowId row = 0; row < 2 * kRows; ++row) mutations.push_back(Upsert(2, row, "a"));
  Write(std::move(mutations));
  Write({Upsert(1, 1, "a"), Upsert(3, 1, "a")});
  EXPECT_EQ(*rows().RemoveTable(2, kRows), true);
  Reopen();
  rocksdb::get_perf_context()->Reset();
  EXPECT_THAT(*rows().TableIds(), ElementsAre(1, 2, 3));
  EXPECT_EQ(*rows().RemoveTable(2, 1), true);
  EXPECT_LT(rocksdb::get_perf_context()->internal_delete_skipped_count, kRows / 4);
  RemoveTable(2);
  EXPECT_THAT(*rows().TableIds(), ElementsAre(1, 3));
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
}

// contract 9: what is damaged of it is of no use to anyone. Other tables stay.
TEST_F(RowStoreTest, ADroppedTableGoesWhateverIsDamagedOfIt) {
  const std::string cells(300, 'a');  // in a blob file
  for (RowId row = 0; row < 10; ++row) Write({Upsert(1, row, cells), Upsert(2, row, cells)});
  Reopen();  // what is in memory becomes files
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.path().extension() != ".blob") continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(file.file_size() / 4));  // of table 1, which is first
    bytes.put('~');
  }
  Reopen();
  EXPECT_TRUE(absl::IsDataLoss(rows().VerifyChecksums(nullptr)));
  RemoveTable(1);
  for (int opened = 0; opened < 2; ++opened) {
    EXPECT_THAT(*rows().TableIds(), ElementsAre(2));
    EXPECT_EQ(CellsAt(1, 9), "-");
    EXPECT_EQ(CellsAt(2, 0), cells);
    EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
    Reopen();
  }
}

// Long cells are read to be removed: a step takes fewer rows with them.
TEST_F(RowStoreTest, AStepThatRemovesLongRowsTakesFewOfThem) {
  for (RowId row = 0; row < 5; ++row) Write({Upsert(1, row, std::string(600'000, 'a'))});
  EXPECT_EQ(*rows().RemoveTable(1, 1'000), true);
  EXPECT_EQ(CellsAt(1, 1), "-");
  EXPECT_NE(CellsAt(1, 2), "-");
  RemoveTable(1);
  EXPECT_THAT(*rows().TableIds(), ElementsAre());
}

// Nothing else need be written for it.
TEST_F(RowStoreTest, ARemovedTableGivesItsSpaceBack) {
  constexpr RowId kRows = 2'000;
  constexpr uint64_t kAFew = 100 * kRows;  // what was noted beside the rows
  const std::string cells(10'000, 'a');
  for (RowId row = 0; row < kRows; ++row) Write({Upsert(1, row, cells)});
  Reopen();  // what is in memory becomes files
  ASSERT_GT(BytesOfFiles(), kRows * cells.size());
  while (*rows().RemoveTable(1, kRows)) {
  }
  ASSERT_EQ(rows().GiveBackRemoved(), absl::OkStatus());
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (BytesOfFiles() > kAFew && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  EXPECT_LE(BytesOfFiles(), kAFew);
}

// contract 1.2: displaced keys keep their ids across a restart.
TEST_F(RowStoreTest, DisplacedKeysSurvive) {
  ASSERT_EQ(rows().AddDisplaced(1, std::string("k\0y", 3), 77), absl::OkStatus());
  Reopen();
  EXPECT_THAT(*rows().ReadDisplaced(1),
              ElementsAre(std::pair<std::string, RowId>(std::string("k\0y", 3), 77)));
}

// contract 9: what was logged and not applied is there after a restart.
TEST_F(RowStoreTest, LogReplaysWhatWasNotApplied) {
  Write({Upsert(1, 1, "a")});
  const std::vector<LogRecord> records = {{.seq = 2, .mutations = {Upsert(1, 2, "b")}},
                                          {.seq = 3, .mutations = {Delete(1, 1)}}};
  ASSERT_EQ(log().Append(records), absl::OkStatus());
  Reopen();
  EXPECT_EQ(rows().applied_seq(), 1u);
  EXPECT_EQ(log().last_seq(), 3u);
  std::vector<LogRecord> read;
  ASSERT_EQ(log().Read(2,
                       [&](LogRecord record) {
                         read.push_back(std::move(record));
                         return absl::OkStatus();
                       }),
            absl::OkStatus());
  EXPECT_EQ(read, records);
  ASSERT_EQ(Apply(read), absl::OkStatus());
  EXPECT_EQ(*rows().CountRows(nullptr, 1), 1u);
  const LogRecord gap{.seq = 5};
  EXPECT_TRUE(absl::IsInvalidArgument(log().Append({&gap, 1})));
}

TEST_F(RowStoreTest, ReadOnlyReadsAndNeverWrites) {
  Write({Upsert(1, 1, "a")});
  Reopen(StoreMode::kReadOnly);
  EXPECT_EQ(CellsAt(1, 1), "a");
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
  const LogRecord record{.seq = 2};
  EXPECT_TRUE(absl::IsFailedPrecondition(log().Append({&record, 1})));
  EXPECT_TRUE(absl::IsFailedPrecondition(rows().RemoveTable(1, 1).status()));
}

TEST_F(RowStoreTest, DirectoryInUseIsNamed) {
  const absl::Status status = OpenShardStore(path(), StoreMode::kCreate).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path()));
  EXPECT_TRUE(OpenShardStore(path(), StoreMode::kReadOnly).ok());
}

TEST_F(RowStoreTest, NotWritableOrMissing) {
  std::ofstream(directory_.Sub("file")) << "x";
  const absl::Status status =
      OpenShardStore(directory_.Sub("file/shard"), StoreMode::kCreate).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_TRUE(
      absl::IsNotFound(OpenShardStore(directory_.Sub("none"), StoreMode::kReadOnly).status()));
  EXPECT_FALSE(std::filesystem::exists(directory_.Sub("none")));
}

TEST_F(RowStoreTest, AStoreThatMustExistIsNotMade) {
  const std::string gone = directory_.Sub("gone");
  std::filesystem::create_directory(directory_.Sub("empty"));
  for (const std::string& where : {gone, directory_.Sub("empty")}) {
    const absl::Status status = OpenShardStore(where, StoreMode::kExisting).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_NE(status.message().find(where + "' is missing"), std::string::npos) << status;
  }
  EXPECT_FALSE(std::filesystem::exists(gone));
  EXPECT_TRUE(std::filesystem::is_empty(directory_.Sub("empty")));
}

// contract 9: killed at any instant, an acknowledged write is not lost.
TEST_F(RowStoreTest, SurvivesAKill) {
  Close();
  // Run anew up to here, the process that is killed finds the folder of this one.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ::setenv(kKilledStore, path().c_str(), /*overwrite=*/0);
  const auto write = [this] {
    std::filesystem::remove_all(directory_.path());  // its own, which nothing removes after
    store_ = *OpenShardStore(::getenv(kKilledStore), StoreMode::kCreate);
    for (int i = 1; i <= 50; ++i) Write({Upsert(1, 1, std::to_string(i)), Upsert(1, 100 + i, "x")});
    const LogRecord logged{.seq = 51, .mutations = {Upsert(1, 2, "logged")}};
    const bool ok = log().Append({&logged, 1}).ok() && !HasFailure();
    ::kill(::getpid(), ok ? SIGKILL : SIGTERM);
  };
  EXPECT_EXIT(write(), ::testing::KilledBySignal(SIGKILL), "");
  ::unsetenv(kKilledStore);
  Reopen();
  EXPECT_EQ(log().last_seq(), 51u);
  EXPECT_EQ(rows().applied_seq(), 50u);
  EXPECT_EQ(CellsAt(1, 1), "50");
  EXPECT_EQ(*rows().CountRows(nullptr, 1), 51u);
}

// A disk that takes no more bytes: the log refuses from then on, until reopened.
TEST_F(RowStoreTest, FailedSyncStopsTheLog) {
  Write({Upsert(1, 1, "a")});
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ::getrlimit(RLIMIT_FSIZE, &old_limit);
  rlimit limit = old_limit;
  limit.rlim_cur = 1 << 16;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const LogRecord large{.seq = 2, .mutations = {Upsert(1, 2, std::string(1 << 20, 'x'))}};
  const absl::Status failed = log().Append({&large, 1});
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  EXPECT_FALSE(failed.ok());
  const LogRecord small{.seq = 2, .mutations = {Upsert(1, 2, "x")}};
  EXPECT_TRUE(absl::IsFailedPrecondition(log().Append({&small, 1})));
  Reopen();
  EXPECT_EQ(CellsAt(1, 1), "a");
  Write({Upsert(1, 3, "b")});
  EXPECT_EQ(CellsAt(1, 3), "b");
}

}  // namespace
}  // namespace ordinate
