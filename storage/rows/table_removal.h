#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "storage/rows/shard_db.h"

namespace ordinate {

/// Removes every trace of dropped tables, a few entries at a time, so that other tables' writes
/// pass. The store says which tables are being removed, and how far, so that it goes on there after
/// a restart. One thread.
///
/// Entry by entry: a range of RocksDB's is one write, but a compaction that drops all of a range
/// writes a file of nothing, and where the disk refuses that file RocksDB 7.8, built with its
/// assertions as Debian does, ends the process. Where an entry is damaged that risk is taken, for
/// nothing else gets past it.
class TableRemoval {
 public:
  /// `shard` must outlive this.
  explicit TableRemoval(const ShardDb& shard) : shard_(shard) {}

  /// Reads which tables are being removed. Once, before anything else.
  absl::Status Load();
  /// They, and how far.
  const std::map<uint32_t, RemovalPlace>& places() const { return places_; }

  /// Removes `max_entries` of the table's at most, fewer where they are long. Whether some are
  /// left.
  absl::StatusOr<bool> Step(uint32_t table_id, size_t max_entries);

  /// Lets the disk have the space of what was removed, in the background: RocksDB compacts it away.
  absl::Status GiveBack();

  /// To be told of the table, before entries of it that `batch` adds, perhaps behind its place.
  void BeginAnew(uint32_t table_id, rocksdb::WriteBatch& batch);

 private:
  /// What a step may still take.
  struct Left {
    size_t entries = 0;
    size_t bytes = 0;
    bool damaged = false;  // what is damaged was passed over
  };
  struct Range {
    ShardFamily family = kRowsFamily;
    std::string begin, end;
  };

  /// Adds what is in the range from `place.key` on to the batch, `left` at most, or all of it where
  /// it is damaged; true: all.
  absl::StatusOr<bool> AddRange(const Range& range, RemovalPlace& place, Left& left,
                                rocksdb::WriteBatch& batch) const;

  const ShardDb& shard_;
  bool gives_back_ = false;                  // there is something to give
  std::map<uint32_t, RemovalPlace> places_;  // by table
};

}  // namespace ordinate
