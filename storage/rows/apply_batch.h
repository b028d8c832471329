#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "storage/rows/row_reads.h"
#include "storage/rows/shard_db.h"

namespace ordinate {

/// Works out what log records change in the rows, the change list and the counters, into one write
/// batch. Reads the store through `reads`; several mutations of one row see each other.
/// The records must outlive it.
class ApplyBatch {
 public:
  /// All must outlive this.
  ApplyBatch(const ShardDb& shard, RowReads& reads, std::span<const TableRetention> retention);

  absl::Status Add(const LogRecord& record);

  /// Drops the versions of a row that neither the newest nor a pinned sequence needs.
  absl::Status Collect(uint32_t table_id, RowId row_id);

  /// Adds the surviving versions and the new counters. Once, after the last Add.
  absl::Status Finish();

  rocksdb::WriteBatch& batch() { return batch_; }

 private:
  struct Version {
    uint64_t seq = 0;
    const Mutation* mutation = nullptr;  // null: on the disk already
  };
  struct RowState {
    bool was_live = false;
    std::vector<Version> versions;  // newest first
  };
  using RowName = std::pair<uint32_t, RowId>;

  const TableRetention& RetentionOf(uint32_t table_id) const;
  absl::StatusOr<RowState*> Load(uint32_t table_id, RowId row_id);
  void Drop(const RowName& name, const Version& version);
  void CollectVersions(const RowName& name, RowState& row);
  absl::Status AddToCount(uint32_t table_id, int64_t delta);

  const ShardDb& shard_;
  RowReads& reads_;
  std::map<uint32_t, const TableRetention*> retention_;
  std::map<RowName, RowState> touched_;
  std::map<uint32_t, uint64_t> untracked_;  // by table: the last change that was not noted
  rocksdb::WriteBatch batch_;
};

}  // namespace ordinate
