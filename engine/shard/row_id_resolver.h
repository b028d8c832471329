#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/mutex.h"
#include "storage/rows/row_store.h"

namespace ordinate {

/// Finds and gives row ids on one shard, resolving hash collisions: when another key holds a key's
/// preferred id, the key gets a displaced id, recorded durably before its first write
/// (contract 1.2). Applier thread, but for WhereIs.
class RowIdResolver {
 public:
  RowIdResolver(RowStore& rows, uint32_t shards) : rows_(rows), shards_(shards) {}

  /// Reads the table's displaced keys. Once per table, before it is written.
  absl::Status LoadTable(uint32_t table_id);
  void ForgetTable(uint32_t table_id);

  /// The id under which `key` is or shall be stored. Empty keys (PK_U64, ORDINAL) keep `preferred`.
  absl::StatusOr<RowId> ResolveForWrite(uint32_t table_id, RowId preferred, const std::string& key);

  struct Found {
    RowId id = 0;
    bool live = false;
    uint64_t version = 0;  // the newest; of a live row
  };
  /// Where the row is, and whether it lives. With an empty key, by id alone.
  absl::StatusOr<Found> Find(uint32_t table_id, RowId preferred, const std::string& key);

  /// Where the key's row is, if anywhere. Any thread.
  RowId WhereIs(uint32_t table_id, RowId preferred, const std::string& key) const
      ORDINATE_EXCLUDES(displaced_mutex_);

  /// The newest version of a row: of the group that is about to be committed, or stored.
  absl::StatusOr<std::optional<StoredRow>> Newest(uint32_t table_id, RowId id);

  /// What is stored of the row can be read; Apply will take it from reads().
  absl::Status LookUp(uint32_t table_id, RowId id);

  /// Tells of a write that is about to be committed under `seq`, so that later writes of the same
  /// group see it. `mutation` stays in its place until EndGroup.
  void Note(uint64_t seq, const Mutation& mutation);
  /// What was read of stored rows since the last group; null: nothing.
  RowStore::Newest* reads() const { return reads_.get(); }
  /// The group is in the store, or was given up.
  void EndGroup() {
    notes_.clear();
    reads_.reset();
  }

 private:
  struct Holder {
    bool live = false;
    std::string key;
    uint64_t version = 0;
  };
  struct Noted {
    uint64_t seq = 0;
    const Mutation* mutation = nullptr;
  };
  /// Who holds the id now: noted, or stored; nullopt: nobody.
  absl::StatusOr<std::optional<Holder>> HolderOf(uint32_t table_id, RowId id);

  RowStore::Newest& Stored();

  bool IsDisplacedId(uint32_t table_id, RowId id) const ORDINATE_EXCLUDES(displaced_mutex_);

  RowStore& rows_;
  const uint32_t shards_;
  mutable Mutex displaced_mutex_;
  // By table. Usually empty.
  std::map<uint32_t, absl::flat_hash_map<std::string, RowId>> displaced_
      ORDINATE_GUARDED_BY(displaced_mutex_);
  // Of the group.
  absl::flat_hash_map<std::pair<uint32_t, RowId>, Noted> notes_;
  std::unique_ptr<RowStore::Newest> reads_;
};

}  // namespace ordinate
