// What an index says of itself.
#include <algorithm>
#include <utility>

#include "engine/shard/shard_index.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// The progress of a build that has every row but has not switched yet: 1 says that none is running.
constexpr double kMostWhileRunning = 0.999;
constexpr double kMostLeftMicros = 1e15;  // some thirty years

size_t Index(RowClass row_class) { return static_cast<size_t>(row_class); }

// Rows whose shown version is the newest.
uint64_t ShownNewest(const IndexPart& part, RowClass row_class) {
  return part.current[Index(row_class)] - part.unshown[Index(row_class)];
}

std::string_view PromiseOf(FreshnessMode mode) {
  switch (mode) {
    case FreshnessMode::kImmediate:
      return "every acknowledged write is visible";
    case FreshnessMode::kBatched:
      return "no write waits longer than batch_interval";
    case FreshnessMode::kAsync:
      return "no more than max_lag_rows rows wait";
    case FreshnessMode::kRebuildOnly:
      return "built; shows later writes at REBUILD";
  }
  return "";
}

// `status.rows_total` is filled.
void FillProgress(const BuildHandle& build, const Clock& clock, ShardIndexStatus& status) {
  const double total = static_cast<double>(build.rows_total.load());
  const double done = static_cast<double>(build.rows_done.load());
  status.build_progress = total == 0 ? 0 : std::min(kMostWhileRunning, done / total);
  const int64_t started = build.started_nanos;
  const double micros = static_cast<double>(clock.MonotonicNanos() - started) / 1e3;
  if (started == 0 || status.build_progress <= 0 || micros <= 0) return;
  status.build_rows_per_second =
      status.build_progress * static_cast<double>(status.rows_total) / micros * 1e6;
  status.build_left_micros = static_cast<int64_t>(
      std::min(kMostLeftMicros, micros * (1 - status.build_progress) / status.build_progress));
}

}  // namespace

std::string_view IndexStateName(IndexState state) {
  switch (state) {
    case IndexState::kBuilding:
      return "BUILDING";
    case IndexState::kReady:
      return "READY";
    case IndexState::kStale:
      return "STALE";
    case IndexState::kFailed:
      return "FAILED";
  }
  return "UNKNOWN";
}

const PublishedIndex& ShardIndex::Publish() {
  if (changed_) published_ = MakePublished();
  changed_ = false;
  return published_;
}

PublishedIndex ShardIndex::MakePublished() {
  PublishedIndex published;
  published.definition = definition_;
  if (next_.has_value()) published.next_mode = next_->mode;
  published.build = build_;
  published.oldest_pending_micros = oldest_pending_micros_;
  FillCounts(published.status);
  FillState(published.status);
  if (!has_generation_) {
    published.problem = published.status.reason;
    // What the build will show, and no more before it.
    const bool shows_later = definition_.mode == FreshnessMode::kRebuildOnly;
    if (shows_later && build_ != nullptr) {
      published.rows_seq = build_->seq;
      published.status.rows_pending = pending_.size();
    }
    return published;
  }
  published.snapshot = SnapshotOfShown();
  if (!pending_.empty()) published.newest = SnapshotOfNewest();
  return published;
}

std::shared_ptr<const IndexSnapshot> ShardIndex::SnapshotOfShown() {
  auto snapshot = std::make_shared<IndexSnapshot>();
  snapshot->definition = definition_;
  snapshot->generation = generation_;
  snapshot->seq = visible_seq_;
  for (IndexPart& part : parts_) {
    snapshot->sealed.push_back(ShareShown(part));
    snapshot->live_vector_rows += part.shown[Index(RowClass::kVector)];
  }
  snapshot->tail = tail_.Share();
  snapshot->live_tail_rows = tail_.shown();
  snapshot->live_vector_rows += tail_.shown(RowClass::kVector);
  return snapshot;
}

std::shared_ptr<const IndexSnapshot> ShardIndex::SnapshotOfNewest() {
  auto snapshot = std::make_shared<IndexSnapshot>();
  snapshot->definition = definition_;
  snapshot->generation = generation_;
  snapshot->seq = visible_seq_;
  for (IndexPart& part : parts_) {
    snapshot->sealed.push_back(
        {part.segment, part.superseded.Share(), part.revised_newest.Share(), revisions_.Share()});
    snapshot->live_vector_rows += part.current[Index(RowClass::kVector)];
  }
  snapshot->tail = tail_.ShareNewest();
  snapshot->live_tail_rows = tail_.newest();
  // Of the batch, BATCHED has every row in the tail. The other modes have none of what waits.
  if (definition_.mode != FreshnessMode::kBatched) {
    snapshot->unfed_after = visible_seq_;
    snapshot->live_tail_rows += pending_.size();
  }
  snapshot->live_vector_rows += snapshot->live_tail_rows;  // those without a vector too
  return snapshot;
}

