// How the indexes get what was written: at once, or, under ASYNC, after the acknowledgement.
// Applier thread.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/shard/answer_size.h"
#include "engine/shard/local_shard.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// After which a write that was refused for what waits is worth another try.
constexpr uint64_t kRetryMillis = 100;

uint64_t Upserts(const LogRecord& record) {
  const auto upserts = [](const Mutation& one) { return one.kind == Mutation::Kind::kUpsert; };
  return static_cast<uint64_t>(
      std::count_if(record.mutations.begin(), record.mutations.end(), upserts));
}

uint64_t BytesOf(const std::vector<std::pair<RowId, std::vector<Value>>>& rows) {
  uint64_t bytes = 0;
  for (const auto& [id, cells] : rows) bytes += RoughBytes(cells);
  return bytes;
}

}  // namespace

void LocalShard::ApplyToIndexes(Prepared& write) {
  const std::vector<Mutation>& mutations = write.record.mutations;
  std::vector<RowWrite>& rows = write.task.write.rows;
  bool later = false;
  for (auto& [id, index] : indexes_) {
    if (index->definition().table_id != write.task.table_id) continue;
    later |= index->FeedsLater();
    for (size_t i = 0; i < mutations.size(); ++i) {
      const RowId row_id = mutations[i].row_id;
      if (mutations[i].kind == Mutation::Kind::kDelete) {
        index->Delete(row_id, write.record.seq);
        continue;
      }
      index->Note(row_id, write.record.seq, write.record.time_micros);
      if (!index->FeedsLater()) index->Feed(row_id, write.record.seq, rows[write.sources[i]].cells);
    }
    index->EndRecord(write.record.seq);
  }
  if (!later) return;
  Unfed unfed{write.task.table_id, write.record.seq, write.record.time_micros, 0, {}};
  for (size_t i = 0; i < mutations.size(); ++i) {
    if (mutations[i].kind == Mutation::Kind::kDelete) continue;
    unfed.rows.emplace_back(mutations[i].row_id, std::move(rows[write.sources[i]].cells));
  }
  if (unfed.rows.empty()) return;
  unfed_rows_[unfed.table_id] += unfed.rows.size();
  unfed_bytes_ += unfed.bytes = BytesOf(unfed.rows);
  unfed_.push_back(std::move(unfed));
}

absl::Status LocalShard::CheckLag(const Prepared& write,
                                  const std::vector<Prepared>& before) const {
  const uint64_t rows = Upserts(write.record);
  if (rows == 0) return absl::OkStatus();
  for (const auto& [id, index] : indexes_) {
    const IndexDef& definition = index->definition();
    if (definition.table_id != write.task.table_id || !index->FeedsLater()) continue;
    uint64_t waiting = UnfedRows(definition.table_id);
    for (const Prepared& earlier : before) {
      if (earlier.task.table_id == write.task.table_id) waiting += Upserts(earlier.record);
    }
    if (waiting == 0 || waiting + rows <= definition.max_lag_rows) continue;
    return WithRetryDelay(absl::ResourceExhaustedError(Concat(
                              waiting, " rows wait for index '", definition.name, "', and ", rows,
                              " more would pass its max_lag_rows = ", definition.max_lag_rows,
                              ". The write was not taken; try it again")),
                          kRetryMillis);
  }
  return absl::OkStatus();
}

void LocalShard::FeedSome(size_t max_rows) {
  if (unfed_.empty()) return;
  for (size_t fed = 0; fed < max_rows && !unfed_.empty(); unfed_.pop_front()) {
    const Unfed& next = unfed_.front();
    for (auto& [id, index] : indexes_) {
      if (index->definition().table_id != next.table_id || !index->FeedsLater()) continue;
      for (const auto& [row_id, cells] : next.rows) index->Feed(row_id, next.seq, cells);
    }
    fed += next.rows.size();
    unfed_rows_[next.table_id] -= next.rows.size();
    unfed_bytes_ -= next.bytes;
  }
  for (auto& [id, index] : indexes_) {
    if (!index->FeedsLater()) continue;
    const uint32_t table_id = index->definition().table_id;
    const auto next = std::find_if(unfed_.begin(), unfed_.end(), [table_id](const Unfed& one) {
      return one.table_id == table_id;
    });
    if (next == unfed_.end()) {
      index->FedTo(rows_->applied_seq(), 0);
    } else {
      index->FedTo(next->seq - 1, next->time_micros);
    }
  }
}

void LocalShard::FeedAll() { FeedSome(std::numeric_limits<size_t>::max()); }

void LocalShard::FeedWhatIsTooMuch() {
  if (unfed_bytes_ > options_.max_queued_bytes) return FeedAll();
  for (const auto& [id, index] : indexes_) {
    const IndexDef& definition = index->definition();
    if (!index->FeedsLater() || UnfedRows(definition.table_id) <= definition.max_lag_rows) continue;
    return FeedAll();
  }
}

uint64_t LocalShard::UnfedRows(uint32_t table_id) const {
  const auto found = unfed_rows_.find(table_id);
  return found == unfed_rows_.end() ? 0 : found->second;
}

}  // namespace ordinate
