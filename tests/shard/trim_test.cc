#include <rocksdb/perf_context.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <system_error>
#include <thread>

#include "gmock/gmock.h"
#include "storage/rows/row_store.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

constexpr int64_t kRows = 1'500;  // several steps of the applier

class ShardTrim : public ::testing::Test {
 protected:
  /// What a second, reading, opening of the store finds.
  RowStore& Store() {
    auto store = OpenShardStore(one_.rows_dir(), StoreMode::kReadOnly);
    if (!store.ok()) {
      ADD_FAILURE() << store.status();
      std::abort();
    }
    store_ = *std::move(store);
    return *store_.rows;
  }
  size_t Changes() {
    size_t changes = 0;
    EXPECT_EQ(Store().ReadChanges(nullptr, OneShard::kTable, 0,
                                  [&](const Change&) {
                                    ++changes;
                                    return absl::OkStatus();
                                  }),
              absl::OkStatus());
    return changes;
  }
  void WaitForChanges(size_t expected) {
    while (Changes() != expected) std::this_thread::yield();
  }
  /// Rows that were there, in another version than now, at `seq`.
  size_t RowsAt(uint64_t seq) {
    size_t rows = 0;
    EXPECT_EQ(Store().Scan(nullptr, OneShard::kTable, 0, seq,
                           [&](StoredRow&&) -> absl::StatusOr<bool> {
                             ++rows;
                             return true;
                           }),
              absl::OkStatus());
    return rows;
  }

  OneShard one_;
  ShardStore store_;
};

TEST_F(ShardTrim, DroppingAnIndexForgetsALongListOfChangesInTheEnd) {
  one_.CreateIndex(OneShard::Flat(1));
  one_.Settle(1);
  one_.Write(OneShard::Rows(0, kRows));
  EXPECT_EQ(Changes(), kRows);
  one_.DropIndex(1);
  WaitForChanges(0);
}

TEST_F(ShardTrim, ABuildForgetsWhatItsFilesHold) {
  one_.CreateIndex(OneShard::Flat(1));
  one_.Settle(1);
  one_.Write(OneShard::Rows(0, kRows));
  one_.HoldBuilds();
  ASSERT_EQ(one_.shard().RebuildIndex(1), absl::OkStatus());
  one_.Write(OneShard::Rows(0, 3));
  one_.LetBuildsRun();
  WaitForChanges(3);
  EXPECT_EQ(one_.Settle(1).tail_rows, 3u);
}

// contract 5.3: a REBUILD_ONLY index shows the rows of its last build, whatever else is dropped.
TEST_F(ShardTrim, WhatAnotherIndexStillReadsStaysUntilThatOneIsDropped) {
  one_.Write(OneShard::Rows(1, 1 + kRows));
  one_.CreateIndex(OneShard::Flat(1, FreshnessMode::kRebuildOnly));
  one_.CreateIndex(OneShard::Flat(2));
  one_.Settle(1);
  one_.Settle(2);
  one_.Write(OneShard::Rows(1, 1 + kRows));
  ASSERT_EQ(one_.shard().RebuildIndex(2), absl::OkStatus());
  one_.Settle(2);
  one_.DropIndex(2);
  one_.Write(OneShard::Rows(kRows + 1, kRows + 2));
  EXPECT_EQ(Changes(), kRows + 1u);
  EXPECT_EQ(RowsAt(1), static_cast<size_t>(kRows));
  // Payloads come from the versions that gave the distances.
  const auto result = one_.Query(1, {2});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->visible_seq, 1u);
  ASSERT_EQ(result->rows.size(), 1'000u);
  EXPECT_EQ(result->rows[0].version, 1u);
  one_.DropIndex(1);
  WaitForChanges(0);
  EXPECT_EQ(RowsAt(1), 0u) << "old versions are left behind";
}

// A drop whose trimming a crash cut short: the catalog has no index, the change list is long.
TEST_F(ShardTrim, GoesOnAfterARestart) {
  one_.CreateIndex(OneShard::Flat(1));
  one_.Settle(1);
  one_.Write(OneShard::Rows(0, kRows));
  one_.Close();
  one_.Undefine(1);
  one_.Open();
  WaitForChanges(0);
}

// Before the first row there may be the tombstones of a large table. So few stay where they are.
TEST_F(ShardTrim, AStartLooksForTablesOnce) {
  constexpr int64_t kGone = 100;  // as many tombstones are not compacted away meanwhile
  one_.Write(OneShard::Rows(0, kGone + 1));
  for (RowId id = 0; id < kGone; ++id) one_.Write({OneShard::DeleteOf(id)});
  one_.Close();
  rocksdb::get_perf_context()->Reset();
  one_.Open();
  EXPECT_LT(rocksdb::get_perf_context()->internal_delete_skipped_count, 2u * kGone);
}

TEST_F(ShardTrim, ADroppedTableGivesItsSpaceBack) {
  const auto bytes = [&] {
    uint64_t sum = 0;
    for (const auto& file : std::filesystem::directory_iterator(one_.rows_dir())) {
      std::error_code gone;
      const uintmax_t size = file.file_size(gone);
      const std::string type = file.path().extension();
      if (!gone && (type == ".sst" || type == ".blob")) sum += size;
    }
    return sum;
  };
  one_.Write(OneShard::Rows(0, 1'500));
  one_.Close();
  one_.Open();  // what was in memory becomes files
  const uint64_t before = bytes();
  ASSERT_EQ(one_.shard().DropTable(OneShard::kTable), absl::OkStatus());
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (bytes() > before / 4 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_LE(bytes(), before / 4);
}

// What a failed build pinned is let go, and no list grows for an index that reads the rows anyway.
TEST_F(ShardTrim, AFailedIndexKeepsNothing) {
  one_.Write(OneShard::Rows(0, 10));
  one_.HoldBuilds();
  one_.CreateIndex(OneShard::Flat(1, FreshnessMode::kRebuildOnly));
  one_.Write(OneShard::Rows(0, 10));
  EXPECT_EQ(RowsAt(1), 10u);
  std::filesystem::remove_all(one_.index_dir(1));
  std::ofstream(one_.index_dir(1)) << "x";
  one_.LetBuildsRun();
  ASSERT_EQ(one_.Settle(1).state, IndexState::kFailed);
  WaitForChanges(0);
  EXPECT_EQ(RowsAt(1), 0u);
  one_.Write(OneShard::Rows(0, 10));
  EXPECT_EQ(Changes(), 0u);
}

}  // namespace
}  // namespace ordinate
