#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "storage/rocks/acknowledged_mark.h"
#include "storage/rocks/rocks_db.h"
#include "storage/rows/shard_keys.h"

namespace ordinate {

/// What the two faces of a shard's store share.
struct ShardDb {
  std::unique_ptr<RocksDb> rocks;
  std::unique_ptr<AcknowledgedMark> mark;  // the log's writer alone
  std::atomic<uint64_t> applied_seq{0};    // written by the applier
  std::atomic<uint64_t> last_seq{0};       // written by the applier

  rocksdb::ColumnFamilyHandle* family(ShardFamily which) const { return rocks->family(which); }
  absl::Status Error(std::string_view doing, const rocksdb::Status& status) const {
    return FromRocks(doing, rocks->path(), status);
  }
  /// DATA_LOSS for an entry that does not decode.
  absl::Status DamagedEntry(std::string_view family_name, std::string_view key,
                            std::string_view why) const;
};

std::unique_ptr<UpdateLog> NewRocksUpdateLog(std::shared_ptr<ShardDb> shard);
absl::StatusOr<std::unique_ptr<RowStore>> NewRocksRowStore(std::shared_ptr<ShardDb> shard,
                                                           const RequestLimits& limits);

/// Reads every entry of every family and decodes it, then compares the counters with the rows.
absl::Status VerifyShard(const ShardDb& shard,
                         const std::function<void(uint64_t bytes_read)>& progress);

inline std::string_view StdView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace ordinate
