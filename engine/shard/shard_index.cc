#include "engine/shard/shard_index.h"

#include <algorithm>
#include <utility>

#include "engine/shard/revise.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// At once: a merge of the largest segments must not keep the small ones from being merged, of which
// there would soon be too many. The second has so many times fewer rows.
constexpr size_t kMostMerges = 2;
constexpr uint64_t kMuchSmaller = 4;
// After a merge that failed, for want of space perhaps.
constexpr int64_t kRetryMergeNanos = 10'000'000'000;
constexpr uint32_t kMostMergeDoublings = 5;  // of that time, after failures in a row

uint32_t PositionOfColumn(const TableDef& table, uint32_t column_id) {
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].id == column_id) return i;
  }
  return 0;
}

size_t Index(RowClass row_class) { return static_cast<size_t>(row_class); }

}  // namespace

IndexPart::IndexPart(std::shared_ptr<const SealedSegment> sealed)
    : segment(std::move(sealed)),
      masked(segment->view().rows()),
      superseded(segment->view().rows()),
      revised(segment->view().rows()),
      revised_newest(segment->view().rows()) {
  const SegmentView& v = segment->view();
  const uint64_t rows[3] = {v.vector_rows, v.null_rows, v.invalid_rows};
  std::copy(rows, rows + 3, shown);
  std::copy(rows, rows + 3, current);
}

IndexPart::IndexPart(std::shared_ptr<const SealedSegment> sealed, const std::vector<uint32_t>& gone)
    : IndexPart(std::move(sealed)) {
  for (const uint32_t row : gone) MaskRow(row);
}

void IndexPart::MaskRow(uint32_t row) {
  SupersedeRow(row);
  if (masked.Set(row)) --shown[Index(segment->ClassOf(row))];
}

void IndexPart::SupersedeRow(uint32_t row) {
  if (!superseded.Set(row)) return;
  --current[Index(segment->ClassOf(row))];
  unshown[Index(segment->ClassOf(row))] -= IsUnshown(row);
}

void IndexPart::Mask(RowId id) {
  const int64_t row = segment->view().FindRow(id);
  if (row >= 0) MaskRow(static_cast<uint32_t>(row));
}

void IndexPart::Supersede(RowId id) {
  const int64_t row = segment->view().FindRow(id);
  if (row >= 0) SupersedeRow(static_cast<uint32_t>(row));
}

void IndexPart::ShowNewest() {
  if (unshown[0] + unshown[1] + unshown[2] > 0) revised = revised_newest.Share();
  std::fill(unshown, unshown + 3, 0);
  if (masked.count() == superseded.count()) return;  // the one is part of the other
  masked = superseded.Share();
  std::copy(current, current + 3, shown);
}

ShardIndex::ShardIndex(const TableDef& table, const IndexDef& definition, std::string directory,
                       const Clock& clock)
    : table_(table),
      definition_(definition),
      directory_(std::move(directory)),
      clock_(clock),
      column_position_(PositionOfColumn(table, definition.column_id)),
      schedule_nanos_(clock.MonotonicNanos()) {}

std::string ShardIndex::manifest_path() const { return Concat(directory_, "/index.vindex"); }

void ShardIndex::Adopt(IndexGeneration next) {
  changed_ = true;
  has_generation_ = true;
  generation_ = next.number;
  seq_ = next.seq;
  build_time_ms_ = next.build_time_ms;
  parts_ = std::move(next.parts);
  revisions_ = std::move(next.revisions);
  visible_seq_ = std::max(visible_seq_, seq_);
}

void ShardIndex::Open(IndexGeneration found) {
  LargestFirst(found.parts);
  AttachRevisions(found.revisions, found.parts);
  Adopt(std::move(found));
}

