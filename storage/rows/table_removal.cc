#include "storage/rows/table_removal.h"

#include <memory>

#include "storage/base/status_macros.h"

namespace ordinate {

absl::StatusOr<bool> TableRemoval::Step(uint32_t table_id, size_t max_entries) {
  RETURN_IF_ERROR(shard_.rocks->CheckWritable());
  const std::pair<ShardFamily, std::string> ranges[] = {{kRowsFamily, TablePrefix(table_id)},
                                                        {kChangesFamily, TablePrefix(table_id)},
                                                        {kMetaFamily, DisplacedPrefix(table_id)}};
  Place place = places_[table_id];
  rocksdb::WriteBatch batch;
  size_t left = max_entries;
  while (place.range < std::size(ranges)) {
    const auto& [family, prefix] = ranges[place.range];
    ASSIGN_OR_RETURN(const bool all, AddRange(family, prefix, place, left, batch));
    if (!all) break;
    place = {.range = place.range + 1};
  }
  const bool done = place.range == std::size(ranges);
  if (done) {  // with the last of its rows: until then a start finds the table
    batch.Delete(shard_.family(kMetaFamily), CountKey(table_id));
    batch.Delete(shard_.family(kMetaFamily), CompleteAfterKey(table_id));
  }
  RETURN_IF_ERROR(shard_.rocks->Write(batch, /*sync=*/false));
  if (done) {
    places_.erase(table_id);
  } else {
    places_[table_id] = std::move(place);
  }
  return !done;
}

absl::StatusOr<bool> TableRemoval::AddRange(ShardFamily family, const std::string& prefix,
                                            Place& place, size_t& left,
                                            rocksdb::WriteBatch& batch) const {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(
      shard_.rocks->db()->NewIterator(options, shard_.family(family)));
  for (it->Seek(place.key.empty() ? prefix : place.key); it->Valid(); it->Next()) {
    if (!it->key().starts_with(prefix)) return true;
    if (left == 0) {
      place.key = it->key().ToString();
      return false;
    }
    --left;
    batch.Delete(shard_.family(family), it->key());
  }
  RETURN_IF_ERROR(shard_.Error("remove a table from", it->status()));
  return true;
}

}  // namespace ordinate
