#include "storage/rows/table_removal.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <memory>

#include "storage/base/status_macros.h"

namespace ordinate {

namespace {

// Values are read as well, long ones from blob files. A step takes so many bytes at most, and the
// entry that reaches them.
constexpr size_t kMaxStepBytes = 1 << 20;

}  // namespace

absl::Status TableRemoval::Load() {
  const std::string prefix = RemovingPrefix();
  std::unique_ptr<rocksdb::Iterator> it(
      shard_.rocks->db()->NewIterator({}, shard_.family(kMetaFamily)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const auto table_id = ParseU32(StdView(it->key()).substr(prefix.size()));
    auto place = ParseRemoving(StdView(it->value()));
    if (!table_id || !place) {
      return shard_.DamagedEntry("meta", StdView(it->key()), "it does not decode");
    }
    places_.emplace(*table_id, *std::move(place));
  }
  return shard_.Error("list the tables to be removed from", it->status());
}

void TableRemoval::BeginAnew(uint32_t table_id, rocksdb::WriteBatch& batch) {
  const auto found = places_.find(table_id);
  if (found == places_.end()) return;
  found->second = {};
  batch.Put(shard_.family(kMetaFamily), RemovingKey(table_id), RemovingValue({}));
}

absl::StatusOr<bool> TableRemoval::Step(uint32_t table_id, size_t max_entries) {
  RETURN_IF_ERROR(shard_.rocks->CheckWritable());
  const std::string begin = TablePrefix(table_id);
  const std::string end = TablePrefixEnd(table_id);
  const Range ranges[kRemovalRanges] = {
      {kRowsFamily, begin, end},
      {kChangesFamily, begin, end},
      {kMetaFamily, DisplacedPrefix() + begin, DisplacedPrefix() + end}};
  const auto known = places_.find(table_id);
  RemovalPlace place = known == places_.end() ? RemovalPlace() : known->second;
  rocksdb::WriteBatch batch;
  const bool first = place.range == 0 && place.key.empty();
  if (first) {
    batch.Delete(shard_.family(kMetaFamily), CountKey(table_id));
    batch.Delete(shard_.family(kMetaFamily), CompleteAfterKey(table_id));
  }
  Left left{.entries = max_entries, .bytes = kMaxStepBytes};
  while (place.range < kRemovalRanges) {
    ASSIGN_OR_RETURN(const bool all, AddRange(ranges[place.range], place, left, batch));
    if (!all) break;
    place = {.range = static_cast<uint8_t>(place.range + 1)};
  }
  if (place.range < kRemovalRanges) {
    batch.Put(shard_.family(kMetaFamily), RemovingKey(table_id), RemovingValue(place));
    RETURN_IF_ERROR(shard_.rocks->Write(batch, /*sync=*/false));
    places_[table_id] = std::move(place);
    gives_back_ = true;
    return true;
  }
  batch.Delete(shard_.family(kMetaFamily), RemovingKey(table_id));
  RETURN_IF_ERROR(shard_.rocks->Write(batch, /*sync=*/false));
  places_.erase(table_id);
  // So few that one step had all of them may wait for others.
  gives_back_ |= !first || left.damaged;
  return false;
}

// Tombstones give nothing back while they are in memory.
absl::Status TableRemoval::GiveBack() {
  if (!gives_back_) return absl::OkStatus();
  RETURN_IF_ERROR(shard_.rocks->StartFlush(shard_.family(kRowsFamily)));
  gives_back_ = false;
  return absl::OkStatus();
}

absl::StatusOr<bool> TableRemoval::AddRange(const Range& range, RemovalPlace& place, Left& left,
                                            rocksdb::WriteBatch& batch) const {
  rocksdb::ColumnFamilyHandle* const family = shard_.family(range.family);
  const rocksdb::Slice end(range.end);
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.fill_cache = false;
  options.iterate_upper_bound = &end;  // beyond it may be the tombstones of other tables
  std::unique_ptr<rocksdb::Iterator> it(shard_.rocks->db()->NewIterator(options, family));
  const std::string from = place.key.empty() ? range.begin : place.key;
  for (it->Seek(from); it->Valid(); it->Next()) {
    if (left.entries == 0 || left.bytes == 0) {
      place.key = it->key().ToString();
      return false;
    }
    --left.entries;
    left.bytes -= std::min(left.bytes, it->key().size() + it->value().size());
    batch.Delete(family, it->key());
  }
  const absl::Status read = shard_.Error("remove a table from", it->status());
  if (!absl::IsDataLoss(read)) return read.ok() ? absl::StatusOr<bool>(true) : read;
  rocksdb::Warn(shard_.rocks->db()->GetDBOptions().info_log,
                "a dropped table goes with what is damaged of it: %s",
                it->status().ToString().c_str());
  // A damaged file within the range goes unread, once it is below level 0; one that has other
  // tables' entries too is met by its next compaction, as ever.
  const rocksdb::Slice first(from);
  RETURN_IF_ERROR(shard_.Error("remove a table from",
                               rocksdb::DeleteFilesInRange(shard_.rocks->db(), family, &first, &end,
                                                           /*include_end=*/false)));
  batch.DeleteRange(family, from, range.end);
  left.damaged = true;
  return true;
}

}  // namespace ordinate