void ShardIndex::Abandon(std::string why, uint64_t generation) {
  changed_ = true;
  // What has been noted for a build is of the rows that go here.
  if (build_ != nullptr) build_->context.Cancel();
  build_.reset();
  since_build_ = SinceBuild();
  CancelSealAndMerges();
  parts_.clear();
  revisions_ = RevisedRows();
  tail_ = Tail(definition_.dim);
  ClearPending();
  has_generation_ = false;
  frozen_ = false;
  generation_ = generation;
  damage_ = std::move(why);
  abandoned_ = true;
}

void ShardIndex::SetOptions(const IndexDef& definition) {
  changed_ = true;
  const bool stops = definition.mode == FreshnessMode::kRebuildOnly && Feeds();
  IndexDef before = definition_;
  if (stops || TakeStructure(definition, before)) CancelSealAndMerges();
  if (stops) {
    frozen_ = has_generation_;
  } else if (definition.mode != FreshnessMode::kRebuildOnly) {
    frozen_ = false;
  }
  definition_ = definition;
  next_.reset();
}

bool ShardIndex::HasOtherStructure() const {
  return std::ranges::any_of(
      parts_, [this](const IndexPart& part) { return !part.segment->IsBuiltAs(definition_); });
}

void ShardIndex::GoOverAfterBuild(const IndexDef& definition) {
  IndexDef now = definition;
  now.mode = FreshnessMode::kRebuildOnly;
  SetOptions(now);
  next_ = definition;
  rows_before_go_over_ = pending_.size();
}

void ShardIndex::ClearPending() {
  pending_.clear();
  deleted_unfed_.clear();
  oldest_pending_micros_ = 0;
}

void ShardIndex::Note(RowId id, uint64_t seq, int64_t time_micros) {
  // The next build reads the row itself.
  if (!tracks()) return;
  changed_ = true;
  if (build_ != nullptr && seq > build_->seq) {
    if (since_build_.upserted.empty()) since_build_.first_micros = time_micros;
    since_build_.upserted.try_emplace(id, seq);
  }
  if (pending_.empty()) {
    visible_seq_ = std::max(visible_seq_, seq - 1);
    oldest_pending_micros_ = time_micros;
    oldest_pending_nanos_ = clock_.MonotonicNanos();
  }
  pending_[id] = seq;
  for (IndexPart& part : parts_) part.Supersede(id);
  tail_.Supersede(id);
}

void ShardIndex::Feed(RowId id, uint64_t seq, const std::vector<Value>& cells) {
  if (!Feeds()) return;
  changed_ = true;
  TailRow row = MakeTailRow(id, seq, cells);
  if (!FeedsLater()) {
    if (!Revise(row)) PutInTail(std::move(row));
    return;
  }
  const auto deleted = deleted_unfed_.find(id);
  if (deleted != deleted_unfed_.end() && deleted->second > seq) return;
  if (!Revise(row)) {
    for (IndexPart& part : parts_) part.Mask(id);
    tail_.Hide(id);
    PutInTail(std::move(row));
    tail_.ShowSlots();
  }
  const auto pending = pending_.find(id);
  if (pending == pending_.end()) return;
  if (pending->second > seq) {  // by one that waits
    for (IndexPart& part : parts_) part.Supersede(id);
    tail_.Supersede(id);
  } else {
    pending_.erase(pending);
  }
}

void ShardIndex::PutInTail(TailRow row) {
  tail_.Put(std::move(row));
  --let_in_;
}

TailRow ShardIndex::MakeTailRow(RowId id, uint64_t seq, const std::vector<Value>& cells) const {
  TailRow row;
  row.id = id;
  row.version = seq;
  const ValueView cell =
      column_position_ < cells.size() ? View(cells[column_position_]) : ValueView();
  row.row_class = ClassifyCell(cell, definition_.metric, definition_.dim);
  if (row.row_class == RowClass::kVector) row.vector = std::get<std::span<const float>>(cell);
  row.cells.resize(table_.columns.size());
  for (size_t i = 0; i < std::min(cells.size(), table_.columns.size()); ++i) {
    const ColumnRole role = table_.columns[i].role;
    if (role == ColumnRole::kKey || role == ColumnRole::kAttribute) row.cells[i] = cells[i];
  }
  return row;
}

