#include "storage/catalog/definitions.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "absl/strings/numbers.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/definition_json.h"

namespace ordinate {
namespace {

// Keys of the catalog: "table/<name>" and "index/<name>" hold JSON, "next_id/<what>" the id to
// give next, "ordinal/<table id>" the end of the row ids reserved; numbers are decimal text.
constexpr char kTablePrefix[] = "table/";
constexpr char kIndexPrefix[] = "index/";
constexpr char kOrdinalPrefix[] = "ordinal/";
constexpr char kNextTableId[] = "next_id/table";
constexpr char kNextIndexId[] = "next_id/index";

// Row ids reserved at a time: what a restart may leave unused.
constexpr uint64_t kReservedIds = 1 << 16;
// A writer that loses this many races in a row gives up.
constexpr int kMaxAttempts = 100;

std::string TableKey(std::string_view name) { return Concat(kTablePrefix, name); }
std::string IndexKey(std::string_view name) { return Concat(kIndexPrefix, name); }
std::string OrdinalKey(uint32_t table_id) { return Concat(kOrdinalPrefix, table_id); }

absl::Status InEntry(std::string_view key, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("catalog entry '", AbslView(key), "': ", status.message()));
}

absl::StatusOr<uint64_t> ParseNumber(const Catalog::Entry& entry) {
  uint64_t number = 0;
  if (absl::SimpleAtoi(entry.value, &number) && number > 0) return number;
  return absl::DataLossError(Concat("catalog entry '", entry.key,
                                    "' is not a number > 0; restore the catalog from a backup"));
}

// Adds `count` to the number under `key`, which starts at 1, and returns the number before.
absl::StatusOr<uint64_t> FetchAdd(Catalog& catalog, const std::string& key, uint64_t count,
                                  uint64_t limit) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const auto entry, catalog.Get(key));
    uint64_t number = 1;
    if (entry) {
      ASSIGN_OR_RETURN(number, ParseNumber(*entry));
    }
    if (count > limit || number > limit - count) {
      return absl::ResourceExhaustedError(Concat("'", key, "' stands at ", number, "; ", count,
                                                 " more exceed its limit of ", limit));
    }
    const auto put = catalog.Put(key, absl::StrCat(number + count), entry ? entry->revision : 0);
    if (put.ok()) return number;
    if (!absl::IsAborted(put.status())) return put.status();
  }
  return absl::AbortedError(Concat("catalog entry '", key, "' changes all the time; retry"));
}

}  // namespace

const TableDef* DefinitionSet::FindTable(std::string_view name) const {
  const auto found = tables.find(name);
  return found == tables.end() ? nullptr : &found->second;
}

const TableDef* DefinitionSet::FindTable(uint32_t id) const {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const auto& entry) { return entry.second.id == id; });
  return found == tables.end() ? nullptr : &found->second;
}

const IndexDef* DefinitionSet::FindIndex(std::string_view name) const {
  const auto found = indexes.find(name);
  return found == indexes.end() ? nullptr : &found->second;
}

std::vector<const IndexDef*> DefinitionSet::IndexesOf(uint32_t table_id) const {
  std::vector<const IndexDef*> found;
  for (const auto& [name, index] : indexes) {
    if (index.table_id == table_id) found.push_back(&index);
  }
  std::stable_partition(found.begin(), found.end(),
                        [](const IndexDef* index) { return index->engine == Engine::kHnsw; });
  return found;
}

absl::StatusOr<std::unique_ptr<Definitions>> Definitions::Load(Catalog& catalog) {
  std::unique_ptr<Definitions> definitions(new Definitions(catalog));
  MutexLock lock(definitions->mutex_);
  RETURN_IF_ERROR(definitions->Reload());
  return definitions;
}

std::shared_ptr<const DefinitionSet> Definitions::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

