#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "service/front/front.h"
#include "service/front/index_totals.h"
#include "service/front/near_names.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

absl::StatusOr<const ColumnDef*> VectorColumn(const TableDef& table, const std::string& name) {
  const auto position = table.FindColumn(name);
  if (position.has_value()) return &table.columns[*position];
  std::vector<std::string_view> known;
  for (const ColumnDef& column : table.columns) known.push_back(column.name);
  return WithResource(absl::NotFoundError(Concat("table '", table.name, "' has no column ",
                                                 QuotedName(name), DidYouMean(name, known))),
                      "column", name);
}

absl::Status CheckGate(const RebuildGate& gate) {
  const auto refuse = [](std::string_view field, auto value, std::string_view range) {
    return InField(absl::InvalidArgumentError(Concat(field, " is ", value, "; it takes ", range)),
                   Concat("gate.", field));
  };
  if (!(gate.min_recall > 0 && gate.min_recall <= 1)) {
    return refuse("min_recall", gate.min_recall, "a number above 0, up to 1");
  }
  if (gate.k < 1 || gate.k > RebuildGate::kMaxK) return refuse("k", gate.k, "1 to 1,000");
  if (gate.samples < 1 || gate.samples > RebuildGate::kMaxSamples) {
    return refuse("samples", gate.samples, "1 to 10,000");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Front::CheckEngine(const IndexDef& index) const {
  if (index.engine != Engine::kHnsw || options_.with_hnsw) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat("index ", QuotedName(index.name),
             ": this server was built without the HNSW engine; build it with "
             "-DORDINATE_WITH_HNSW=ON, or use engine FLAT"));
}

absl::StatusOr<IndexDef> Front::CreateIndex(const std::string& table_name,
                                            const std::string& column_name, IndexDef index) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  ASSIGN_OR_RETURN(const ColumnDef* column, VectorColumn(table, column_name));
  RETURN_IF_ERROR(CheckEngine(index));
  index.table_id = table.id;
  index.column_id = column->id;
  if (index.m == 0) index.m = options_.settings.hnsw_m;
  if (index.ef_build == 0) index.ef_build = options_.settings.hnsw_ef_build;
  if (index.dim == 0) index.dim = column->dim;
  if (index.dim == 0 && column->role == ColumnRole::kVector) {
    return InField(absl::InvalidArgumentError(
                       Concat("index ", QuotedName(index.name), ": dim is not given, and column '",
                              column->name, "' takes any dim; give the index one, 1 to ", kMaxDim)),
                   "index.dim");
  }
  const std::string name = index.name;
  auto created = definitions_.CreateIndex(std::move(index));
  if (!created.ok()) {
    if (!absl::IsAlreadyExists(created.status())) return UnderField(created.status(), "index");
    return WithResource(created.status(), "index", name);
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::Status status = shards_[i]->CreateIndex(table, *created);
    if (status.ok()) continue;
    UndoCreateIndex(*created, i);
    return WithMessage(
        status, Concat("index '", name, "' was not created: shard ", i, ": ", MessageOf(status)));
  }
  return created;
}

// Failures here are dropped: the error that led here is the one to report.
void Front::UndoCreateIndex(const IndexDef& index, size_t shards) {
  for (size_t i = 0; i < shards; ++i) (void)shards_[i]->DropIndex(index.id);
  (void)definitions_.DropIndex(index.name);
}

absl::StatusOr<IndexInfo> Front::FindIndex(const std::string& name) const {
  const auto set = definitions_.Current();
  const IndexDef* index = set->FindIndex(name);
  const TableDef* table = index == nullptr ? nullptr : set->FindTable(index->table_id);
  if (table != nullptr) return IndexInfo{.index = *index, .table = *table};
  std::vector<std::string_view> known;
  for (const auto& [known_name, definition] : set->indexes) known.push_back(known_name);
  return WithResource(
      absl::NotFoundError(Concat("there is no index ", QuotedName(name), DidYouMean(name, known))),
      "index", name);
}

absl::StatusOr<IndexDef> Front::AlterIndex(const std::string& name,
                                           const std::function<void(IndexDef&)>& change) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const IndexInfo info, FindIndex(name));
  IndexDef wanted = info.index, before = info.index;
  change(wanted);
  if (TakeStructure(wanted, before)) RETURN_IF_ERROR(CheckEngine(info.index));
  ASSIGN_OR_RETURN(const IndexDef altered, definitions_.AlterIndex(info.index.name, change));
  absl::Status first;
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::Status status = shards_[i]->AlterIndex(info.table, altered);
    if (status.ok() || !first.ok()) continue;
    first = WithMessage(status, Concat("index '", name, "' is changed, but not yet on shard ", i,
                                       ": ", MessageOf(status), "; make the same change again"));
  }
  RETURN_IF_ERROR(first);
  return altered;
}

