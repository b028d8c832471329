#include "storage/rows/apply_batch.h"

#include <algorithm>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
ApplyBatch::ApplyBatch(const ShardDb& shard, RowReads& reads,
                       std::span<const TableRetention> retention)
    : shard_(shard), reads_(reads) {
  for (const TableRetention& table : retention) retention_[table.table_id] = &table;
}

absl::Status ApplyBatch::Add(const LogRecord& record) {
  for (const Mutation& mutation : record.mutations) {
    const RowName name(mutation.table_id, mutation.row_id);
    ASSIGN_OR_RETURN(RowState * row, Load(mutation.table_id, mutation.row_id));
    if (mutation.kind == Mutation::Kind::kDelete) {
      for (const Version& version : row->versions) Drop(name, version);
      row->versions.clear();
    } else {
      if (!row->versions.empty() && row->versions.front().seq >= record.seq) {
        row->versions.erase(row->versions.begin());  // a second write under one sequence
      }
      row->versions.insert(row->versions.begin(), {record.seq, &mutation});
      CollectVersions(name, *row);
    }
    if (RetentionOf(mutation.table_id).track_changes) {
      batch_.Put(shard_.family(kChangesFamily),
                 ChangeKey(mutation.table_id, record.seq, mutation.row_id),
                 ChangeValue(mutation.kind, record.time_micros));
    } else {
      untracked_[mutation.table_id] = record.seq;
    }
  }
  return absl::OkStatus();
}

absl::Status ApplyBatch::Collect(uint32_t table_id, RowId row_id) {
  ASSIGN_OR_RETURN(RowState * row, Load(table_id, row_id));
  CollectVersions({table_id, row_id}, *row);
  return absl::OkStatus();
}

absl::Status ApplyBatch::Finish() {
  std::map<uint32_t, int64_t> deltas;
  for (const auto& [name, row] : touched_) {
    deltas[name.first] += static_cast<int64_t>(!row.versions.empty()) - row.was_live;
    for (const Version& version : row.versions) {
      if (version.mutation == nullptr) continue;
      batch_.Put(shard_.family(kRowsFamily), RowKey(name.first, name.second, version.seq),
                 RowValue(version.mutation->key, version.mutation->cells));
    }
  }
  for (const auto& [table_id, seq] : untracked_) {
    batch_.Put(shard_.family(kMetaFamily), CompleteAfterKey(table_id), U64Bytes(seq));
  }
  for (const auto& [table_id, delta] : deltas) {
    if (delta != 0) RETURN_IF_ERROR(AddToCount(table_id, delta));
  }
  return absl::OkStatus();
}

const TableRetention& ApplyBatch::RetentionOf(uint32_t table_id) const {
  static const auto* const nothing = new TableRetention();
  const auto found = retention_.find(table_id);
  return found == retention_.end() ? *nothing : *found->second;
}

absl::StatusOr<ApplyBatch::RowState*> ApplyBatch::Load(uint32_t table_id, RowId row_id) {
  const auto [place, fresh] = touched_.try_emplace({table_id, row_id});
  if (!fresh) return &place->second;
  RowState& row = place->second;
  ASSIGN_OR_RETURN(const RowReads::Row* stored, reads_.Find(table_id, row_id));
  row.versions.reserve(stored->versions.size() + 1);
  for (const uint64_t version : stored->versions) row.versions.push_back({version, nullptr});
  row.was_live = !row.versions.empty();
  return &row;
}

void ApplyBatch::Drop(const RowName& name, const Version& version) {
  if (version.mutation != nullptr) return;  // not written yet
  batch_.Delete(shard_.family(kRowsFamily), RowKey(name.first, name.second, version.seq));
}

void ApplyBatch::CollectVersions(const RowName& name, RowState& row) {
  if (row.versions.size() < 2) return;
  const std::vector<uint64_t>& pinned = RetentionOf(name.first).pinned;
  const uint64_t keep_after = RetentionOf(name.first).keep_after;
  std::vector<Version> kept = {row.versions.front()};
  for (size_t i = 1; i < row.versions.size(); ++i) {
    // A pin needs this version when it lies between this one and the next newer of all of them.
    const uint64_t from = row.versions[i].seq;
    const uint64_t to = row.versions[i - 1].seq;
    const bool needed =
        to > keep_after || std::any_of(pinned.begin(), pinned.end(),
                                       [&](uint64_t pin) { return pin >= from && pin < to; });
    if (needed) {
      kept.push_back(row.versions[i]);
    } else {
      Drop(name, row.versions[i]);
    }
  }
  row.versions = std::move(kept);
}

absl::Status ApplyBatch::AddToCount(uint32_t table_id, int64_t delta) {
  const std::string key = CountKey(table_id);
  std::string bytes;
  const rocksdb::Status status =
      shard_.rocks->db()->Get({}, shard_.family(kMetaFamily), key, &bytes);
  uint64_t count = 0;
  if (!status.IsNotFound()) {
    RETURN_IF_ERROR(shard_.Error("read counters of", status));
    const auto stored = ParseU64(bytes);
    if (!stored) return shard_.DamagedEntry("meta", key, "it is not a number");
    count = *stored;
  }
  batch_.Put(shard_.family(kMetaFamily), key, U64Bytes(count + static_cast<uint64_t>(delta)));
  return absl::OkStatus();
}

}  // namespace ordinate
