// Sealing: what of the tail and of the revised rows goes to files next, and what that makes of the
// index.
#include <algorithm>
#include <utility>

#include "engine/shard/revise.h"
#include "engine/shard/shard_index.h"

namespace ordinate {
namespace {

// With so many segments a tail that makes one more is to be twice as long, with one more again
// twice: however slow merges are, there are not many more.
constexpr size_t kMostSegments = 10;
constexpr size_t kMostDoublings = 20;
// A segment of fewer than so many shortest tails grows by the next: copying its graph takes less
// than inserting its rows again in a merge, and one segment is searched faster than some small
// ones. A longer tail is sealed in steps of as many, or of a part of it: what is left is copied
// each time.
constexpr uint64_t kGrownSeals = 8;
constexpr uint64_t kStepOfTail = 4;
// Of the rows of a seal, this part comes in after it while the tail is too long.
constexpr int64_t kLetInShare = 4;
// Revised rows are scanned by nothing: so many times more than tail rows, or such a part of those
// in the file, which is written anew each time, may be in memory alone.
constexpr uint64_t kRevisionsOfTail = 4;
constexpr uint64_t kRevisionsShare = 4;
// After a seal that had no space.
constexpr int64_t kRetrySealNanos = 10'000'000'000;

}  // namespace

bool ShardIndex::WantsSeal(uint64_t min_rows) const {
  if (!has_generation_ || !Feeds() || seal_ != nullptr) return false;
  if (UnsealedRows() < retry_seal_at_ || clock_.MonotonicNanos() < retry_seal_nanos_) return false;
  uint64_t unshown = 0;  // revised rows that no seal can write yet
  for (const IndexPart& part : parts_) {
    unshown += part.unshown[0] + part.unshown[1] + part.unshown[2];
  }
  return (tail_.shown_slots() >= min_rows && !TailWaits(min_rows)) ||
         revisions_.unsealed() - std::min<uint64_t>(unshown, revisions_.unsealed()) >=
             std::max<uint64_t>(kRevisionsOfTail * min_rows, revisions_.sealed() / kRevisionsShare);
}

bool ShardIndex::TailWaits(uint64_t min_rows) const {
  const auto stays = [this](const IndexPart& part) { return Stays(part); };
  const auto segments = static_cast<size_t>(std::count_if(parts_.begin(), parts_.end(), stays));
  if (segments < kMostSegments || tail_.shown_slots() == 0) return false;
  if (PartToGrow(kGrownSeals * min_rows, visible_seq_).has_value()) return false;
  const size_t doublings = std::min(segments - kMostSegments + 1, kMostDoublings);
  return tail_.shown_slots() < min_rows << doublings;
}

bool ShardIndex::IsBehind(uint64_t rows, uint64_t min_rows) const {
  if (tail_.shown_slots() < rows || let_in_ > 0) return false;
  return seal_ != nullptr ||
         (!merges_.empty() && UnsealedRows() >= retry_seal_at_ && TailWaits(min_rows));
}

std::optional<size_t> ShardIndex::PartToGrow(uint64_t most_rows, uint64_t seq) const {
  // What a build replaces, and what it does not, stay apart.
  if (build_ != nullptr && seq <= build_->seq) return std::nullopt;
  std::optional<size_t> smallest;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const uint64_t live = parts_[i].live(), total = parts_[i].segment->view().rows();
    if (!Stays(parts_[i]) || IsAtWork(parts_[i]) || total >= most_rows) continue;
    if (live == 0) continue;
    if (!smallest.has_value() || live < parts_[*smallest].live()) smallest = i;
  }
  return smallest;
}

uint32_t ShardIndex::FirstSlots(const Tail::View& rows, uint64_t most) {
  uint64_t size = std::min<uint64_t>(rows.size, std::max(most, rows.size / kStepOfTail));
  const auto version = [&rows](uint64_t slot) {
    return rows.Row(static_cast<uint32_t>(slot)).version;
  };
  while (size > 0 && size < rows.size && version(size) == version(size - 1)) ++size;
  if (size > 0 && size < rows.size && version(size) < version(size - 1)) return rows.size;
  // Slots are filled in the order of versions; where they are not, no part can be told from the
  // rest.
  for (uint64_t slot = size; size > 0 && slot < rows.size; ++slot) {
    if (version(slot) < version(size)) return rows.size;
  }
  return static_cast<uint32_t>(size);
}

