#include "engine/shard/shard_index.h"

#include <algorithm>
#include <utility>

#include "storage/base/text.h"

namespace ordinate {
namespace {

uint32_t PositionOfColumn(const TableDef& table, uint32_t column_id) {
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].id == column_id) return i;
  }
  return 0;
}

// The progress of a build that has every row but has not switched yet: 1 says that none is running.
constexpr double kMostWhileRunning = 0.999;

size_t Index(RowClass row_class) { return static_cast<size_t>(row_class); }

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

ShardIndex::ShardIndex(const TableDef& table, const IndexDef& definition, std::string directory,
                       const Clock& clock)
    : table_(table),
      definition_(definition),
      directory_(std::move(directory)),
      clock_(clock),
      column_position_(PositionOfColumn(table, definition.column_id)) {}

std::string ShardIndex::manifest_path() const { return Concat(directory_, "/index.vindex"); }

void ShardIndex::Switch(std::vector<std::shared_ptr<const SealedSegment>> segments, uint64_t seq,
                        uint64_t generation, uint64_t build_time_ms) {
  changed_ = true;
  parts_.clear();
  for (auto& segment : segments) {
    Part part;
    const SegmentView& v = segment->view();
    part.masked = Tombstones(v.rows());
    part.superseded = Tombstones(v.rows());
    const uint64_t rows[3] = {v.vector_rows, v.null_rows, v.invalid_rows};
    std::copy(rows, rows + 3, part.shown);
    std::copy(rows, rows + 3, part.current);
    part.segment = std::move(segment);
    parts_.push_back(std::move(part));
  }
  has_generation_ = true;
  generation_ = generation;
  seq_ = seq;
  build_time_ms_ = build_time_ms;
  tail_ = immediate() ? tail_.NewerThan(seq) : Tail();
  retry_seal_at_ = 0;
  oldest_pending_micros_ = 0;
  for (const RowId id : deleted_since_build_) MaskSealed(id);
  for (const RowId id : upserted_since_build_) {
    if (immediate()) {
      MaskSealed(id);
    } else {
      SupersedeSealed(id);
    }
  }
  if (!immediate() && !upserted_since_build_.empty()) {
    oldest_pending_micros_ = first_change_since_build_micros_;
  }
  upserted_since_build_.clear();
  deleted_since_build_.clear();
  build_.reset();
  build_error_.clear();
  if (!abandoned_) damage_.clear();
  abandoned_ = false;
}

void ShardIndex::Abandon(std::string why, uint64_t generation) {
  changed_ = true;
  parts_.clear();
  has_generation_ = false;
  generation_ = generation;
  damage_ = std::move(why);
  abandoned_ = true;
}

void ShardIndex::MaskSealed(RowId id) {
  for (Part& part : parts_) {
    const int64_t found = part.segment->view().FindRow(id);
    if (found < 0) continue;
    const auto row = static_cast<uint32_t>(found);
    const size_t row_class = Index(part.segment->ClassOf(row));
    if (part.masked.Set(row)) --part.shown[row_class];
    if (part.superseded.Set(row)) --part.current[row_class];
  }
}

void ShardIndex::SupersedeSealed(RowId id) {
  for (Part& part : parts_) {
    const int64_t found = part.segment->view().FindRow(id);
    if (found < 0) continue;
    const auto row = static_cast<uint32_t>(found);
    if (part.superseded.Set(row)) --part.current[Index(part.segment->ClassOf(row))];
  }
}

void ShardIndex::Upsert(RowId id, uint64_t version, int64_t time_micros,
                        const std::vector<Value>& cells) {
  changed_ = true;
  if (build_ != nullptr) {
    if (upserted_since_build_.empty()) first_change_since_build_micros_ = time_micros;
    upserted_since_build_.insert(id);
  }
  if (!immediate()) {
    SupersedeSealed(id);
    if (oldest_pending_micros_ == 0) oldest_pending_micros_ = time_micros;
    return;
  }
  // The next build reads the row itself.
  if (!has_generation_ && build_ == nullptr) return;
  MaskSealed(id);
  TailRow row;
  row.id = id;
  row.version = version;
  const ValueView cell =
      column_position_ < cells.size() ? View(cells[column_position_]) : ValueView();
  row.row_class = ClassifyCell(cell, definition_.metric, definition_.dim);
  if (row.row_class == RowClass::kVector) row.vector = std::get<Vector>(cells[column_position_]);
  row.cells.resize(table_.columns.size());
  for (size_t i = 0; i < std::min(cells.size(), table_.columns.size()); ++i) {
    const ColumnRole role = table_.columns[i].role;
    if (role == ColumnRole::kKey || role == ColumnRole::kAttribute) row.cells[i] = cells[i];
  }
  tail_.Put(std::move(row));
}

void ShardIndex::Delete(RowId id) {
  changed_ = true;
  if (build_ != nullptr) deleted_since_build_.insert(id);
  MaskSealed(id);
  tail_.Mask(id);
}

std::shared_ptr<BuildHandle> ShardIndex::BeginBuild(uint64_t seq) {
  changed_ = true;
  build_ = std::make_shared<BuildHandle>();
  build_->number = ++builds_begun_;
  build_->seq = seq;
  build_->started_nanos = clock_.MonotonicNanos();
  if (!has_generation_) tail_ = Tail();
  upserted_since_build_.clear();
  deleted_since_build_.clear();
  return build_;
}

