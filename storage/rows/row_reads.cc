#include "storage/rows/row_reads.h"

#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

rocksdb::Iterator* NewRowIterator(const ShardDb& shard) {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;  // the bloom filters answer for rows that are not there
  return shard.rocks->db()->NewIterator(options, shard.family(kRowsFamily));
}

}  // namespace

absl::StatusOr<const RowReads::Row*> RowReads::Find(uint32_t table_id, RowId row_id) {
  const RowName name(table_id, row_id);
  const auto [place, fresh] = found_.try_emplace(name);
  if (!fresh) return &place->second;
  const absl::Status read = Read(name, place->second);
  if (read.ok()) return &place->second;
  found_.erase(place);
  return read;
}

absl::Status RowReads::Read(const RowName& name, Row& row) {
  const absl::Status read = ReadVersions(name, row);
  if (!read.ok()) rows_.reset();
  return read;
}

absl::Status RowReads::ReadVersions(const RowName& name, Row& row) {
  if (rows_ == nullptr) rows_.reset(NewRowIterator(shard_));
  const std::string prefix = RowPrefix(name.first, name.second);
  for (rows_->Seek(prefix); rows_->Valid() && rows_->key().starts_with(prefix); rows_->Next()) {
    const auto parts = ParseRowKey(StdView(rows_->key()));
    if (!parts) return shard_.DamagedEntry("rows", StdView(rows_->key()), "its length is wrong");
    if (row.versions.empty()) {
      std::string_view key, cells;
      if (!SplitRowValue(StdView(rows_->value()), key, cells)) {
        return shard_.DamagedEntry("rows", StdView(rows_->key()), "its value is cut off");
      }
      row.key = key;
      last_ = name;
      last_cells_ = cells;
    }
    row.versions.push_back(parts->version);
  }
  return shard_.Error("read rows of", rows_->status());
}

absl::StatusOr<std::optional<RowStore::Newest::Head>> RowReads::FindHead(uint32_t table_id,
                                                                         RowId row_id) {
  ASSIGN_OR_RETURN(const Row* row, Find(table_id, row_id));
  if (row->versions.empty()) return std::nullopt;
  return Head{row->key, row->versions.front()};
}

absl::StatusOr<std::optional<StoredRow>> RowReads::Get(uint32_t table_id, RowId row_id) {
  ASSIGN_OR_RETURN(const Row* row, Find(table_id, row_id));
  if (row->versions.empty()) return std::nullopt;
  const RowName name(table_id, row_id);
  if (last_ != name) {
    Row again;
    RETURN_IF_ERROR(Read(name, again));
  }
  return StoredRow{
      .id = row_id, .version = row->versions.front(), .key = row->key, .cells = last_cells_};
}

}  // namespace ordinate