void ShardIndex::Delete(RowId id, uint64_t seq) {
  if (!tracks()) return;
  changed_ = true;
  if (build_ != nullptr && seq > build_->seq) since_build_.deleted.insert(id);
  const bool unfed = pending_.erase(id) != 0 || deleted_unfed_.contains(id);
  if (unfed && FeedsLater()) deleted_unfed_[id] = seq;
  if (pending_.empty()) oldest_pending_micros_ = 0;
  for (IndexPart& part : parts_) part.Mask(id);
  tail_.Mask(id);
}

void ShardIndex::EndRecord(uint64_t seq) {
  const bool batched = definition_.mode == FreshnessMode::kBatched;
  if (batched && pending_.size() >= definition_.batch_rows) ShowAll(seq);
}

void ShardIndex::FedTo(uint64_t seq, int64_t next_micros) {
  changed_ = true;
  visible_seq_ = std::max(visible_seq_, seq);
  oldest_pending_micros_ = pending_.empty() ? 0 : next_micros;
  if (next_micros == 0) deleted_unfed_.clear();
}

void ShardIndex::EndGroup(uint64_t seq) {
  if (!tracks()) return;
  const std::optional<int64_t> due = DueNanos();
  const bool shows = definition_.mode == FreshnessMode::kImmediate ||
                     (due.has_value() && clock_.MonotonicNanos() >= *due);
  if (shows && !pending_.empty()) ShowAll(seq);
  if (!pending_.empty() || visible_seq_ >= seq) return;
  visible_seq_ = seq;  // what is pending nowhere is shown
  changed_ = true;
}

std::optional<int64_t> ShardIndex::DueNanos() const {
  if (definition_.mode != FreshnessMode::kBatched || pending_.empty()) return std::nullopt;
  return oldest_pending_nanos_ + static_cast<int64_t>(definition_.batch_interval_micros) * 1'000;
}

void ShardIndex::ShowAll(uint64_t seq) {
  changed_ = true;
  for (IndexPart& part : parts_) part.ShowNewest();
  tail_.ShowAll();
  ClearPending();
  visible_seq_ = std::max(visible_seq_, seq);
}

std::shared_ptr<BuildHandle> ShardIndex::BeginBuild(uint64_t seq) {
  changed_ = true;
  build_ = std::make_shared<BuildHandle>();
  build_->number = ++jobs_begun_;
  build_->seq = seq;
  if (!has_generation_) {
    tail_ = Tail(definition_.dim);
    ClearPending();
  }
  since_build_ = SinceBuild();
  return build_;
}

IndexGeneration ShardIndex::AfterBuild(std::shared_ptr<const SealedSegment> segment,
                                       uint64_t build_time_ms) const {
  IndexGeneration next{generation_ + 1, std::max(build_->seq, seq_), build_time_ms, {}};
  const uint64_t shows = std::max(visible_seq_, build_->seq);
  IndexPart& built = next.parts.emplace_back(std::move(segment));
  for (const auto& [id, first] : since_build_.upserted) {
    if (first <= shows) {
      built.Mask(id);
    } else {
      built.Supersede(id);
    }
  }
  for (const RowId id : since_build_.deleted) built.Mask(id);
  for (const IndexPart& part : parts_) {
    if (part.during_build != build_->number) continue;
    IndexPart& kept = next.parts.emplace_back(part);
    kept.during_build = 0;
    const SegmentView& view = kept.segment->view();
    for (uint32_t row = 0; row < view.rows(); ++row) {
      if (view.versions[row] <= build_->seq) kept.MaskRow(row);  // the build has it
    }
  }
  LargestFirst(next.parts);
  return next;
}