absl::StatusOr<TableDef> Definitions::CreateTable(TableDef table) {
  for (uint32_t i = 0; i < table.columns.size(); ++i) table.columns[i].id = i + 1;
  RETURN_IF_ERROR(ValidateTable(table));
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Reload());
  if (current_->FindTable(table.name) != nullptr) {
    return absl::AlreadyExistsError(Concat("table '", table.name, "' exists already"));
  }
  if (current_->tables.size() >= kMaxTables) {
    return absl::ResourceExhaustedError(Concat("there are ", current_->tables.size(),
                                               " tables; the most is ", kMaxTables,
                                               "; drop one first"));
  }
  ASSIGN_OR_RETURN(table.id, NextId(kNextTableId));
  const auto put = catalog_.Put(TableKey(table.name), TableToJson(table), 0);
  if (absl::IsAborted(put.status())) {
    return absl::AlreadyExistsError(Concat("table '", table.name, "' exists already"));
  }
  RETURN_IF_ERROR(put.status());
  RETURN_IF_ERROR(Reload());
  return table;
}

absl::Status Definitions::AddColumn(const TableDef& table) {
  MutexLock lock(mutex_);
  // The entry before the definitions: what changes between them fails the Put.
  ASSIGN_OR_RETURN(const auto entry, catalog_.Get(TableKey(table.name)));
  RETURN_IF_ERROR(Reload());
  const TableDef* found = current_->FindTable(table.name);
  if (!entry.has_value() || found == nullptr || found->id != table.id) {
    return absl::NotFoundError(Concat("there is no table '", table.name, "'"));
  }
  TableDef before = table;
  before.columns.pop_back();
  if (before != *found) {
    return absl::AbortedError(Concat("table '", table.name, "' was changed meanwhile; retry"));
  }
  RETURN_IF_ERROR(catalog_.Put(entry->key, TableToJson(table), entry->revision).status());
  return Reload();
}

absl::StatusOr<TableDef> Definitions::DropTable(std::string_view name) {
  MutexLock lock(mutex_);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    RETURN_IF_ERROR(Reload());
    const TableDef* found = current_->FindTable(name);
    if (found == nullptr) return absl::NotFoundError(Concat("there is no table '", name, "'"));
    const TableDef table = *found;
    absl::Status dropped;
    // The indexes first: cut short, a table without them remains, never an index without a table.
    for (const IndexDef* index : current_->IndexesOf(table.id)) {
      if (dropped.ok()) dropped = Remove(IndexKey(index->name));
    }
    if (dropped.ok()) dropped = Remove(TableKey(name));
    if (dropped.ok()) dropped = Remove(OrdinalKey(table.id));
    RETURN_IF_ERROR(Reload());
    if (dropped.ok()) {
      ranges_.erase(table.id);
      return table;
    }
    if (!absl::IsAborted(dropped)) return dropped;
  }
  return absl::AbortedError(Concat("table '", name, "' changes all the time; retry"));
}

absl::StatusOr<IndexDef> Definitions::CreateIndex(IndexDef index) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Reload());
  const TableDef* table = current_->FindTable(index.table_id);
  if (table == nullptr) {
    return absl::NotFoundError(
        Concat("index '", index.name, "': there is no table with id ", index.table_id));
  }
  RETURN_IF_ERROR(ValidateIndex(index, *table));
  if (current_->FindIndex(index.name) != nullptr) {
    return absl::AlreadyExistsError(Concat("index '", index.name, "' exists already"));
  }
  const size_t count = current_->IndexesOf(table->id).size();
  if (count >= kMaxIndexesPerTable) {
    return absl::ResourceExhaustedError(Concat("table '", table->name, "' has ", count,
                                               " indexes; the most is ", kMaxIndexesPerTable,
                                               "; drop one first"));
  }
  ASSIGN_OR_RETURN(index.id, NextId(kNextIndexId));
  const auto put = catalog_.Put(IndexKey(index.name), IndexToJson(index), 0);
  if (absl::IsAborted(put.status())) {
    return absl::AlreadyExistsError(Concat("index '", index.name, "' exists already"));
  }
  RETURN_IF_ERROR(put.status());
  RETURN_IF_ERROR(Reload());
  return index;
}

absl::StatusOr<IndexDef> Definitions::DropIndex(std::string_view name) {
  MutexLock lock(mutex_);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    RETURN_IF_ERROR(Reload());
    const IndexDef* found = current_->FindIndex(name);
    if (found == nullptr) return absl::NotFoundError(Concat("there is no index '", name, "'"));
    const IndexDef index = *found;
    const absl::Status removed = Remove(IndexKey(name));
    RETURN_IF_ERROR(Reload());
    if (removed.ok()) return index;
    if (!absl::IsAborted(removed)) return removed;
  }
  return absl::AbortedError(Concat("index '", name, "' changes all the time; retry"));
}