std::shared_ptr<SealHandle> ShardIndex::BeginSeal(uint64_t min_rows) {
  const uint64_t most = kGrownSeals * min_rows;
  auto seal = std::make_shared<SealHandle>();
  seal->number = ++jobs_begun_;
  seal->seq = seal->shown_seq = visible_seq_;
  seal->rows = tail_.Share();
  seal->rows.size = TailWaits(min_rows) ? 0 : FirstSlots(seal->rows, most);
  const uint32_t size = seal->rows.size;
  const uint32_t left = tail_.shown_slots() - size;
  seal->leaves_many = left >= most;
  // What is left is read again at the next start.
  if (left > 0) seal->seq = seal->rows.Row(size).version - 1;
  std::optional<size_t> grown;
  if (size > 0) grown = PartToGrow(most, seal->seq);
  seal_ = std::move(seal);
  if (grown.has_value()) seal_->grown.push_back(ShareSealed(parts_[*grown]));
  seal_->revises = revisions_.unsealed() > 0;
  for (IndexPart& part : parts_) {
    if (seal_->revises && part.revised.count() > 0) seal_->revised.push_back(ShareShown(part));
  }
  return seal_;
}

IndexGeneration ShardIndex::AfterSeal(const SealedFiles& files) const {
  IndexGeneration next{generation_ + 1, std::max(seq_, seal_->seq), build_time_ms_, parts_,
                       revisions_};
  if (files.segment != nullptr) {
    IndexPart sealed(files.segment);
    if (build_ != nullptr && seal_->seq > build_->seq) sealed.during_build = build_->number;
    for (uint32_t slot = 0; slot < seal_->rows.size; ++slot) {
      if (!seal_->rows.IsLive(slot)) continue;
      if (tail_.IsMasked(slot)) {
        sealed.Mask(seal_->rows.Row(slot).id);
      } else if (tail_.IsSuperseded(slot)) {
        sealed.Supersede(seal_->rows.Row(slot).id);
      }
    }
    for (const IndexSnapshot::Sealed& input : seal_->grown) {
      const auto grown = std::ranges::find(next.parts, input.segment, &IndexPart::segment);
      TakeChanges(*grown, input, sealed);
      next.parts.erase(grown);
    }
    next.parts.push_back(std::move(sealed));
    DropEmpty(next.parts);
    LargestFirst(next.parts);
  }
  if (seal_->revises) MoveToFile(files.revisions, next);
  DropUnusedRevisions(next);
  return next;
}

void ShardIndex::SwitchToSeal(IndexGeneration next) {
  Adopt(std::move(next));
  if (seal_->rows.size > 0) {
    tail_ = tail_.From(seal_->rows.size);
    // What came in beyond it the last time counts, while the tail stays long, up to a whole seal.
    const int64_t sealed = seal_->rows.size;
    const int64_t before =
        seal_->leaves_many && tail_is_long_ ? std::clamp<int64_t>(let_in_, -sealed, 0) : 0;
    tail_is_long_ = seal_->leaves_many;
    let_in_ = before + sealed / kLetInShare;
  }
  seal_.reset();
  retry_seal_at_ = 0;
  build_error_.clear();
}

void ShardIndex::FailSeal(const absl::Status& status) {
  changed_ = true;
  seal_.reset();
  build_error_ = std::string(status.message());
  if (absl::IsResourceExhausted(status)) {  // whether there is space is seen before the work
    retry_seal_nanos_ = clock_.MonotonicNanos() + kRetrySealNanos;
    return;
  }
  // What failed once likely fails again: not before there is twice as much.
  retry_seal_at_ = 2 * UnsealedRows();
}

}  // namespace ordinate