void ShardIndex::SwitchToBuild(IndexGeneration next) {
  const uint64_t built_seq = build_->seq;
  CancelSealAndMerges();
  Adopt(std::move(next));
  tail_ = tail_.NewerThan(built_seq);
  if (!Feeds()) {
    absl::erase_if(pending_, [built_seq](const auto& one) { return one.second <= built_seq; });
    oldest_pending_micros_ = pending_.empty() ? 0 : since_build_.first_micros;
  }
  frozen_ = false;
  since_build_ = SinceBuild();
  build_.reset();
  schedule_nanos_ = clock_.MonotonicNanos();
  retry_seal_at_ = 0;
  retry_merge_nanos_ = 0;
  merges_failed_ = 0;
  build_error_.clear();
  if (!abandoned_) damage_.clear();
  abandoned_ = false;
}

std::optional<int64_t> ShardIndex::RebuildDueNanos() const {
  if (definition_.rebuild_interval_micros == 0 || !has_generation_ || build_ != nullptr) {
    return std::nullopt;
  }
  const bool whole = pending_.empty() && tail_.size() == 0 && parts_.size() == 1 &&
                     parts_.front().superseded.count() == 0 && revisions_.unsealed() == 0 &&
                     revisions_.sealed() == 0;
  if (whole) return std::nullopt;
  return schedule_nanos_ + static_cast<int64_t>(definition_.rebuild_interval_micros) * 1'000;
}

void ShardIndex::GiveUpBuild() {
  changed_ = true;
  build_->context.Cancel();
  build_.reset();
  since_build_ = SinceBuild();
  for (IndexPart& part : parts_) part.during_build = 0;
}

void ShardIndex::FailBuild(const absl::Status& status) {
  changed_ = true;
  if (build_ != nullptr) GiveUpBuild();
  schedule_nanos_ = clock_.MonotonicNanos();
  build_error_ = std::string(status.message());
  if (has_generation_) return;
  tail_ = Tail(definition_.dim);
  ClearPending();
}

bool ShardIndex::Stays(const IndexPart& part) const {
  return build_ == nullptr || part.during_build == build_->number;
}

void ShardIndex::TakeChanges(const IndexPart& part, const IndexSnapshot::Sealed& input,
                             IndexPart& merged) const {
  merged.during_build = part.during_build;
  TakeRevisions(part, revisions_, merged);
  const SegmentView& view = part.segment->view();
  for (uint32_t row = 0; row < view.rows(); ++row) {
    if (!part.superseded.Test(row) || input.masked.Test(row)) continue;
    if (part.masked.Test(row)) {
      merged.Mask(view.row_ids[row]);
    } else {
      merged.Supersede(view.row_ids[row]);
    }
  }
}

std::shared_ptr<MergeHandle> ShardIndex::BeginMerge(const MergePolicy& policy) {
  if (!has_generation_ || !Feeds() || merges_.size() >= kMostMerges ||
      clock_.MonotonicNanos() < retry_merge_nanos_) {
    return nullptr;
  }
  std::vector<IndexPart*> candidates;
  std::vector<SegmentRows> rows;
  for (IndexPart& part : parts_) {
    if (!Stays(part) || IsAtWork(part)) continue;
    candidates.push_back(&part);
    rows.push_back({part.live(), part.segment->view().rows(), part.revised_in_file});
  }
  const std::vector<size_t> chosen = ChooseMerge(rows, policy);
  if (chosen.empty()) return nullptr;
  uint64_t all_rows = 0;
  for (const size_t i : chosen) all_rows += rows[i].total;
  if (!merges_.empty() && all_rows * kMuchSmaller > merges_.front()->rows) return nullptr;
  const auto merge = std::make_shared<MergeHandle>();
  merge->number = ++jobs_begun_;
  merge->rows = all_rows;
  for (const size_t i : chosen) merge->inputs.push_back(ShareSealed(*candidates[i]));
  merges_.push_back(merge);
  return merge;
}

bool ShardIndex::IsAtWork(const IndexPart& part) const {
  const auto has = [&part](const std::vector<IndexSnapshot::Sealed>& inputs) {
    return std::ranges::find(inputs, part.segment, &IndexSnapshot::Sealed::segment) != inputs.end();
  };
  if (seal_ != nullptr && has(seal_->grown)) return true;
  return std::ranges::any_of(merges_, [&has](const auto& merge) { return has(merge->inputs); });
}

