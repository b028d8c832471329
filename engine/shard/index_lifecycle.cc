// The life of a shard's indexes: opening, building, switching, dropping. Applier thread, or Start()
// before it runs, unless a function says otherwise.
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "engine/shard/index_build.h"
#include "engine/shard/local_shard.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/folder.h"
#include "storage/model/row_codec.h"
#include "storage/vdata/index_manifest.h"

namespace ordinate {
namespace {

// How long a build that found no space waits. The space it needs is looked at again then.
constexpr int64_t kResumeBuildsMicros = 10'000'000;

std::string IndexFolder(const ShardOptions& options) { return Concat(options.directory, "/index"); }

void RemoveFiles(const std::vector<std::shared_ptr<const SealedSegment>>& segments) {
  // Readers keep their mappings; the space returns with the last of them.
  for (const auto& segment : segments) RemoveName(segment->file().path()).IgnoreError();
}

absl::Status CheckNoBuild(const ShardIndex& index) {
  if (index.build() == nullptr) return absl::OkStatus();
  return absl::AbortedError(
      Concat("a build of index '", index.definition().name, "' is running; wait for it to end"));
}

}  // namespace

absl::Status LocalShard::OpenIndex(const TableDef& table, const IndexDef& definition) {
  const std::string directory = Concat(IndexFolder(options_), "/", definition.id);
  RETURN_IF_ERROR(MakeFolders(directory));
  auto index = std::make_unique<ShardIndex>(table, definition, directory, *options_.clock);
  ASSIGN_OR_RETURN(const uint64_t oldest_seq, rows_->ChangesCompleteAfter(table.id));
  FoundIndex found = OpenIndexFiles(directory, table, definition, oldest_seq, log_->last_seq());
  if (found.status.ok()) {
    index->Switch(std::move(found.segments), found.manifest.seq, found.manifest.generation,
                  found.manifest.build_time_ms);
  } else if (absl::IsNotFound(found.status)) {
    index->StartAfter(found.manifest.generation);
  } else if (!absl::IsDataLoss(found.status)) {
    return absl::Status(found.status.code(), Concat("cannot open index '", definition.name,
                                                    "': ", found.status.message()));
  } else {
    index->Abandon(std::string(found.status.message()), found.manifest.generation);
    Warn(
        Concat("index '", definition.name, "' is rebuilt from the rows: ", found.status.message()));
  }
  indexes_[definition.id] = std::move(index);
  return absl::OkStatus();
}

void LocalShard::Warn(const std::string& sentence) const {
  if (options_.warn) options_.warn(Concat("shard ", options_.shard, ": ", sentence));
}

absl::Status LocalShard::CatchUp(const TableDef& table, ShardIndex& index) {
  const uint64_t from = index.PersistedSeq(0);
  std::map<RowId, int64_t> newest;  // rows to read again: the time of their last change
  RETURN_IF_ERROR(rows_->ReadChanges(nullptr, table.id, from, [&](const Change& change) {
    if (change.kind == Mutation::Kind::kDelete) {
      index.Delete(change.row_id);
    } else if (!index.immediate()) {
      index.Upsert(change.row_id, change.seq, change.time_micros, {});
    }
    if (index.immediate()) newest[change.row_id] = change.time_micros;
    return absl::OkStatus();
  }));
  for (const auto& [id, time_micros] : newest) {
    ASSIGN_OR_RETURN(std::optional<StoredRow> row,
                     rows_->Get(nullptr, table.id, id, std::numeric_limits<uint64_t>::max()));
    if (!row.has_value()) continue;
    ASSIGN_OR_RETURN(const std::vector<Value> cells, DecodeCells(table, row->cells));
    index.Upsert(id, row->version, time_micros, cells);
  }
  return absl::OkStatus();
}

absl::Status LocalShard::RemoveUndefined() {
  if (const auto folders = ListFolder(IndexFolder(options_)); folders.ok()) {
    for (const std::string& name : *folders) {
      uint32_t id = 0;
      if (!absl::SimpleAtoi(name, &id) || indexes_.find(id) != indexes_.end()) continue;
      RemoveFolder(Concat(IndexFolder(options_), "/", name)).IgnoreError();
    }
  }
  ASSIGN_OR_RETURN(const std::vector<uint32_t> stored, rows_->TableIds());
  for (const uint32_t id : stored) {
    if (tables_.find(id) == tables_.end()) RETURN_IF_ERROR(rows_->DropTable(id));
  }
  return absl::OkStatus();
}

void LocalShard::StartBuild(ShardIndex& index) {
  IndexBuildInput input;
  input.table = tables_[index.definition().table_id];
  input.index = index.definition();
  input.directory = index.directory();
  input.handle = index.BeginBuild(rows_->applied_seq());
  input.view = rows_->TakeView();
  input.rows = rows_.get();
  input.graph_builder = options_.graph_builder;
  input.threads = options_.build_threads;
  input.seed = options_.build_seed;
  input.clock = options_.clock;
  input.reserve = &reserve_;
  {
    MutexLock lock(builds_mutex_);
    ++builds_running_;
  }
  options_.build_executor->Submit([this, input = std::move(input)]() mutable {
    absl::StatusOr<IndexBuildResult> result = RunIndexBuild(input);
    const uint32_t index_id = input.index.id;
    const uint64_t number = input.handle->number;
    input.view.reset();  // before the shard may be closed
    auto shared = std::make_shared<absl::StatusOr<IndexBuildResult>>(std::move(result));
    Enqueue(Command(
        [this, index_id, number, shared] { FinishBuild(index_id, number, std::move(*shared)); }));
    MutexLock lock(builds_mutex_);
    --builds_running_;
    builds_idle_.NotifyAll();
  });
}

void LocalShard::FinishBuild(uint32_t index_id, uint64_t number,
                             absl::StatusOr<IndexBuildResult> result) {
  const auto found = indexes_.find(index_id);
  if (found == indexes_.end() || found->second->build() == nullptr ||
      found->second->build()->number != number) {
    if (result.ok()) RemoveFiles({result->segment});
    return;
  }
  ShardIndex& index = *found->second;
  absl::Status status = result.status();
  if (status.ok()) status = SwitchTo(index, *std::move(result));
  if (status.ok()) unspaced_.erase(index_id);
  if (!status.ok()) {
    index.FailBuild(status);
    if (absl::IsResourceExhausted(status) && RetryDelayMillis(status).has_value()) {
      unspaced_.insert(index_id);
      resume_builds_micros_ = options_.clock->NowMicros() + kResumeBuildsMicros;
    }
    Warn(Concat("a build of index '", index.definition().name, "' failed: ", status.message()));
  }
  ScheduleTrim(index.definition().table_id);  // the build needs its rows no more
  StartSeals();
  Publish();
}

absl::Status LocalShard::SwitchTo(ShardIndex& index, IndexBuildResult result) {
  IndexManifest manifest;
  manifest.definition = index.definition();
  manifest.flavour = tables_[index.definition().table_id].flavour();
  manifest.generation = index.generation() + 1;
  manifest.seq = index.build()->seq;
  manifest.build_time_ms = result.build_time_ms;
  manifest.segments = {result.entry};
  if (absl::Status status = WriteIndexManifest(index.manifest_path(), manifest); !status.ok()) {
    // The segment stays: the manifest on the disk may name it already. A start removes it if not.
    // A first manifest must go: no change after it is tracked.
    if (!index.has_generation()) RemoveName(index.manifest_path()).IgnoreError();
    return status;
  }
  std::vector<std::shared_ptr<const SealedSegment>> old;
  if (const PublishedIndex* published = Current()->FindIndex(index.definition().id);
      published != nullptr && published->snapshot != nullptr) {
    for (const IndexSnapshot::Sealed& part : published->snapshot->sealed) {
      old.push_back(part.segment);
    }
  }
  index.Switch({std::move(result.segment)}, manifest.seq, manifest.generation,
               manifest.build_time_ms);
  RemoveFiles(old);
  return absl::OkStatus();
}

void LocalShard::StartSeals() {
  for (auto& [id, index] : indexes_) {
    if (index->WantsSeal(options_.min_seal_rows)) StartBuild(*index);
  }
}

void LocalShard::ResumeBuilds() {
  if (unspaced_.empty() || options_.clock->NowMicros() < resume_builds_micros_) return;
  for (const uint32_t id : std::exchange(unspaced_, {})) {
    const auto found = indexes_.find(id);
    if (found != indexes_.end() && found->second->build() == nullptr) StartBuild(*found->second);
  }
  Publish();
}

void LocalShard::Quarantine(uint32_t index_id, uint64_t generation, const absl::Status& why) {
  Enqueue(Command([this, index_id, generation, message = std::string(why.message())] {
    const auto found = indexes_.find(index_id);
    if (found == indexes_.end()) return;
    ShardIndex& index = *found->second;
    if (!index.has_generation() || index.generation() != generation) return;
    std::string aside;
    const std::shared_ptr<const ShardSnapshot> snapshot = Current();
    for (const auto& part : snapshot->FindIndex(index_id)->snapshot->sealed) {
      absl::StrAppend(&aside, "; the file ", SetAside(part.segment->file().path()));
    }
    SetAside(index.manifest_path());
    index.Abandon(Concat(message, aside), index.generation());
    Warn(
        Concat("index '", index.definition().name, "' is rebuilt from the rows: ", message, aside));
    if (index.build() == nullptr) StartBuild(index);
    Publish();
  }));
}

void LocalShard::RemoveIndex(uint32_t index_id) {
  const auto found = indexes_.find(index_id);
  if (found == indexes_.end()) return;
  if (found->second->build() != nullptr) found->second->build()->context.Cancel();
  const std::string directory = found->second->directory();
  indexes_.erase(found);
  RemoveFolder(directory).IgnoreError();
}

absl::Status LocalShard::AlterTable(const TableDef& table) {
  return OnApplier([this, table]() -> absl::Status {
    const auto found = tables_.find(table.id);
    if (found == tables_.end()) return absl::NotFoundError("the table was dropped");
    found->second = table;
    // Builds at work have the old definition, and rows from before this: none has the new cell.
    for (auto& [id, index] : indexes_) {
      if (index->definition().table_id == table.id) index->SetTable(table);
    }
    return absl::OkStatus();
  });
}

absl::Status LocalShard::CreateTable(const TableDef& table) {
  return OnApplier([this, table] {
    tables_[table.id] = table;
    return ids_->LoadTable(table.id);
  });
}

absl::Status LocalShard::DropTable(uint32_t table_id) {
  return OnApplier([this, table_id] {
    std::vector<uint32_t> doomed;
    for (const auto& [id, index] : indexes_) {
      if (index->definition().table_id == table_id) doomed.push_back(id);
    }
    for (const uint32_t id : doomed) RemoveIndex(id);
    tables_.erase(table_id);
    untrimmed_.erase(table_id);
    ids_->ForgetTable(table_id);
    absl::Status status = rows_->DropTable(table_id);
    Publish();
    return status;
  });
}

absl::Status LocalShard::CreateIndex(const TableDef& table, const IndexDef& definition) {
  return OnApplier([this, table, definition]() -> absl::Status {
    if (tables_.find(table.id) == tables_.end()) {
      return absl::NotFoundError(Concat("table '", table.name, "' was dropped"));
    }
    RETURN_IF_ERROR(OpenIndex(table, definition));
    StartBuild(*indexes_[definition.id]);
    Publish();
    return absl::OkStatus();
  });
}

absl::Status LocalShard::AlterIndex(const TableDef& table, const IndexDef& definition) {
  return OnApplier([this, table, definition]() -> absl::Status {
    const auto found = indexes_.find(definition.id);
    if (found == indexes_.end()) return absl::NotFoundError("the index was dropped");
    if (found->second->definition() == definition) return absl::OkStatus();
    RETURN_IF_ERROR(CheckNoBuild(*found->second));
    RETURN_IF_ERROR(OpenIndex(table, definition));
    ShardIndex& index = *indexes_[definition.id];
    absl::Status caught_up;
    if (index.has_generation()) caught_up = CatchUp(table, index);
    if (!caught_up.ok()) index.Abandon(std::string(caught_up.message()), index.generation());
    if (!index.has_generation()) StartBuild(index);
    ScheduleTrim(table.id);
    StartSeals();
    Publish();
    return absl::OkStatus();
  });
}

absl::Status LocalShard::RebuildIndex(uint32_t index_id) {
  return OnApplier([this, index_id]() -> absl::Status {
    const auto found = indexes_.find(index_id);
    if (found == indexes_.end()) return absl::NotFoundError("the index was dropped");
    RETURN_IF_ERROR(CheckNoBuild(*found->second));
    StartBuild(*found->second);
    Publish();
    return absl::OkStatus();
  });
}

absl::Status LocalShard::DropIndex(uint32_t index_id) {
  return OnApplier([this, index_id] {
    const auto found = indexes_.find(index_id);
    if (found == indexes_.end()) return absl::OkStatus();
    const uint32_t table_id = found->second->definition().table_id;
    RemoveIndex(index_id);
    Publish();
    ScheduleTrim(table_id);
    return absl::OkStatus();
  });
}

// Any thread.
absl::StatusOr<ShardIndexStatus> LocalShard::GetIndexStatus(uint32_t index_id) {
  const std::shared_ptr<const ShardSnapshot> snapshot = Current();
  const PublishedIndex* index = snapshot->FindIndex(index_id);
  if (index == nullptr) return absl::NotFoundError("the index was dropped");
  ASSIGN_OR_RETURN(const uint64_t rows,
                   rows_->CountRows(snapshot->rows.get(), index->definition.table_id));
  ShardIndexStatus status = CompleteStatus(*index, rows, snapshot->seq, *options_.clock);
  if (const absl::Status space = reserve_.Check(); !space.ok()) {
    const std::string before = std::move(status.last_error);
    status.last_error = Concat("the shard takes no writes: ", space.message(),
                               before.empty() ? "" : "; before that: ", before);
  }
  return status;
}

}  // namespace ordinate
