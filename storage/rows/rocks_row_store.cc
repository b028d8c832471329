#include <rocksdb/write_batch.h>

#include <algorithm>
#include <map>
#include <set>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/rocks/rocks_backup.h"
#include "storage/rows/apply_batch.h"
#include "storage/rows/request_memory.h"
#include "storage/rows/shard_db.h"
#include "storage/rows/table_removal.h"

namespace ordinate {
namespace {

class RocksView : public RowStore::View {
 public:
  explicit RocksView(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~RocksView() override { db_->ReleaseSnapshot(snapshot_); }
  const rocksdb::Snapshot* snapshot() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

rocksdb::ReadOptions ReadAt(const RowStore::View* view) {
  rocksdb::ReadOptions options;
  if (view != nullptr) options.snapshot = static_cast<const RocksView*>(view)->snapshot();
  return options;
}

class RocksRowStore : public RowStore {
 public:
  RocksRowStore(std::shared_ptr<ShardDb> shard, const RequestLimits& limits)
      : shard_(std::move(shard)), requests_(*shard_, limits), removal_(*shard_) {}

  absl::Status Load() {
    RETURN_IF_ERROR(requests_.Load());
    return removal_.Load();
  }

  absl::Status Apply(std::span<const LogRecord> records, std::span<const TableRetention> retention,
                     Newest* read) override;
  std::unique_ptr<Newest> ReadNewest() const override {
    return std::make_unique<RowReads>(*shard_);
  }
  uint64_t applied_seq() const override { return shard_->applied_seq.load(); }
  absl::StatusOr<std::optional<RememberedRequest>> FindRequest(const std::string& id,
                                                               int64_t now_micros) const override {
    return requests_.Find(id, now_micros);
  }
  uint64_t remembered_requests() const override { return requests_.count(); }
  std::shared_ptr<const View> TakeView() const override {
    return std::make_shared<RocksView>(shard_->rocks->db());
  }
  absl::StatusOr<std::optional<StoredRow>> Get(const View* view, uint32_t table_id, RowId id,
                                               uint64_t at_seq) const override;
  absl::Status Scan(const View* view, uint32_t table_id, RowId first, uint64_t at_seq,
                    const std::function<absl::StatusOr<bool>(StoredRow&&)>& visit) const override;
  absl::StatusOr<uint64_t> CountRows(const View* view, uint32_t table_id) const override;
  absl::Status ReadChanges(const View* view, uint32_t table_id, uint64_t after,
                           const std::function<absl::Status(const Change&)>& visit) const override;
  absl::StatusOr<uint64_t> ChangesCompleteAfter(uint32_t table_id) const override;
  absl::StatusOr<bool> TrimChanges(uint64_t up_to, const TableRetention& retention,
                                   size_t max_changes) override;
  absl::StatusOr<std::vector<uint32_t>> TableIds() const override;
  absl::Status GiveBackRemoved() override { return removal_.GiveBack(); }
  absl::StatusOr<bool> RemoveTable(uint32_t table_id, size_t max_entries) override {
    trimmed_to_.erase(table_id);
    return removal_.Step(table_id, max_entries);
  }
  absl::Status AddDisplaced(uint32_t table_id, const std::string& key, RowId id) override;
  absl::StatusOr<std::vector<std::pair<std::string, RowId>>> ReadDisplaced(
      uint32_t table_id) const override;
  absl::Status VerifyChecksums(
      const std::function<void(uint64_t bytes_read)>& progress) const override {
    return VerifyShard(*shard_, progress);
  }
  absl::StatusOr<StoreBackup> BackUp(const BackupTarget& target) const override {
    const uint64_t sequence = shard_->last_seq.load();
    ASSIGN_OR_RETURN(StoreBackup made, BackUpStore(*shard_->rocks, target));
    made.sequence = sequence;
    return made;
  }

 private:
  /// What the records change, into one batch that advances the applied sequence to `seq`.
  absl::Status ApplyAll(std::span<const LogRecord> records, ApplyBatch& changes, uint64_t& seq);
  absl::StatusOr<StoredRow> Decode(const rocksdb::Iterator& it) const;
  /// Adds the tables that have keys from `from` up to `to`, if any, with `prefix` before their ids.
  absl::Status AddTableIds(ShardFamily family, const std::string& prefix, const std::string& from,
                           const std::string& to, std::set<uint32_t>& ids) const;

  const std::shared_ptr<ShardDb> shard_;
  RequestMemory requests_;
  // By table: no change up to here is left, so that no scan passes their tombstones again. The
  // applier thread alone.
  std::map<uint32_t, uint64_t> trimmed_to_;
  TableRemoval removal_;  // the applier thread alone
};

absl::Status RocksRowStore::Apply(std::span<const LogRecord> records,
                                  std::span<const TableRetention> retention, Newest* read) {
  RETURN_IF_ERROR(shard_->rocks->CheckWritable());
  if (records.empty()) return absl::OkStatus();
  RowReads own(*shard_);
  ApplyBatch changes(*shard_, read == nullptr ? own : static_cast<RowReads&>(*read), retention);
  uint64_t seq = applied_seq();
  const absl::Status applied = ApplyAll(records, changes, seq);
  if (!applied.ok()) {
    requests_.GiveUp();
    return applied;
  }
  requests_.Committed();
  shard_->applied_seq.store(seq);
  return absl::OkStatus();
}

absl::Status RocksRowStore::ApplyAll(std::span<const LogRecord> records, ApplyBatch& changes,
                                     uint64_t& seq) {
  for (const LogRecord& record : records) {
    if (record.seq <= seq) {
      return absl::InvalidArgumentError(
          Concat("a record of sequence ", record.seq, " cannot be applied after ", seq));
    }
    seq = record.seq;
    for (const Mutation& mutation : record.mutations) {
      removal_.BeginAnew(mutation.table_id, changes.batch());
    }
    RETURN_IF_ERROR(changes.Add(record));
    if (record.request.has_value()) RETURN_IF_ERROR(requests_.Add(record, changes.batch()));
    changes.batch().Delete(shard_->family(kLogFamily), LogKey(seq));
  }
  RETURN_IF_ERROR(changes.Finish());
  changes.batch().Put(shard_->family(kMetaFamily), AppliedKey(), U64Bytes(seq));
  return shard_->rocks->Write(changes.batch(), /*sync=*/false);
}

absl::StatusOr<StoredRow> RocksRowStore::Decode(const rocksdb::Iterator& it) const {
  const auto parts = ParseRowKey(StdView(it.key()));
  if (!parts) return shard_->DamagedEntry("rows", StdView(it.key()), "its length is wrong");
  std::string_view key, cells;
  if (!SplitRowValue(StdView(it.value()), key, cells)) {
    return shard_->DamagedEntry("rows", StdView(it.key()), "its value is cut off");
  }
  return StoredRow{.id = parts->row_id,
                   .version = parts->version,
                   .key = std::string(key),
                   .cells = std::string(cells)};
}

absl::StatusOr<std::optional<StoredRow>> RocksRowStore::Get(const View* view, uint32_t table_id,
                                                            RowId id, uint64_t at_seq) const {
  rocksdb::ReadOptions options = ReadAt(view);
  options.prefix_same_as_start = true;
  std::unique_ptr<rocksdb::Iterator> it(
      shard_->rocks->db()->NewIterator(options, shard_->family(kRowsFamily)));
  it->Seek(RowKey(table_id, id, at_seq));
  if (!it->Valid() || !it->key().starts_with(RowPrefix(table_id, id))) {
    RETURN_IF_ERROR(shard_->Error("read a row of", it->status()));
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(StoredRow row, Decode(*it));
  return row;
}

absl::Status RocksRowStore::Scan(
    const View* view, uint32_t table_id, RowId first, uint64_t at_seq,
    const std::function<absl::StatusOr<bool>(StoredRow&&)>& visit) const {
  rocksdb::ReadOptions options = ReadAt(view);
  options.total_order_seek = true;
  options.fill_cache = false;  // a scan would push everything else out
  const std::string end = TablePrefixEnd(table_id);
  const rocksdb::Slice end_slice(end);
  options.iterate_upper_bound = &end_slice;
  std::unique_ptr<rocksdb::Iterator> it(
      shard_->rocks->db()->NewIterator(options, shard_->family(kRowsFamily)));
  std::optional<RowId> visited;
  for (it->Seek(RowPrefix(table_id, first)); it->Valid(); it->Next()) {
    const auto parts = ParseRowKey(StdView(it->key()));
    if (!parts) return shard_->DamagedEntry("rows", StdView(it->key()), "its length is wrong");
    if (parts->version > at_seq || visited == parts->row_id) continue;
    visited = parts->row_id;
    ASSIGN_OR_RETURN(StoredRow row, Decode(*it));
    ASSIGN_OR_RETURN(const bool more, visit(std::move(row)));
    if (!more) return absl::OkStatus();
  }
  return shard_->Error("scan rows of", it->status());
}

absl::StatusOr<uint64_t> RocksRowStore::CountRows(const View* view, uint32_t table_id) const {
  std::string bytes;
  const std::string key = CountKey(table_id);
  const rocksdb::Status status =
      shard_->rocks->db()->Get(ReadAt(view), shard_->family(kMetaFamily), key, &bytes);
  if (status.IsNotFound()) return 0;
  RETURN_IF_ERROR(shard_->Error("read counters of", status));
  const auto count = ParseU64(bytes);
  if (!count) return shard_->DamagedEntry("meta", key, "it is not a number");
  return *count;
}

absl::Status RocksRowStore::ReadChanges(
    const View* view, uint32_t table_id, uint64_t after,
    const std::function<absl::Status(const Change&)>& visit) const {
  if (after == UINT64_MAX) return absl::OkStatus();
  rocksdb::ReadOptions options = ReadAt(view);
  const std::string end = TablePrefixEnd(table_id);
  const rocksdb::Slice end_slice(end);
  options.iterate_upper_bound = &end_slice;
  std::unique_ptr<rocksdb::Iterator> it(
      shard_->rocks->db()->NewIterator(options, shard_->family(kChangesFamily)));
  for (it->Seek(ChangeKey(table_id, after + 1, 0)); it->Valid(); it->Next()) {
    const auto parts = ParseChange(StdView(it->key()), StdView(it->value()));
    if (!parts) return shard_->DamagedEntry("changes", StdView(it->key()), "it does not decode");
    RETURN_IF_ERROR(visit(parts->change));
  }
  return shard_->Error("read changes of", it->status());
}

absl::StatusOr<uint64_t> RocksRowStore::ChangesCompleteAfter(uint32_t table_id) const {
  std::string bytes;
  const std::string key = CompleteAfterKey(table_id);
  const rocksdb::Status status =
      shard_->rocks->db()->Get({}, shard_->family(kMetaFamily), key, &bytes);
  if (status.IsNotFound()) return 0;
  RETURN_IF_ERROR(shard_->Error("read counters of", status));
  const auto seq = ParseU64(bytes);
  if (!seq) return shard_->DamagedEntry("meta", key, "it is not a number");
  return *seq;
}

absl::StatusOr<bool> RocksRowStore::TrimChanges(uint64_t up_to, const TableRetention& retention,
                                                size_t max_changes) {
  RETURN_IF_ERROR(shard_->rocks->CheckWritable());
  up_to = std::min(up_to, retention.keep_after);
  for (const uint64_t pin : retention.pinned) up_to = std::min(up_to, pin);
  uint64_t& trimmed_to = trimmed_to_[retention.table_id];
  if (trimmed_to >= up_to) return false;
  const absl::Status full = absl::CancelledError();
  RowReads reads(*shard_);
  ApplyBatch changes(*shard_, reads, {&retention, 1});
  size_t trimmed = 0;
  uint64_t last_trimmed = 0;
  uint64_t complete_to = up_to;
  const absl::Status read = ReadChanges(
      nullptr, retention.table_id, trimmed_to, [&](const Change& change) -> absl::Status {
        if (change.seq > up_to) return full;
        if (trimmed == max_changes) {
          complete_to = change.seq - 1;
          return full;
        }
        ++trimmed;
        last_trimmed = change.seq;
        changes.batch().Delete(shard_->family(kChangesFamily),
                               ChangeKey(retention.table_id, change.seq, change.row_id));
        return changes.Collect(retention.table_id, change.row_id);
      });
  if (!read.ok() && read != full) return read;
  if (trimmed > 0) {
    RETURN_IF_ERROR(changes.Finish());
    ASSIGN_OR_RETURN(const uint64_t complete_after, ChangesCompleteAfter(retention.table_id));
    // Beyond what is trimmed there may be changes that were never noted.
    changes.batch().Put(shard_->family(kMetaFamily), CompleteAfterKey(retention.table_id),
                        U64Bytes(std::max(complete_after, last_trimmed)));
    RETURN_IF_ERROR(shard_->rocks->Write(changes.batch(), /*sync=*/false));
  }
  trimmed_to = complete_to;
  return complete_to < up_to;
}

absl::StatusOr<std::vector<uint32_t>> RocksRowStore::TableIds() const {
  std::set<uint32_t> ids;
  const std::pair<ShardFamily, std::string> places[] = {{kRowsFamily, ""},
                                                        {kChangesFamily, ""},
                                                        {kMetaFamily, CountPrefix()},
                                                        {kMetaFamily, DisplacedPrefix()}};
  for (const auto& [family, prefix] : places) {
    // What is being removed is known, and may be nothing but tombstones, which take long to pass.
    std::string from = prefix;
    for (const auto& [id, place] : removal_.places()) {
      RETURN_IF_ERROR(AddTableIds(family, prefix, from, prefix + TablePrefix(id), ids));
      from = prefix + TablePrefixEnd(id);
    }
    RETURN_IF_ERROR(AddTableIds(family, prefix, from, "", ids));
  }
  for (const auto& [id, place] : removal_.places()) ids.insert(id);
  return std::vector<uint32_t>(ids.begin(), ids.end());
}

absl::Status RocksRowStore::AddTableIds(ShardFamily family, const std::string& prefix,
                                        const std::string& from, const std::string& to,
                                        std::set<uint32_t>& ids) const {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  const rocksdb::Slice end(to);
  if (!to.empty()) options.iterate_upper_bound = &end;
  std::unique_ptr<rocksdb::Iterator> it(
      shard_->rocks->db()->NewIterator(options, shard_->family(family)));
  it->Seek(from);
  while (it->Valid() && it->key().starts_with(prefix)) {
    const auto id = ParseU32(StdView(it->key()).substr(prefix.size(), sizeof(uint32_t)));
    if (!id) return shard_->DamagedEntry("of a table", StdView(it->key()), "it names no table");
    ids.insert(*id);
    it->Seek(prefix + TablePrefixEnd(*id));
  }
  return shard_->Error("list tables of", it->status());
}

absl::Status RocksRowStore::AddDisplaced(uint32_t table_id, const std::string& key, RowId id) {
  RETURN_IF_ERROR(shard_->rocks->CheckWritable());
  rocksdb::WriteBatch batch;
  removal_.BeginAnew(table_id, batch);
  batch.Put(shard_->family(kMetaFamily), DisplacedPrefix(table_id) + key, U64Bytes(id));
  return shard_->rocks->Write(batch, /*sync=*/true);
}

absl::StatusOr<std::vector<std::pair<std::string, RowId>>> RocksRowStore::ReadDisplaced(
    uint32_t table_id) const {
  std::vector<std::pair<std::string, RowId>> displaced;
  const std::string prefix = DisplacedPrefix(table_id);
  std::unique_ptr<rocksdb::Iterator> it(
      shard_->rocks->db()->NewIterator({}, shard_->family(kMetaFamily)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const auto id = ParseU64(StdView(it->value()));
    if (!id) return shard_->DamagedEntry("meta", StdView(it->key()), "it is not a row id");
    displaced.emplace_back(std::string(StdView(it->key()).substr(prefix.size())), *id);
  }
  RETURN_IF_ERROR(shard_->Error("read displaced keys of", it->status()));
  return displaced;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowStore>> NewRocksRowStore(std::shared_ptr<ShardDb> shard,
                                                           const RequestLimits& limits) {
  auto rows = std::make_unique<RocksRowStore>(std::move(shard), limits);
  RETURN_IF_ERROR(rows->Load());
  return std::unique_ptr<RowStore>(std::move(rows));
}

}  // namespace ordinate
