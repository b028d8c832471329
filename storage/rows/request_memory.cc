#include "storage/rows/request_memory.h"

#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Forgotten for each one that is new: more than one, so that the number gets down to the limit.
constexpr int kForgetAtOnce = 4;

}  // namespace

absl::Status RequestMemory::Load() {
  std::string bytes;
  const rocksdb::Status status =
      shard_.rocks->db()->Get({}, shard_.family(kMetaFamily), KeptKey(), &bytes);
  if (status.IsNotFound()) return absl::OkStatus();
  RETURN_IF_ERROR(shard_.Error("read counters of", status));
  const auto count = ParseU64(bytes);
  if (!count) return shard_.DamagedEntry("meta", KeptKey(), "it is not a number");
  count_.store(*count);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<RememberedRequest>> RequestMemory::Read(const std::string& id) const {
  std::string bytes;
  const std::string key = RequestKey(id);
  const rocksdb::Status status =
      shard_.rocks->db()->Get({}, shard_.family(kMetaFamily), key, &bytes);
  if (status.IsNotFound()) return std::nullopt;
  RETURN_IF_ERROR(shard_.Error("read a request of", status));
  auto request = ParseRequest(bytes);
  if (!request) return shard_.DamagedEntry("meta", key, "it is not a request");
  return request;
}

absl::StatusOr<std::optional<RememberedRequest>> RequestMemory::Find(const std::string& id,
                                                                     int64_t now_micros) const {
  ASSIGN_OR_RETURN(auto request, Read(id));
  if (request.has_value() && request->time_micros + limits_.keep_micros < now_micros) {
    return std::nullopt;
  }
  return request;
}

absl::Status RequestMemory::Add(const LogRecord& record, rocksdb::WriteBatch& batch) {
  if (!next_count_.has_value()) {
    next_count_ = count_.load();
    next_oldest_seq_ = oldest_seq_;
  }
  rocksdb::ColumnFamilyHandle* const meta = shard_.family(kMetaFamily);
  const std::string& id = record.request->id;
  ASSIGN_OR_RETURN(const auto old, Read(id));  // too old to be found, and not yet forgotten
  if (old.has_value() && old->seq < next_oldest_seq_) {
    ++*next_count_;  // forgotten by this very batch
  } else if (old.has_value()) {
    batch.Delete(meta, AskedKey(old->seq));
  } else {
    ++*next_count_;
  }
  added_.insert(id);
  RETURN_IF_ERROR(ForgetOld(record.time_micros, batch));
  batch.Put(meta, RequestKey(id),
            RequestValue(
                {.seq = record.seq, .time_micros = record.time_micros, .note = *record.request}));
  batch.Put(meta, AskedKey(record.seq), AskedValue(record.time_micros, id));
  batch.Put(meta, KeptKey(), U64Bytes(*next_count_));
  return absl::OkStatus();
}

absl::Status RequestMemory::ForgetOld(int64_t now_micros, rocksdb::WriteBatch& batch) {
  rocksdb::ColumnFamilyHandle* const meta = shard_.family(kMetaFamily);
  std::unique_ptr<rocksdb::Iterator> it(shard_.rocks->db()->NewIterator({}, meta));
  it->Seek(AskedKey(next_oldest_seq_));
  for (int forgotten = 0; forgotten < kForgetAtOnce; it->Next()) {
    if (!it->Valid() || !it->key().starts_with(AskedPrefix())) break;
    const auto seq = ParseU64(StdView(it->key()).substr(AskedPrefix().size()));
    const auto asked = ParseAsked(StdView(it->value()));
    if (!seq || !asked)
      return shard_.DamagedEntry("meta", StdView(it->key()), "it does not decode");
    const bool old = asked->time_micros + limits_.keep_micros < now_micros;
    if (!old && *next_count_ <= limits_.max_count) break;
    next_oldest_seq_ = *seq + 1;
    if (added_.contains(asked->id)) continue;  // used again, after its time
    batch.Delete(meta, AskedKey(*seq));
    batch.Delete(meta, RequestKey(asked->id));
    --*next_count_;
    ++forgotten;
  }
  return shard_.Error("read requests of", it->status());
}

void RequestMemory::Committed() {
  if (!next_count_.has_value()) return;
  count_.store(*next_count_);
  oldest_seq_ = next_oldest_seq_;
  GiveUp();
}

void RequestMemory::GiveUp() {
  next_count_.reset();
  added_.clear();
}

}  // namespace ordinate