void ShardIndex::FailBuild(const absl::Status& status) {
  changed_ = true;
  build_.reset();
  upserted_since_build_.clear();
  deleted_since_build_.clear();
  build_error_ = std::string(status.message());
  // What failed once likely fails again: not before the tail has doubled.
  retry_seal_at_ = 2 * uint64_t{tail_.size()};
  if (!has_generation_) tail_ = Tail();
}

bool ShardIndex::WantsSeal(uint64_t min_rows) const {
  if (!immediate() || build_ != nullptr || !has_generation_) return false;
  uint64_t sealed_rows = 0;
  for (const Part& part : parts_) sealed_rows += part.segment->view().rows();
  return tail_.size() >= std::max({min_rows, sealed_rows / 4, retry_seal_at_});
}

uint64_t ShardIndex::PersistedSeq(uint64_t applied) const {
  if (has_generation_) return seq_;
  return build_ != nullptr ? build_->seq : applied;
}

void ShardIndex::AddPins(std::vector<uint64_t>& pinned) const {
  if (immediate()) return;
  if (has_generation_) pinned.push_back(seq_);
  if (build_ != nullptr) pinned.push_back(build_->seq);
}

const PublishedIndex& ShardIndex::Publish() {
  if (changed_) published_ = MakePublished();
  changed_ = false;
  return published_;
}

PublishedIndex ShardIndex::MakePublished() {
  PublishedIndex published;
  ShardIndexStatus& status = published.status;
  published.definition = definition_;
  published.build = build_;
  published.oldest_pending_micros = oldest_pending_micros_;
  uint64_t shown_vectors = 0;
  for (const Part& part : parts_) {
    shown_vectors += part.shown[Index(RowClass::kVector)];
    status.rows_indexed += part.current[Index(RowClass::kVector)];
    status.rows_null += part.current[Index(RowClass::kNull)];
    status.rows_invalid += part.current[Index(RowClass::kInvalid)];
    status.rows_deleted += part.superseded.count();
    status.bytes_memory += part.masked.bytes() + part.superseded.bytes();
    status.bytes_disk += part.segment->file().file_bytes();
  }
  status.rows_indexed += tail_.live(RowClass::kVector);
  status.rows_null += tail_.live(RowClass::kNull);
  status.rows_invalid += tail_.live(RowClass::kInvalid);
  status.bytes_memory += tail_.bytes();
  status.tail_rows = tail_.live();
  status.segments = static_cast<uint32_t>(parts_.size());
  status.build_time_ms = build_time_ms_;
  status.generation = generation_;
  status.visible_seq = seq_;
  status.last_error = LastError();
  published.covered_rows = status.rows_indexed + status.rows_null + status.rows_invalid;
  FillState(status);
  if (!has_generation_) {
    published.problem = status.reason;
    return published;
  }
  auto snapshot = std::make_shared<IndexSnapshot>();
  snapshot->definition = definition_;
  snapshot->generation = generation_;
  snapshot->seq = seq_;
  for (Part& part : parts_) snapshot->sealed.push_back({part.segment, part.masked.Share()});
  snapshot->tail = tail_.Share();
  snapshot->live_tail_rows = tail_.live();
  snapshot->live_vector_rows = shown_vectors + tail_.live(RowClass::kVector);
  published.snapshot = std::move(snapshot);
  return published;
}

std::string ShardIndex::LastError() const {
  if (build_error_.empty() || damage_.empty()) return Concat(build_error_, damage_);
  return Concat(build_error_, "; before that: ", damage_);
}

void ShardIndex::FillState(ShardIndexStatus& status) const {
  if (has_generation_) {
    status.state = IndexState::kReady;
    status.reason =
        immediate() ? "every acknowledged write is visible" : Concat("built as of sequence ", seq_);
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

ShardIndexStatus CompleteStatus(const PublishedIndex& index, uint64_t rows_total,
                                uint64_t shard_seq, const Clock& clock) {
  const IndexDef& definition = index.definition;
  ShardIndexStatus status = index.status;
  const bool immediate = definition.mode == FreshnessMode::kImmediate;
  status.rows_total = rows_total;
  status.rows_pending = rows_total - std::min(rows_total, index.covered_rows);
  if (immediate && index.snapshot != nullptr) status.visible_seq = shard_seq;
  status.lag_rows = status.rows_pending;
  if (status.lag_rows > 0 && index.oldest_pending_micros > 0) {
    status.lag_micros = std::max<int64_t>(0, clock.NowMicros() - index.oldest_pending_micros);
  }
  if (index.build != nullptr) {
    const double total = static_cast<double>(index.build->rows_total.load());
    status.build_progress =
        total == 0 ? 0
                   : std::min(kMostWhileRunning,
                              static_cast<double>(index.build->rows_done.load()) / total);
  }
  if (status.state != IndexState::kReady) return status;
  const bool late =
      (definition.mode == FreshnessMode::kBatched &&
       status.lag_micros > static_cast<int64_t>(definition.batch_interval_micros)) ||
      (definition.mode == FreshnessMode::kAsync && status.lag_rows > definition.max_lag_rows);
  if (late) {
    status.state = IndexState::kStale;
    status.reason = Concat(status.lag_rows, " rows wait for REBUILD: this version applies ",
                           FreshnessModeName(definition.mode), " indexes at REBUILD only");
  }
  return status;
}

}  // namespace ordinate
