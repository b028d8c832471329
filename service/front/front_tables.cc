#include <utility>

#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/near_names.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {

Front::Front(Definitions& definitions, std::vector<ShardClient*> shards, Options options)
    : definitions_(definitions), shards_(std::move(shards)), options_(options) {}

std::shared_ptr<const DefinitionSet> Front::definitions() const { return definitions_.Current(); }

absl::StatusOr<TableDef> Front::FindTable(const std::string& name) const {
  const auto set = definitions_.Current();
  if (const TableDef* table = set->FindTable(std::string_view(name))) return *table;
  std::vector<std::string_view> known;
  for (const auto& [known_name, table] : set->tables) known.push_back(known_name);
  return WithResource(
      absl::NotFoundError(Concat("there is no table ", QuotedName(name), DidYouMean(name, known))),
      "table", name);
}

absl::StatusOr<TableDef> Front::CreateTable(TableDef table) {
  MutexLock lock(change_mutex_);
  const std::string name = table.name;
  auto created = definitions_.CreateTable(std::move(table));
  if (!created.ok()) {
    if (!absl::IsAlreadyExists(created.status())) return UnderField(created.status(), "table");
    return WithResource(created.status(), "table", name);
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::Status status = shards_[i]->CreateTable(*created);
    if (status.ok()) continue;
    // Shards before this one know a table the catalog does not keep: take it back. Failures of
    // that are dropped: the first error is the one to report.
    for (size_t k = 0; k < i; ++k) (void)shards_[k]->DropTable(created->id);
    (void)definitions_.DropTable(name);
    return WithMessage(
        status, Concat("table '", name, "' was not created: shard ", i, ": ", MessageOf(status)));
  }
  return created;
}

absl::StatusOr<TableDef> Front::AddColumn(const std::string& name, ColumnDef column) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const TableDef before, FindTable(name));
  const std::string column_name = column.name;
  auto table = WithColumn(before, std::move(column));
  if (absl::IsAlreadyExists(table.status())) {
    return WithResource(table.status(), "column", column_name);
  }
  RETURN_IF_ERROR(table.status());
  // The shards first: they must know the column before a row with a cell for it comes. Until the
  // catalog has it, none does.
  absl::Status failed;
  size_t told = 0;
  for (; told < shards_.size() && failed.ok(); ++told) {
    failed = shards_[told]->AlterTable(*table);
    if (failed.ok()) continue;
    failed = WithMessage(failed, Concat("shard ", told, ": ", MessageOf(failed)));
  }
  if (!failed.ok()) {
    // Failures of taking it back are dropped: the first error is the one to report.
    for (size_t i = 0; i < told; ++i) (void)shards_[i]->AlterTable(before);
  } else {
    // What the catalog could not write it may have all the same; shards that know a column more
    // than it do no harm, but those that know one less would lose its cells.
    failed = definitions_.AddColumn(*table);
  }
  if (failed.ok()) return table;
  return WithMessage(failed, Concat("column '", column_name, "' was not added to table '", name,
                                    "': ", MessageOf(failed)));
}

absl::Status Front::DropTable(const std::string& name) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const TableDef known, FindTable(name));
  ASSIGN_OR_RETURN(const TableDef dropped, definitions_.DropTable(known.name));
  absl::Status first;
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::Status status = shards_[i]->DropTable(dropped.id);
    if (status.ok() || !first.ok()) continue;
    first = WithMessage(status, Concat("table '", name, "' is dropped, but shard ", i,
                                       " could not remove its rows: ", MessageOf(status)));
  }
  return first;
}

absl::StatusOr<TableInfo> Front::GetTable(const std::string& name, const CallContext& context) {
  TableInfo info;
  ASSIGN_OR_RETURN(info.table, FindTable(name));
  ASSIGN_OR_RETURN(const std::vector<ShardProbe> probes,
                   Gather<ShardProbe>(shards_.size(), Spread::kInline, options_.executor, context,
                                      [&](size_t shard, ShardClient::Done<ShardProbe> done) {
                                        shards_[shard]->Probe({.table_id = info.table.id}, context,
                                                              std::move(done));
                                      }));
  for (const ShardProbe& probe : probes) info.rows += probe.table_rows;
  return info;
}

}  // namespace ordinate
