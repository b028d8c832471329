#include "engine/shard/row_id_resolver.h"

#include <algorithm>

#include "storage/base/status_macros.h"
#include "storage/model/key.h"

namespace ordinate {
absl::Status RowIdResolver::LoadTable(uint32_t table_id) {
  ASSIGN_OR_RETURN(auto pairs, rows_.ReadDisplaced(table_id));
  MutexLock lock(displaced_mutex_);
  auto& keys = displaced_[table_id];
  for (auto& [key, id] : pairs) keys[key] = id;
  return absl::OkStatus();
}

void RowIdResolver::ForgetTable(uint32_t table_id) {
  MutexLock lock(displaced_mutex_);
  displaced_.erase(table_id);
}

RowId RowIdResolver::WhereIs(uint32_t table_id, RowId preferred, const std::string& key) const {
  if (key.empty()) return preferred;
  MutexLock lock(displaced_mutex_);
  const auto table = displaced_.find(table_id);
  if (table == displaced_.end()) return preferred;
  const auto moved = table->second.find(key);
  return moved == table->second.end() ? preferred : moved->second;
}

bool RowIdResolver::IsDisplacedId(uint32_t table_id, RowId id) const {
  MutexLock lock(displaced_mutex_);
  const auto table = displaced_.find(table_id);
  if (table == displaced_.end()) return false;
  return std::any_of(table->second.begin(), table->second.end(),
                     [id](const auto& entry) { return entry.second == id; });
}

absl::StatusOr<std::optional<RowIdResolver::Holder>> RowIdResolver::HolderOf(uint32_t table_id,
                                                                             RowId id) {
  if (const auto noted = notes_.find({table_id, id}); noted != notes_.end()) {
    const auto& [seq, mutation] = noted->second;
    return Holder{mutation->kind == Mutation::Kind::kUpsert, mutation->key, seq};
  }
  ASSIGN_OR_RETURN(std::optional<RowStore::Newest::Head> head, Stored().FindHead(table_id, id));
  if (!head.has_value()) return std::nullopt;
  return Holder{true, std::move(head->key), head->version};
}

RowStore::Newest& RowIdResolver::Stored() {
  if (reads_ == nullptr) reads_ = rows_.ReadNewest();
  return *reads_;
}

absl::StatusOr<std::optional<StoredRow>> RowIdResolver::Newest(uint32_t table_id, RowId id) {
  const auto noted = notes_.find({table_id, id});
  if (noted == notes_.end()) return Stored().Get(table_id, id);
  const auto& [seq, mutation] = noted->second;
  if (mutation->kind == Mutation::Kind::kDelete) return std::nullopt;
  return StoredRow{.id = id, .version = seq, .key = mutation->key, .cells = mutation->cells};
}

absl::StatusOr<RowId> RowIdResolver::ResolveForWrite(uint32_t table_id, RowId preferred,
                                                     const std::string& key) {
  if (key.empty()) return preferred;
  const RowId usual = WhereIs(table_id, preferred, key);
  ASSIGN_OR_RETURN(auto holder, HolderOf(table_id, usual));
  if (!holder.has_value() || !holder->live || holder->key == key) return usual;
  for (uint32_t attempt = 1;; ++attempt) {
    const RowId id = DisplacedRowId(preferred, attempt, shards_);
    ASSIGN_OR_RETURN(holder, HolderOf(table_id, id));
    if ((holder.has_value() && holder->live) || IsDisplacedId(table_id, id)) continue;
    RETURN_IF_ERROR(rows_.AddDisplaced(table_id, key, id));
    MutexLock lock(displaced_mutex_);
    displaced_[table_id][key] = id;
    return id;
  }
}

absl::StatusOr<RowIdResolver::Found> RowIdResolver::Find(uint32_t table_id, RowId preferred,
                                                         const std::string& key) {
  Found found{.id = WhereIs(table_id, preferred, key)};
  ASSIGN_OR_RETURN(auto holder, HolderOf(table_id, found.id));
  found.live = holder.has_value() && holder->live && (key.empty() || holder->key == key);
  if (found.live) found.version = holder->version;
  return found;
}

absl::Status RowIdResolver::LookUp(uint32_t table_id, RowId id) {
  return Stored().FindHead(table_id, id).status();
}

void RowIdResolver::Note(uint64_t seq, const Mutation& mutation) {
  notes_[{mutation.table_id, mutation.row_id}] = Noted{seq, &mutation};
}

}  // namespace ordinate