std::shared_ptr<const MergeHandle> ShardIndex::EndMerge(uint64_t number) {
  const auto ended = std::ranges::find(merges_, number, &MergeHandle::number);
  if (ended == merges_.end()) return nullptr;
  std::shared_ptr<const MergeHandle> merge = *ended;
  merges_.erase(ended);
  return merge;
}

IndexGeneration ShardIndex::AfterMerge(const MergeHandle& merge,
                                       std::shared_ptr<const SealedSegment> segment) const {
  IndexGeneration next{generation_ + 1, seq_, build_time_ms_, {}, revisions_};
  IndexPart merged(std::move(segment));
  for (const IndexPart& part : parts_) {
    const auto input =
        std::ranges::find(merge.inputs, part.segment, &IndexSnapshot::Sealed::segment);
    if (input == merge.inputs.end()) {
      next.parts.push_back(part);
      continue;
    }
    TakeChanges(part, *input, merged);
  }
  next.parts.push_back(std::move(merged));
  DropEmpty(next.parts);
  DropUnusedRevisions(next);
  LargestFirst(next.parts);
  return next;
}

void ShardIndex::LargestFirst(std::vector<IndexPart>& parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const IndexPart& a, const IndexPart& b) {
    return a.segment->view().rows() > b.segment->view().rows();
  });
}

void ShardIndex::DropEmpty(std::vector<IndexPart>& parts) {
  for (size_t i = parts.size(); i-- > 0;) {
    if (parts.size() > 1 && parts[i].segment->view().rows() == 0) {
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

void ShardIndex::SwitchToMerge(IndexGeneration next) {
  Adopt(std::move(next));
  retry_merge_nanos_ = 0;
  merges_failed_ = 0;
  build_error_.clear();
}

void ShardIndex::FailMerge(const absl::Status& status) {
  changed_ = true;
  build_error_ = std::string(status.message());
  retry_merge_nanos_ = clock_.MonotonicNanos() + (kRetryMergeNanos << merges_failed_);
  // Whether there is space is seen before the work.
  if (!absl::IsResourceExhausted(status)) {
    merges_failed_ = std::min(merges_failed_ + 1, kMostMergeDoublings);
  }
}

void ShardIndex::CancelSealAndMerges() {
  if (seal_ != nullptr) seal_->context.Cancel();
  for (const auto& merge : merges_) merge->context.Cancel();
  seal_.reset();
  merges_.clear();
}

void ShardIndex::CancelJobs() {
  if (build_ != nullptr) build_->context.Cancel();
  if (seal_ != nullptr) seal_->context.Cancel();
  for (const auto& merge : merges_) merge->context.Cancel();
}

std::vector<std::shared_ptr<const SealedSegment>> ShardIndex::files() const {
  std::vector<std::shared_ptr<const SealedSegment>> all;
  for (const IndexPart& part : parts_) all.push_back(part.segment);
  if (revisions_.file() != nullptr) all.push_back(revisions_.file());
  return all;
}

uint64_t ShardIndex::PersistedSeq(uint64_t applied) const {
  if (has_generation_) return seq_;
  return build_ != nullptr ? build_->seq : applied;
}

void ShardIndex::AddRetention(TableRetention& retention) const {
  retention.track_changes |= tracks();
  if (!tracks() || definition_.mode == FreshnessMode::kImmediate) return;
  if (Feeds()) {
    // What will be shown next is not known: a batch may end within a group.
    const uint64_t after = has_generation_ ? visible_seq_ : build_->seq;
    retention.keep_after = std::min(retention.keep_after, after);
    return;
  }
  if (has_generation_) retention.pinned.push_back(frozen_ ? visible_seq_ : seq_);
  if (build_ != nullptr) retention.pinned.push_back(build_->seq);
}

}  // namespace ordinate
