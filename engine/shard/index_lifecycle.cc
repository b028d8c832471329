// The life of a shard's indexes: opening, building, switching, dropping. Applier thread, or Start()
// before it runs, unless a function says otherwise.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "engine/shard/check_reads.h"
#include "engine/shard/index_build.h"
#include "engine/shard/local_shard.h"
#include "engine/shard/rebuild_note.h"
#include "engine/shard/set_aside.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/folder.h"
#include "storage/vdata/index_manifest.h"

namespace ordinate {
namespace {

// A merge takes over a graph of which seven tenths of the nodes stay (engine/index), and otherwise
// inserts them all again, which takes some times as long. Rows go on leaving until it begins, and
// queries find their way past those that are gone.
constexpr double kMostGoneOfGraph = 0.15;

std::string IndexFolder(const ShardOptions& options) { return Concat(options.directory, "/index"); }

void RemoveFiles(const std::vector<std::shared_ptr<const SealedSegment>>& segments) {
  // Readers keep their mappings; the space returns with the last of them.
  for (const auto& segment : segments) {
    if (segment != nullptr) RemoveName(segment->file().path()).IgnoreError();
  }
}

/// The files of a generation that are not new in it.
std::vector<std::shared_ptr<const SealedSegment>> LiveOf(
    const IndexGeneration& next, const std::vector<std::shared_ptr<const SealedSegment>>& made) {
  std::vector<std::shared_ptr<const SealedSegment>> live;
  for (const IndexPart& part : next.parts) live.push_back(part.segment);
  if (next.revisions.file() != nullptr) live.push_back(next.revisions.file());
  std::erase_if(live, [&made](const auto& segment) {
    return std::find(made.begin(), made.end(), segment) != made.end();
  });
  return live;
}

/// Whether the file at `path` is, or may be, this manifest.
bool MayBeAt(const std::string& path, const IndexManifest& manifest) {
  const absl::StatusOr<IndexManifest> found = ReadIndexManifest(path);
  if (absl::IsNotFound(found.status())) return false;
  return !found.ok() || found->generation == manifest.generation;
}

absl::Status CheckNoBuild(const ShardIndex& index) {
  if (index.build() == nullptr) return absl::OkStatus();
  return absl::AbortedError(
      Concat("a build of index '", index.definition().name, "' is running; wait for it to end"));
}

absl::Status CheckMayCancel(const ShardIndex& index) {
  const std::string named = Concat("index '", index.definition().name, "'");
  if (!index.has_generation()) {
    return absl::FailedPreconditionError(
        Concat(named, " has no generation that answers but the one being built; DROP it instead"));
  }
  // No build that is needed has a gate.
  const bool asked = index.build() != nullptr && index.build()->gate.has_value();
  if (asked || !index.NeedsBuild()) return absl::OkStatus();
  return absl::FailedPreconditionError(Concat(
      "by its build ", named, " gets what ALTER made of it; ALTER it back to think better of it"));
}

}  // namespace

absl::Status LocalShard::OpenIndex(const TableDef& table, const IndexDef& definition) {
  const std::string directory = Concat(IndexFolder(options_), "/", definition.id);
  RETURN_IF_ERROR(MakeFolders(directory));
  ASSIGN_OR_RETURN(const uint64_t oldest_seq, rows_->ChangesCompleteAfter(table.id));
  FoundIndex found = OpenIndexFiles(directory, table, definition, oldest_seq, log_->last_seq(),
                                    options_.verify_at_start);
  IndexDef opened = definition;
  if (found.status.ok()) opened.mode = found.manifest.definition.mode;
  auto index = std::make_unique<ShardIndex>(table, opened, directory, *options_.clock);
  if (found.status.ok()) {
    index->Open({found.manifest.generation, found.manifest.seq, found.manifest.build_time_ms,
                 std::move(found.parts), RevisedRows(std::move(found.revisions))});
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

absl::Status LocalShard::StartIndex(const TableDef& table, const IndexDef& definition) {
  ShardIndex& index = *indexes_[definition.id];
  if (index.has_generation()) RETURN_IF_ERROR(CatchUp(table, index));
  if (!(index.definition() == definition)) SetOptions(index, definition);
  if (index.build() != nullptr) return absl::OkStatus();
  StartBuildThatIsWanted(index);
  const absl::Status asked = ReadRebuildNote(index.directory()).status();
  if (index.build() == nullptr && !asked.ok() && !absl::IsNotFound(asked)) {
    Warn(Concat("a rebuild of index '", definition.name, "' was asked for before this start, and ",
                "is not begun again; ask for it once more: ", asked.message()));
    if (absl::IsDataLoss(asked)) RemoveRebuildNote(index.directory()).IgnoreError();
  }
  return absl::OkStatus();
}

void LocalShard::Warn(const std::string& sentence) const {
  if (options_.warn) options_.warn(Concat("shard ", options_.shard, ": ", sentence));
}

void LocalShard::RemoveUndefined(const std::set<uint32_t>& stored) {
  if (const auto folders = ListFolder(IndexFolder(options_)); folders.ok()) {
    for (const std::string& name : *folders) {
      uint32_t id = 0;
      if (!absl::SimpleAtoi(name, &id) || indexes_.find(id) != indexes_.end()) continue;
      RemoveFolder(Concat(IndexFolder(options_), "/", name)).IgnoreError();
    }
  }
  for (const uint32_t id : stored) {
    if (tables_.find(id) == tables_.end()) unremoved_.emplace(id, 0);
  }
}

void LocalShard::StartJob(Executor& executor, std::function<Command()> run) {
  {
    MutexLock lock(builds_mutex_);
    ++builds_running_;
  }
  executor.Submit([this, run = std::move(run)] {
    Enqueue(run());
    MutexLock lock(builds_mutex_);
    --builds_running_;
    builds_idle_.NotifyAll();
  });
}

IndexJob LocalShard::JobOf(const ShardIndex& index) {
  IndexJob job;
  job.table = tables_[index.definition().table_id];
  job.index = index.definition();
  job.directory = index.directory();
  job.graph_builder = options_.graph_builder;
  job.threads = options_.build_threads;
  job.seed = options_.build_seed;
  job.clock = options_.clock;
  job.reserve = &reserve_;
  for (const auto& file : index.files()) job.live_bytes += file->file().file_bytes();
  return job;
}

void LocalShard::StartBuild(ShardIndex& index, const std::optional<RebuildGate>& gate) {
  FeedAll();
  if (index.Feeds()) index.ShowAll(rows_->applied_seq());
  auto input = std::make_shared<IndexBuildInput>();
  static_cast<IndexJob&>(*input) = JobOf(index);
  input->handle = index.BeginBuild(rows_->applied_seq());
  input->handle->gate = gate;
  input->view = rows_->TakeView();
  input->rows = rows_.get();
  input->gate = gate;
  StartJob(*options_.build_executor, [this, input]() -> Command {
    auto result = std::make_shared<absl::StatusOr<IndexBuildResult>>(RunIndexBuild(*input));
    input->view.reset();  // before the shard may be closed
    return [this, id = input->index.id, number = input->handle->number, result] {
      FinishBuild(id, number, std::move(*result));
    };
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
  const std::optional<RebuildGate> gate = index.build()->gate;
  if (!index.has_generation() && index.Feeds()) {
    // The rows have answered until now, with every write.
    FeedAll();
    index.ShowAll(rows_->applied_seq());
  }
  absl::Status status = result.status();
  if (status.ok()) {
    At("build made");
    status =
        SwitchTo(index, {result->segment}, index.AfterBuild(result->segment, result->build_time_ms),
                 &ShardIndex::SwitchToBuild);
  }
  if (status.ok()) delayed_builds_.Forget(index_id);
  if (!status.ok()) {
    index.FailBuild(status);
    if (RetryDelayMillis(status).has_value()) {
      // Without a generation, any is better than none; whether there is space is seen at once.
      const bool needed = !index.has_generation() || index.NeedsBuild();
      delayed_builds_.Delay(index_id, needed ? std::nullopt : gate, options_.clock->NowMicros(),
                            !absl::IsResourceExhausted(status));
    }
    Warn(Concat("a build of index '", index.definition().name, "' failed: ", status.message()));
  }
  AfterBuild(index, status, gate.has_value());
  ScheduleTrim(index.definition().table_id);  // the build needs its rows no more
  Publish();
}

void LocalShard::AfterBuild(ShardIndex& index, const absl::Status& status, bool gated) {
  // What is tried again, or was cut short, is not done.
  if (absl::IsCancelled(status) || RetryDelayMillis(status).has_value()) return;
  RemoveRebuildNote(index.directory()).IgnoreError();  // where it stays, a start rebuilds once more
  // The build that the index needs waits, and is not up to the gate of this one.
  if (!status.ok() && gated && delayed_builds_.Waits(index.definition().id)) return;
  // Damaged rows cannot be fed, either.
  if (index.wanted() == index.definition() || absl::IsDataLoss(status)) return;
  FeedAll();
  SetOptions(index, IndexDef(index.wanted()), /*after_build=*/true);
}

void LocalShard::FinishSeal(uint32_t index_id, uint64_t number,
                            const absl::StatusOr<SealedFiles>& files) {
  const auto found = indexes_.find(index_id);
  if (found == indexes_.end() || found->second->seal() == nullptr ||
      found->second->seal()->number != number) {
    if (files.ok()) RemoveFiles({files->segment, files->revisions});
    return;
  }
  ShardIndex& index = *found->second;
  absl::Status status = files.status();
  IndexGeneration next;
  if (status.ok()) next = index.AfterSeal(*files);
  absl::Status read = CheckReads(index.seal()->grown);
  read.Update(CheckReads(index.seal()->revised));
  if (absl::IsDataLoss(status)) read.Update(status);
  if (!read.ok()) {
    if (files.ok()) RemoveFiles({files->segment, files->revisions});
    Quarantine(index_id, index.generation(), read);
    status = std::move(read);
  }
  if (status.ok()) {
    At("seal made");
    status = SwitchTo(index, {files->segment, files->revisions}, std::move(next),
                      &ShardIndex::SwitchToSeal);
  }
  if (!status.ok()) {
    index.FailSeal(status);
    if (!absl::IsCancelled(status)) {
      Warn(Concat("the tail of index '", index.definition().name,
                  "' could not be sealed: ", status.message()));
    }
  }
  ScheduleTrim(index.definition().table_id);
  Publish();
}

void LocalShard::FinishMerge(uint32_t index_id, uint64_t number, SegmentOr segment) {
  const auto found = indexes_.find(index_id);
  const auto merge = found == indexes_.end() ? nullptr : found->second->EndMerge(number);
  if (merge == nullptr) {
    if (segment.ok()) RemoveFiles({*segment});
    return;
  }
  ShardIndex& index = *found->second;
  absl::Status status = segment.status();
  IndexGeneration next;
  if (status.ok()) next = index.AfterMerge(*merge, *segment);
  absl::Status read = CheckReads(merge->inputs);
  read.Update(CheckReads(index.files()));  // what was revised may have another file by now
  if (absl::IsDataLoss(status)) read.Update(status);
  if (!read.ok()) {
    if (segment.ok()) RemoveFiles({*segment});
    Quarantine(index_id, index.generation(), read);
    status = std::move(read);
  }
  if (status.ok()) {
    At("merge made");
    status = SwitchTo(index, {*segment}, std::move(next), &ShardIndex::SwitchToMerge);
  }
  if (!status.ok()) {
    index.FailMerge(status);
    if (!absl::IsCancelled(status)) {
      Warn(Concat("segments of index '", index.definition().name,
                  "' could not be merged: ", status.message()));
    }
  }
  Publish();
}

absl::Status LocalShard::SwitchTo(ShardIndex& index,
                                  const std::vector<std::shared_ptr<const SealedSegment>>& made,
                                  IndexGeneration next,
                                  void (ShardIndex::*adopt)(IndexGeneration)) {
  const uint32_t id = index.definition().id;
  // Which of their rows are masked is what was read of them.
  if (absl::Status read = CheckReads(next); !read.ok()) {
    RemoveFiles(made);
    const absl::Status of_live = CheckReads(LiveOf(next, made));
    if (of_live.ok()) return OfOutput(read);
    Quarantine(id, index.generation(), of_live);
    return of_live;
  }
  At("segment written");
  const RowIdFlavour flavour = tables_[index.definition().table_id].flavour();
  const IndexManifest manifest = ManifestOf(next, index.definition(), flavour);
  if (absl::Status status = WriteIndexManifest(index.manifest_path(), manifest); !status.ok()) {
    // Where the manifest has its name already, though not durably, what it lists stays.
    if (MayBeAt(index.manifest_path(), manifest)) {
      std::vector<std::shared_ptr<const SealedSegment>>& kept = not_adopted_[id];
      kept.insert(kept.end(), made.begin(), made.end());
    } else {
      RemoveFiles(made);
    }
    // A first manifest must go: no change after it is tracked.
    if (!index.has_generation()) RemoveName(index.manifest_path()).IgnoreError();
    return OfOutput(status);
  }
  At("manifest written");
  if (const auto kept = not_adopted_.extract(id); !kept.empty()) RemoveFiles(kept.mapped());
  std::vector<std::shared_ptr<const SealedSegment>> old = index.files();
  old.insert(old.end(), made.begin(), made.end());
  (index.*adopt)(std::move(next));
  const std::vector<std::shared_ptr<const SealedSegment>> now = index.files();
  std::erase_if(old, [&now](const auto& segment) {
    return std::find(now.begin(), now.end(), segment) != now.end();
  });
  RemoveFiles(old);
  At("files removed");
  return absl::OkStatus();
}

void LocalShard::StartJobs() {
  for (auto& [id, index] : indexes_) {
    MergePolicy policy{.least_rows = options_.min_seal_rows};
    if (index->definition().engine == Engine::kHnsw) policy.most_gone = kMostGoneOfGraph;
    if (index->WantsSeal(options_.min_seal_rows)) StartSeal(*index);
    while (const std::shared_ptr<MergeHandle> handle = index->BeginMerge(policy)) {
      StartMerge(*index, handle);
    }
  }
}

void LocalShard::StartMerge(ShardIndex& index, const std::shared_ptr<MergeHandle>& handle) {
  Executor* const executor =
      options_.merge_executor != nullptr ? options_.merge_executor : options_.build_executor;
  StartJob(
      *executor,
      [this, index_id = index.definition().id, handle, job = JobOf(index)]() mutable -> Command {
        // There is always one more to make: it leaves half of the processors alone.
        job.threads = std::max(1u, job.threads / 2);
        auto result = std::make_shared<SegmentOr>(RunMerge(job, *handle));
        return [this, index_id, number = handle->number, result] {
          FinishMerge(index_id, number, std::move(*result));
        };
      });
}

void LocalShard::ResumeBuilds() {
  const auto can_begin = [this](uint32_t id) {
    const auto found = indexes_.find(id);
    return found != indexes_.end() && found->second->build() == nullptr;
  };
  const auto due = delayed_builds_.TakeDue(options_.clock->NowMicros(), can_begin);
  for (const auto& [id, gate] : due) StartBuild(*indexes_[id], gate);
  if (!due.empty()) Publish();
}

void LocalShard::StartScheduledBuilds() {
  bool started = false;
  for (auto& [id, index] : indexes_) {
    const std::optional<int64_t> due = index->RebuildDueNanos();
    if (!due.has_value() || options_.clock->MonotonicNanos() < *due) continue;
    StartBuild(*index);
    started = true;
  }
  if (started) Publish();
}

void LocalShard::StartSeal(ShardIndex& index) {
  Executor* const executor =
      options_.seal_executor != nullptr ? options_.seal_executor : options_.build_executor;
  const std::shared_ptr<SealHandle> handle = index.BeginSeal(options_.min_seal_rows);
  StartJob(*executor,
           [this, index_id = index.definition().id, handle, job = JobOf(index)]() -> Command {
             auto result = std::make_shared<absl::StatusOr<SealedFiles>>(RunSeal(job, *handle));
             return [this, index_id, number = handle->number, result] {
               FinishSeal(index_id, number, *result);
             };
           });
}

void LocalShard::Quarantine(uint32_t index_id, uint64_t generation, const absl::Status& why) {
  Enqueue(Command([this, index_id, generation, message = std::string(why.message())] {
    const auto found = indexes_.find(index_id);
    if (found == indexes_.end()) return;
    ShardIndex& index = *found->second;
    if (!index.has_generation() || index.generation() != generation) return;
    delayed_builds_.Forget(index_id);  // the one below, at once
    const std::string aside = GiveUpFiles(index.directory(), index.files());
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
  found->second->CancelJobs();
  const std::string directory = found->second->directory();
  indexes_.erase(found);
  delayed_builds_.Forget(index_id);
  not_adopted_.erase(index_id);
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
    unremoved_.emplace(table_id, 0);
    Publish();
    return absl::OkStatus();
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

absl::Status LocalShard::RebuildIndex(uint32_t index_id, const std::optional<RebuildGate>& gate) {
  return OnApplier([this, index_id, gate]() -> absl::Status {
    const auto found = indexes_.find(index_id);
    if (found == indexes_.end()) return absl::NotFoundError("the index was dropped");
    RETURN_IF_ERROR(CheckNoBuild(*found->second));
    const std::string& folder = found->second->directory();
    // One that is refused leaves no note; that of an earlier one, which waits, stays.
    const auto earlier = ReadRebuildNote(folder);
    if (const absl::Status noted = WriteRebuildNote(folder, gate); !noted.ok()) {
      if (earlier.ok()) WriteRebuildNote(folder, *earlier).IgnoreError();
      if (!earlier.ok()) RemoveRebuildNote(folder).IgnoreError();
      return OfOutput(noted);
    }
    // This one instead, unless the other is needed: this one's gate may refuse.
    const bool needed = !found->second->has_generation() || found->second->NeedsBuild();
    if (!needed || !gate.has_value()) delayed_builds_.Forget(index_id);
    StartBuild(*found->second, gate);
    Publish();
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> LocalShard::CancelRebuild(uint32_t index_id) {
  bool cancelled = false;
  const absl::Status status = OnApplier([this, index_id, &cancelled]() -> absl::Status {
    const auto found = indexes_.find(index_id);
    if (found == indexes_.end()) return absl::NotFoundError("the index was dropped");
    ShardIndex& index = *found->second;
    const bool none = index.build() == nullptr && !delayed_builds_.Waits(index_id);
    if (!none) RETURN_IF_ERROR(CheckMayCancel(index));
    const absl::Status gone = RemoveRebuildNote(index.directory());
    if (none) return absl::OkStatus();
    if (!gone.ok() && !absl::IsNotFound(ReadRebuildNote(index.directory()).status())) {
      return OfOutput(gone);
    }
    if (!index.NeedsBuild()) delayed_builds_.Forget(index_id);
    index.FailBuild(absl::CancelledError("the rebuild was cancelled"));
    ScheduleTrim(index.definition().table_id);
    Publish();
    cancelled = true;
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(status);
  return cancelled;
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
  if (const absl::Status refusal = CheckWrites(); !refusal.ok()) {
    const std::string before = std::move(status.last_error);
    status.last_error = Concat("the shard takes no writes: ", refusal.message(),
                               before.empty() ? "" : "; before that: ", before);
  }
  return status;
}

}  // namespace ordinate