void ShardIndex::FillCounts(ShardIndexStatus& status) const {
  for (const IndexPart& part : parts_) {
    status.rows_indexed += ShownNewest(part, RowClass::kVector);
    status.rows_null += ShownNewest(part, RowClass::kNull);
    status.rows_invalid += ShownNewest(part, RowClass::kInvalid);
    status.rows_deleted += part.superseded.count();
    status.bytes_memory += part.masked.bytes() + part.superseded.bytes() + part.revised.bytes() +
                           part.revised_newest.bytes();
    status.bytes_disk += part.segment->file().file_bytes();
  }
  if (has_generation_) {  // otherwise the tail answers nothing
    status.rows_indexed += tail_.current(RowClass::kVector);
    status.rows_null += tail_.current(RowClass::kNull);
    status.rows_invalid += tail_.current(RowClass::kInvalid);
    status.rows_pending = pending_.size();
  }
  status.bytes_memory += tail_.bytes() + revisions_.bytes();
  if (revisions_.file() != nullptr) status.bytes_disk += revisions_.file()->file().file_bytes();
  status.tail_rows = tail_.shown();
  status.segments = static_cast<uint32_t>(parts_.size());
  status.build_time_ms = build_time_ms_;
  status.generation = generation_;
  status.visible_seq = visible_seq_;
  status.last_error = LastError();
}

std::string ShardIndex::LastError() const {
  if (build_error_.empty() || damage_.empty()) return Concat(build_error_, damage_);
  return Concat(build_error_, "; before that: ", damage_);
}

void ShardIndex::FillState(ShardIndexStatus& status) const {
  if (has_generation_) {
    status.state = IndexState::kReady;
    status.reason = PromiseOf(definition_.mode);
    if (HasOtherStructure()) {
      status.reason += "; its files have another m, ef_build or quantization until it is built";
    }
    if (!status.last_error.empty()) absl::StrAppend(&status.reason, "; see the last error");
    return;
  }
  if (build_ != nullptr) {
    status.state = IndexState::kBuilding;
    status.reason = status.last_error.empty()
                        ? "the first build is running"
                        : Concat("rebuilding from the rows: ", status.last_error);
    return;
  }
  status.state = IndexState::kFailed;
  status.reason = status.last_error.empty() ? "it was never built" : status.last_error;
}

ShardIndexStatus CompleteStatus(const PublishedIndex& index, uint64_t rows_total, uint64_t seq,
                                const Clock& clock) {
  const IndexDef& definition = index.definition;
  ShardIndexStatus status = index.status;
  status.rows_total = rows_total;
  if (index.snapshot == nullptr) {
    status.rows_pending = rows_total;
    status.visible_seq = index.RowsSeq(LagPolicy::kSkipTail, seq);
  }
  status.lag_rows = status.rows_pending;
  if (status.lag_rows > 0 && index.oldest_pending_micros > 0) {
    status.lag_micros = std::max<int64_t>(0, clock.NowMicros() - index.oldest_pending_micros);
  }
  if (index.build != nullptr) FillProgress(*index.build, clock, status);
  if (status.state != IndexState::kReady) return status;
  if (index.next_mode.has_value()) {
    status.state = IndexState::kStale;
    status.reason = Concat("goes over to ", FreshnessModeName(*index.next_mode),
                           " when it is built: too many rows wait to be shown before",
                           index.build == nullptr ? "; see the last error" : "");
  }
  if (definition.mode == FreshnessMode::kBatched &&
      status.lag_micros > static_cast<int64_t>(definition.batch_interval_micros)) {
    status.state = IndexState::kStale;
    status.reason = Concat("the oldest of ", status.lag_rows,
                           " pending rows has waited for longer than batch_interval");
  }
  if (definition.mode == FreshnessMode::kAsync && status.lag_rows > definition.max_lag_rows) {
    status.state = IndexState::kStale;
    status.reason =
        Concat(status.lag_rows, " rows wait, more than max_lag_rows = ", definition.max_lag_rows);
  }
  return status;
}

}  // namespace ordinate