absl::StatusOr<IndexDef> Definitions::AlterIndex(std::string_view name,
                                                 const std::function<void(IndexDef&)>& change) {
  MutexLock lock(mutex_);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    // The entry before the definitions: what changes between them fails the Put.
    ASSIGN_OR_RETURN(const auto entry, catalog_.Get(IndexKey(name)));
    RETURN_IF_ERROR(Reload());
    const IndexDef* found = current_->FindIndex(name);
    if (!entry.has_value() || found == nullptr) {
      return absl::NotFoundError(Concat("there is no index '", name, "'"));
    }
    IndexDef index = *found;
    change(index);
    RETURN_IF_ERROR(ValidateIndex(index, *current_->FindTable(index.table_id)));
    const auto put = catalog_.Put(entry->key, IndexToJson(index), entry->revision);
    if (absl::IsAborted(put.status())) continue;
    RETURN_IF_ERROR(put.status());
    RETURN_IF_ERROR(Reload());
    return index;
  }
  return absl::AbortedError(Concat("index '", name, "' changes all the time; retry"));
}

absl::StatusOr<RowId> Definitions::AllocateRowIds(uint32_t table_id, uint64_t count) {
  if (count == 0) return absl::InvalidArgumentError("0 row ids were asked for; the least is 1");
  MutexLock lock(mutex_);
  const TableDef* table = current_->FindTable(table_id);
  if (table == nullptr || table->flavour() != RowIdFlavour::kOrdinal) {
    return absl::NotFoundError(Concat("there is no ORDINAL table with id ", table_id));
  }
  Range& range = ranges_[table_id];
  if (range.end - range.next < count) {
    const uint64_t reserved = std::max(count, kReservedIds);
    ASSIGN_OR_RETURN(const RowId begin,
                     FetchAdd(catalog_, OrdinalKey(table_id), reserved, UINT64_MAX));
    if (begin != range.end) range.next = begin;  // ids of the old range stay unused
    range.end = begin + reserved;
  }
  const RowId first = range.next;
  range.next += count;
  return first;
}

absl::StatusOr<uint32_t> Definitions::NextId(const std::string& key) {
  ASSIGN_OR_RETURN(const uint64_t id, FetchAdd(catalog_, key, 1, UINT32_MAX));
  return static_cast<uint32_t>(id);
}

absl::Status Definitions::Remove(const std::string& key) {
  ASSIGN_OR_RETURN(const auto entry, catalog_.Get(key));
  return entry ? catalog_.Delete(key, entry->revision) : absl::OkStatus();
}

absl::Status Definitions::Reload() {
  auto set = std::make_shared<DefinitionSet>();
  ASSIGN_OR_RETURN(const auto tables, catalog_.List(kTablePrefix));
  for (const Catalog::Entry& entry : tables) {
    absl::StatusOr<TableDef> table = TableFromJson(entry.value);
    if (!table.ok()) return InEntry(entry.key, table.status());
    if (entry.key != TableKey(table->name)) {
      return absl::DataLossError(Concat("catalog entry '", entry.key, "' holds table '",
                                        table->name, "'; restore the catalog from a backup"));
    }
    set->tables.emplace(table->name, *std::move(table));
  }
  ASSIGN_OR_RETURN(const auto indexes, catalog_.List(kIndexPrefix));
  for (const Catalog::Entry& entry : indexes) {
    absl::StatusOr<IndexDef> index = IndexFromJson(entry.value);
    if (!index.ok()) return InEntry(entry.key, index.status());
    if (entry.key != IndexKey(index->name)) {
      return absl::DataLossError(Concat("catalog entry '", entry.key, "' holds index '",
                                        index->name, "'; restore the catalog from a backup"));
    }
    set->indexes.emplace(index->name, *std::move(index));
  }
  ASSIGN_OR_RETURN(const auto next_id, catalog_.Get(kNextTableId));
  if (next_id.has_value()) {
    ASSIGN_OR_RETURN(const uint64_t number, ParseNumber(*next_id));
    set->next_table_id = static_cast<uint32_t>(std::min<uint64_t>(number, UINT32_MAX));
  }
  current_ = std::move(set);
  return absl::OkStatus();
}

}  // namespace ordinate
