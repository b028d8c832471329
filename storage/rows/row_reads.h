#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "storage/rows/shard_db.h"

namespace ordinate {

/// A writer's reads of rows, as they are at the first of them. A row is looked up on disk once,
/// however often it is asked for; of cells, only those of the row looked up last are kept, and
/// others are read again. One thread. Outlived by the store.
class RowReads final : public RowStore::Newest {
 public:
  explicit RowReads(const ShardDb& shard) : shard_(shard) {}

  struct Row {
    std::string key;                 // of the newest version
    std::vector<uint64_t> versions;  // newest first; empty: there is no such row
  };
  /// Valid as long as this.
  absl::StatusOr<const Row*> Find(uint32_t table_id, RowId row_id);

  absl::StatusOr<std::optional<Head>> FindHead(uint32_t table_id, RowId row_id) override;
  absl::StatusOr<std::optional<StoredRow>> Get(uint32_t table_id, RowId row_id) override;

 private:
  using RowName = std::pair<uint32_t, RowId>;

  absl::Status Read(const RowName& name, Row& row);
  absl::Status ReadVersions(const RowName& name, Row& row);

  const ShardDb& shard_;
  std::unique_ptr<rocksdb::Iterator> rows_;  // null: nothing was read yet, or a read failed
  absl::node_hash_map<RowName, Row> found_;
  RowName last_{0, 0};
  std::string last_cells_;
};

}  // namespace ordinate
