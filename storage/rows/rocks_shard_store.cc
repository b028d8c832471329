#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include "absl/strings/escaping.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/rows/shard_db.h"

namespace ordinate {
namespace {

// Version of the keys and values of shard_keys.h. A store of any other is refused.
constexpr uint32_t kFormat = 2;

constexpr size_t kRowsBufferBytes = 64 << 20;
constexpr uint64_t kMinBlobBytes = 256;
// A file with so many tombstones among so many entries in a row is compacted, however few files
// there are: rows that are gone in great number give their space back. An update leaves one
// tombstone to an entry, which is not enough.
constexpr size_t kCompactWindow = 128;
constexpr size_t kCompactTombstones = 112;

rocksdb::ColumnFamilyOptions RowsOptions() {
  rocksdb::BlockBasedTableOptions table = BaseTableOptions();
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = false;
  rocksdb::ColumnFamilyOptions options = BaseFamilyOptions(table);
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kRowPrefixBytes));
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.write_buffer_size = kRowsBufferBytes;
  options.enable_blob_files = true;
  options.min_blob_size = kMinBlobBytes;
  options.enable_blob_garbage_collection = true;
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kCompactWindow, kCompactTombstones));
  return options;
}

std::vector<RocksDb::Family> Families() {
  const rocksdb::ColumnFamilyOptions plain = BaseFamilyOptions(BaseTableOptions());
  return {{"rows", RowsOptions()}, {"changes", plain}, {"log", plain}, {"meta", plain}};
}

// Checks the format, which a new store is given first.
absl::Status CheckFormat(const ShardDb& shard) {
  std::string bytes;
  const rocksdb::Status status =
      shard.rocks->db()->Get({}, shard.family(kMetaFamily), FormatKey(), &bytes);
  if (status.IsNotFound() && shard.rocks->mode() == StoreMode::kCreate) {
    rocksdb::WriteBatch batch;
    batch.Put(shard.family(kMetaFamily), FormatKey(), U32Bytes(kFormat));
    return shard.rocks->Write(batch, /*sync=*/true);
  }
  RETURN_IF_ERROR(shard.Error("read the format of", status));
  const auto format = ParseU32(bytes);
  if (!format) return shard.DamagedEntry("meta", FormatKey(), "it is not a number");
  if (*format == kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(Concat("the store in '", shard.rocks->path(),
                                              "' has format ", *format, "; this version reads ",
                                              kFormat, "; use the version that wrote it"));
}

absl::Status LoadApplied(ShardDb& shard) {
  std::string bytes;
  const rocksdb::Status status =
      shard.rocks->db()->Get({}, shard.family(kMetaFamily), AppliedKey(), &bytes);
  if (status.IsNotFound()) return absl::OkStatus();
  RETURN_IF_ERROR(shard.Error("read the watermark of", status));
  const auto applied = ParseU64(bytes);
  if (!applied) return shard.DamagedEntry("meta", AppliedKey(), "it is not a number");
  shard.applied_seq.store(*applied);
  return absl::OkStatus();
}

// The newest sequence, from the log or, when all of it is applied, the watermark. What the log
// retains must follow the watermark without a gap.
absl::Status LoadLastSeq(ShardDb& shard) {
  std::unique_ptr<rocksdb::Iterator> it(
      shard.rocks->db()->NewIterator({}, shard.family(kLogFamily)));
  uint64_t last = shard.applied_seq.load();
  for (it->Seek(LogKey(last + 1)); it->Valid(); it->Next()) {
    if (ParseU64(StdView(it->key())) != last + 1) {
      return StoreDamaged(shard.rocks->path(), Concat("log record ", last + 1, " is missing"));
    }
    ++last;
  }
  RETURN_IF_ERROR(shard.Error("read the log in", it->status()));
  shard.last_seq.store(last);
  return absl::OkStatus();
}

absl::Status CheckMark(const ShardDb& shard) {
  if (shard.mark->value() <= shard.last_seq.load()) return absl::OkStatus();
  return StoreDamaged(shard.rocks->path(),
                      Concat("its write-ahead log or manifest ends at sequence ",
                             shard.last_seq.load(), ", but writes up to ", shard.mark->value(),
                             " were acknowledged (file 'ACKNOWLEDGED')"));
}

// DATA_LOSS when an acknowledged write is missing.
absl::Status LoadSequences(ShardDb& shard) {
  ASSIGN_OR_RETURN(shard.mark, AcknowledgedMark::Open(shard.rocks->path(),
                                                      shard.rocks->mode() == StoreMode::kReadOnly));
  RETURN_IF_ERROR(LoadApplied(shard));
  RETURN_IF_ERROR(LoadLastSeq(shard));
  return CheckMark(shard);
}

}  // namespace

absl::Status ShardDb::DamagedEntry(std::string_view family_name, std::string_view key,
                                   std::string_view why) const {
  return StoreDamaged(rocks->path(), Concat("entry ", absl::BytesToHexString(AbslView(key)),
                                            " of family '", family_name, "': ", why));
}

absl::StatusOr<ShardStore> OpenShardStore(const std::string& path, StoreMode mode,
                                          const RequestLimits& limits) {
  auto shard = std::make_shared<ShardDb>();
  const auto holds_all = [mode](std::unique_ptr<RocksDb> view) -> absl::Status {
    ShardDb without_tail;
    without_tail.rocks = std::move(view);
    RETURN_IF_ERROR(LoadSequences(without_tail));
    const bool known = without_tail.mark->known() || mode == StoreMode::kCreate;
    return known ? absl::OkStatus() : without_tail.mark->Unknown();
  };
  ASSIGN_OR_RETURN(shard->rocks, RocksDb::Open(path, Families(), mode, holds_all));
  RETURN_IF_ERROR(LoadSequences(*shard));
  RETURN_IF_ERROR(CheckFormat(*shard));
  ASSIGN_OR_RETURN(auto rows, NewRocksRowStore(shard, limits));
  return ShardStore{.rows = std::move(rows), .log = NewRocksUpdateLog(shard)};
}

}  // namespace ordinate
