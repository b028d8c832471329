#include <map>
#include <set>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/rows/log_codec.h"
#include "storage/rows/shard_db.h"

namespace ordinate {
namespace {

constexpr uint64_t kProgressStep = 16 << 20;

// One pass over all families, at one moment.
class Verifier {
 public:
  Verifier(const ShardDb& shard, const std::function<void(uint64_t)>& progress)
      : shard_(shard), progress_(progress), snapshot_(shard.rocks->db()->GetSnapshot()) {}
  ~Verifier() { shard_.rocks->db()->ReleaseSnapshot(snapshot_); }

  absl::Status Run() {
    RETURN_IF_ERROR(shard_.Error("verify", shard_.rocks->db()->VerifyChecksum()));
    RETURN_IF_ERROR(ReadFamily(kRowsFamily, "rows", &Verifier::CheckRow));
    RETURN_IF_ERROR(ReadFamily(kChangesFamily, "changes", &Verifier::CheckChange));
    RETURN_IF_ERROR(ReadFamily(kLogFamily, "log", &Verifier::CheckLog));
    RETURN_IF_ERROR(ReadFamily(kMetaFamily, "meta", &Verifier::CheckMeta));
    if (progress_) progress_(bytes_);
    RETURN_IF_ERROR(CheckRequests());
    return CheckCounts();
  }

 private:
  using Check = std::string (Verifier::*)(std::string_view key, std::string_view value);

  // `check` returns what is wrong with an entry, or nothing.
  absl::Status ReadFamily(ShardFamily family, std::string_view name, Check check) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    options.total_order_seek = true;
    options.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> it(
        shard_.rocks->db()->NewIterator(options, shard_.family(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const std::string wrong = (this->*check)(StdView(it->key()), StdView(it->value()));
      if (!wrong.empty()) return shard_.DamagedEntry(name, StdView(it->key()), wrong);
      bytes_ += it->key().size() + it->value().size();
      if (progress_ && bytes_ >= next_progress_) {
        progress_(bytes_);
        next_progress_ = bytes_ + kProgressStep;
      }
    }
    return shard_.Error("verify", it->status());
  }

  std::string CheckRow(std::string_view key, std::string_view value) {
    const auto parts = ParseRowKey(key);
    if (!parts) return "its length is wrong";
    std::string_view row_key, cells;
    if (!SplitRowValue(value, row_key, cells)) return "its value is cut off";
    if (last_row_ != std::pair(parts->table_id, parts->row_id)) ++found_[parts->table_id];
    last_row_ = {parts->table_id, parts->row_id};
    return "";
  }

  std::string CheckChange(std::string_view key, std::string_view value) {
    return ParseChange(key, value) ? "" : "it does not decode";
  }

  std::string CheckLog(std::string_view key, std::string_view value) {
    const auto record = DecodeLogRecord(value);
    if (!record.ok()) return record.status().ToString();
    return ParseU64(key) == record->seq ? "" : Concat("it holds sequence ", record->seq);
  }

  std::string CheckMeta(std::string_view key, std::string_view value) {
    if (key == FormatKey()) return ParseU32(value) ? "" : "it is not a number";
    if (key.starts_with(RequestPrefix())) {
      const auto request = ParseRequest(value);
      if (!request) return "it is not a request";
      ++requests_;
      return key == RequestKey(request->note.id) ? "" : Concat("it holds ", request->note.id);
    }
    if (key.starts_with(AskedPrefix()) && ParseU64(key.substr(AskedPrefix().size()))) {
      ++asked_;
      return ParseAsked(value) ? "" : "it does not decode";
    }
    if (key.starts_with(RemovingPrefix())) {
      const auto table_id = ParseU32(key.substr(RemovingPrefix().size()));
      if (!table_id) return "it names no table";
      removing_.insert(*table_id);
      return ParseRemoving(value) ? "" : "it does not decode";
    }
    if (!ParseU64(value)) return "it is not a number";
    if (key == KeptKey()) {
      kept_ = *ParseU64(value);
      return "";
    }
    if (key == AppliedKey()) return "";
    if (key.starts_with(CountPrefix())) {
      const auto table_id = ParseU32(key.substr(CountPrefix().size()));
      if (!table_id) return "it names no table";
      counted_[*table_id] = *ParseU64(value);
      return "";
    }
    if (key.starts_with(CompleteAfterPrefix())) {
      return ParseU32(key.substr(CompleteAfterPrefix().size())) ? "" : "it names no table";
    }
    const bool displaced = key.starts_with(DisplacedPrefix()) &&
                           key.size() >= DisplacedPrefix().size() + sizeof(uint32_t);
    return displaced ? "" : "it is not known";
  }

  absl::Status CheckRequests() const {
    if (requests_ == kept_ && asked_ == kept_) return absl::OkStatus();
    return StoreDamaged(shard_.rocks->path(),
                        Concat("it counts ", kept_, " remembered requests, but holds ", requests_,
                               " by id and ", asked_, " by sequence"));
  }

  absl::Status CheckCounts() const {
    std::map<uint32_t, uint64_t> counted = counted_;
    std::map<uint32_t, uint64_t> found = found_;
    std::erase_if(counted, [](const auto& entry) { return entry.second == 0; });
    for (const uint32_t table_id : removing_) {
      counted.erase(table_id);
      found.erase(table_id);
    }
    if (counted == found) return absl::OkStatus();
    for (const auto& [table_id, count] : counted) {
      const auto of_table = found.find(table_id);
      const uint64_t rows = of_table == found.end() ? 0 : of_table->second;
      if (rows != count) {
        return StoreDamaged(shard_.rocks->path(), Concat("table ", table_id, " counts ", count,
                                                         " rows but holds ", rows));
      }
    }
    return StoreDamaged(shard_.rocks->path(), "a table holds rows but counts none");
  }

  const ShardDb& shard_;
  const std::function<void(uint64_t)>& progress_;
  const rocksdb::Snapshot* const snapshot_;
  uint64_t bytes_ = 0;
  uint64_t next_progress_ = kProgressStep;
  std::optional<std::pair<uint32_t, RowId>> last_row_;
  uint64_t requests_ = 0, asked_ = 0, kept_ = 0;  // remembered, by key; counted
  std::map<uint32_t, uint64_t> found_;            // rows seen, by table
  std::map<uint32_t, uint64_t> counted_;          // rows the counters claim
  std::set<uint32_t> removing_;                   // tables whose rows are not counted any more
};

}  // namespace

absl::Status VerifyShard(const ShardDb& shard,
                         const std::function<void(uint64_t bytes_read)>& progress) {
  return Verifier(shard, progress).Run();
}

}  // namespace ordinate
