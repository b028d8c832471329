#include <rocksdb/write_batch.h>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/rows/log_codec.h"
#include "storage/rows/shard_db.h"

namespace ordinate {
namespace {

class RocksUpdateLog : public UpdateLog {
 public:
  explicit RocksUpdateLog(std::shared_ptr<ShardDb> shard) : shard_(std::move(shard)) {}

  absl::Status Append(std::span<const LogRecord> records) override {
    RETURN_IF_ERROR(Check());
    if (records.empty()) return absl::OkStatus();
    rocksdb::WriteBatch batch;
    uint64_t seq = shard_->last_seq.load();
    for (const LogRecord& record : records) {
      if (record.seq != ++seq) {
        return absl::InvalidArgumentError(
            Concat("a log record has sequence ", record.seq, "; the next is ", seq));
      }
      batch.Put(shard_->family(kLogFamily), LogKey(seq), EncodeLogRecord(record));
    }
    absl::Status written = shard_->rocks->Write(batch, /*sync=*/true);
    if (written.ok()) written = shard_->mark->Set(seq);
    if (!written.ok()) {
      failed_.store(true);
      return written;
    }
    shard_->last_seq.store(seq);
    return absl::OkStatus();
  }

  absl::Status Check() const override {
    RETURN_IF_ERROR(shard_->rocks->CheckWritable());
    RETURN_IF_ERROR(shard_->rocks->CheckLog());
    if (!failed_.load()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        Concat("the update log in '", shard_->rocks->path(),
               "' takes no writes since a write to the disk failed; free or repair the disk and "
               "restart the server"));
  }

  absl::Status Read(uint64_t from,
                    const std::function<absl::Status(LogRecord)>& visit) const override {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> it(
        shard_->rocks->db()->NewIterator(options, shard_->family(kLogFamily)));
    uint64_t expected = 0;
    for (it->Seek(LogKey(from)); it->Valid(); it->Next()) {
      ASSIGN_OR_RETURN(LogRecord record, Decode(StdView(it->key()), StdView(it->value())));
      if (expected != 0 && record.seq != expected) {
        return StoreDamaged(shard_->rocks->path(), Concat("log record ", expected, " is missing"));
      }
      expected = record.seq + 1;
      RETURN_IF_ERROR(visit(std::move(record)));
    }
    return shard_->Error("read the log in", it->status());
  }

  uint64_t last_seq() const override { return shard_->last_seq.load(); }

 private:
  absl::StatusOr<LogRecord> Decode(std::string_view key, std::string_view value) const {
    absl::StatusOr<LogRecord> record = DecodeLogRecord(value);
    if (!record.ok()) return shard_->DamagedEntry("log", key, record.status().ToString());
    if (ParseU64(key) != record->seq) {
      return shard_->DamagedEntry("log", key, Concat("it holds sequence ", record->seq));
    }
    return record;
  }

  const std::shared_ptr<ShardDb> shard_;
  std::atomic<bool> failed_{false};
};

}  // namespace

std::unique_ptr<UpdateLog> NewRocksUpdateLog(std::shared_ptr<ShardDb> shard) {
  return std::make_unique<RocksUpdateLog>(std::move(shard));
}

}  // namespace ordinate