absl::Status Front::RebuildIndex(const std::string& name, std::optional<RebuildGate> gate) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const IndexInfo info, FindIndex(name));
  RETURN_IF_ERROR(CheckEngine(info.index));
  if (gate.has_value()) {
    RETURN_IF_ERROR(CheckGate(*gate));
    const Settings& settings = options_.settings;
    gate->ef_search = info.index.ef_search != 0 ? info.index.ef_search : settings.ef_search;
    gate->alpha = settings.preselect_alpha;
  }
  absl::Status first;
  size_t failed = 0;
  std::vector<size_t> started;
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::Status status = shards_[i]->RebuildIndex(info.index.id, gate);
    if (status.ok()) {
      started.push_back(i);
    } else if (first.ok()) {
      first = status;
      failed = i;
    }
  }
  if (first.ok() || shards_.size() == 1) return first;
  const std::string elsewhere =
      started.empty() ? "no shard" : Concat("shards ", absl::StrJoin(started, ", "));
  return WithMessage(first, Concat("index '", name, "': shard ", failed, ": ", first.message(),
                                   "; the rebuild started on ", elsewhere));
}

absl::Status Front::CancelRebuild(const std::string& name) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const IndexInfo info, FindIndex(name));
  absl::Status refused;
  size_t refuses = 0;
  std::vector<size_t> cancelled;
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::StatusOr<bool> done = shards_[i]->CancelRebuild(info.index.id);
    if (done.ok() && *done) cancelled.push_back(i);
    if (done.ok() || !refused.ok()) continue;
    refused = done.status();
    refuses = i;
  }
  if (refused.ok()) {
    if (!cancelled.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        Concat("no rebuild of index ", QuotedName(name), " is running"));
  }
  if (shards_.size() == 1) return refused;
  const std::string elsewhere =
      cancelled.empty() ? "no shard" : Concat("shards ", absl::StrJoin(cancelled, ", "));
  return WithMessage(refused, Concat("index '", name, "': shard ", refuses, ": ", refused.message(),
                                     "; cancelled on ", elsewhere));
}

absl::Status Front::DropIndex(const std::string& name) {
  MutexLock lock(change_mutex_);
  ASSIGN_OR_RETURN(const IndexInfo info, FindIndex(name));
  ASSIGN_OR_RETURN(const IndexDef dropped, definitions_.DropIndex(info.index.name));
  absl::Status first;
  for (size_t i = 0; i < shards_.size(); ++i) {
    const absl::Status status = shards_[i]->DropIndex(dropped.id);
    if (status.ok() || !first.ok()) continue;
    first = WithMessage(status, Concat("index '", name, "' is dropped, but shard ", i,
                                       " could not remove its files: ", MessageOf(status)));
  }
  return first;
}

absl::Status Front::ReadStatus(IndexInfo& info) {
  for (uint32_t shard = 0; shard < shard_count(); ++shard) {
    auto status = shards_[shard]->GetIndexStatus(info.index.id);
    if (!status.ok()) return status.status();
    info.visible_seq[shard] = status->visible_seq;
    info.shards.push_back(*std::move(status));
  }
  info.total = TotalStatus(info.shards);
  return absl::OkStatus();
}

absl::StatusOr<IndexInfo> Front::GetIndex(const std::string& name) {
  ASSIGN_OR_RETURN(IndexInfo info, FindIndex(name));
  RETURN_IF_ERROR(ReadStatus(info));
  return info;
}

absl::StatusOr<std::vector<IndexInfo>> Front::ListIndexes(const std::string& table_name) {
  std::optional<uint32_t> only;
  if (!table_name.empty()) {
    ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
    only = table.id;
  }
  const auto set = definitions_.Current();
  std::vector<IndexInfo> infos;
  for (const auto& [name, index] : set->indexes) {
    if (only.has_value() && index.table_id != *only) continue;
    const TableDef* table = set->FindTable(index.table_id);
    if (table == nullptr) continue;
    IndexInfo info{.index = index, .table = *table};
    const absl::Status status = ReadStatus(info);
    if (absl::IsNotFound(status)) continue;  // dropped since the definitions were read
    RETURN_IF_ERROR(status);
    infos.push_back(std::move(info));
  }
  std::sort(infos.begin(), infos.end(), [](const IndexInfo& a, const IndexInfo& b) {
    return std::tie(a.table.name, a.index.name) < std::tie(b.table.name, b.index.name);
  });
  return infos;
}

}  // namespace ordinate
