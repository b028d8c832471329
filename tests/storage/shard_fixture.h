#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/base/text.h"
#include "storage/rows/row_store.h"
#include "tests/support/temp_dir.h"

namespace ordinate {

inline Mutation Upsert(uint32_t table, RowId row, std::string cells) {
  return {.table_id = table, .row_id = row, .key = Concat("k", row), .cells = cells};
}
inline Mutation Delete(uint32_t table, RowId row) {
  return {.kind = Mutation::Kind::kDelete, .table_id = table, .row_id = row};
}

/// A shard's store in a directory of its own.
class ShardFixture : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Close() { store_ = {}; }
  void Reopen(StoreMode mode = StoreMode::kCreate) {
    Close();
    auto store = OpenShardStore(path(), mode);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::string path() const { return directory_.Sub("shard"); }
  RowStore& rows() { return *store_.rows; }
  UpdateLog& log() { return *store_.log; }

  /// Logs and applies one record; returns its sequence.
  uint64_t Write(std::vector<Mutation> mutations, std::vector<uint64_t> pinned = {}) {
    const LogRecord record{.seq = log().last_seq() + 1, .mutations = std::move(mutations)};
    EXPECT_EQ(log().Append({&record, 1}), absl::OkStatus());
    EXPECT_EQ(Apply({record}, std::move(pinned)), absl::OkStatus());
    return record.seq;
  }
  absl::Status Apply(const std::vector<LogRecord>& records, std::vector<uint64_t> pinned = {},
                     RowStore::Newest* read = nullptr) {
    const TableRetention retention[] = {
        {.table_id = 1, .track_changes = true, .pinned = std::move(pinned)}};
    return rows().Apply(records, retention, read);
  }

  void RemoveTable(uint32_t table) {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = rows().RemoveTable(table, 2);
    EXPECT_TRUE(more.ok()) << more.status();
  }

  /// The cells of the row at `at_seq`, or "-".
  std::string CellsAt(uint32_t table, RowId row, uint64_t at_seq = UINT64_MAX,
                      const RowStore::View* view = nullptr) {
    const auto found = rows().Get(view, table, row, at_seq);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && *found ? (*found)->cells : "-";
  }

  TempDir directory_;
  ShardStore store_;
};

}  // namespace ordinate
