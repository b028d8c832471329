#include "engine/shard/revise.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace ordinate {
namespace {

/// Whether the segment has that row under the vector, by its bits, that `row` has.
bool HasVectorOf(const SealedSegment& segment, uint32_t at, const TailRow& row) {
  if (segment.ClassOf(at) != row.row_class) return false;
  if (row.row_class != RowClass::kVector) return true;
  const SegmentView& view = segment.view();
  const uint32_t node = segment.NodeOf(at);
  // Of damage, the next search speaks.
  if (!segment.file().EnsureVectors(node, node + 1).ok()) return false;
  return std::memcmp(view.vectors.data() + size_t{node} * view.stride, row.vector.data(),
                     row.vector.size_bytes()) == 0;
}

}  // namespace

void IndexPart::Revise(uint32_t row, uint32_t slot) {
  const auto row_class = static_cast<size_t>(segment->ClassOf(row));
  if (superseded.Clear(row)) {
    ++current[row_class];
  } else {
    unshown[row_class] -= IsUnshown(row);
  }
  revised_newest.Set(row, slot);
  unshown[row_class] += IsUnshown(row);
}

void IndexPart::ShowRevised(uint32_t row, uint32_t slot) {
  const auto row_class = static_cast<size_t>(segment->ClassOf(row));
  const bool counts = !superseded.Test(row);
  if (counts) unshown[row_class] -= IsUnshown(row);
  revised.Set(row, slot);
  if (counts) unshown[row_class] += IsUnshown(row);
}

void IndexPart::CountRevised(const RevisedRows& revisions) {
  const uint32_t rows = segment->view().rows();
  revised_in_file = 0;
  revised.ForEach(0, rows, [&](uint32_t row, uint32_t slot) {
    revised_in_file += slot < revisions.sealed() && !masked.Test(row);
  });
  std::fill(unshown, unshown + 3, 0);
  revised_newest.ForEach(0, rows, [&](uint32_t row, uint32_t) {
    if (superseded.Test(row)) return;
    unshown[static_cast<size_t>(segment->ClassOf(row))] += IsUnshown(row);
  });
}

bool ShardIndex::Revise(TailRow& row) {
  // A build's segment could not take over what is revised in those it replaces.
  if (build_ != nullptr) return false;
  for (IndexPart& part : parts_) {
    const int64_t found = part.segment->view().FindRow(row.id);
    if (found < 0 || part.masked.Test(static_cast<uint32_t>(found))) continue;
    const auto at = static_cast<uint32_t>(found);
    if (!HasVectorOf(*part.segment, at, row)) return false;
    row.vector = {};
    const uint32_t slot = revisions_.Add(std::move(row));
    part.Revise(at, slot);
    if (FeedsLater()) part.ShowRevised(at, slot);
    return true;
  }
  return false;
}

IndexSnapshot::Sealed ShardIndex::ShareShown(IndexPart& part) const {
  return {part.segment, part.masked.Share(), part.revised.Share(), revisions_.Share()};
}

IndexSnapshot::Sealed ShardIndex::ShareSealed(IndexPart& part) const {
  IndexSnapshot::Sealed sealed = ShareShown(part);
  sealed.revised = InFile(sealed);
  return sealed;
}

void AttachRevisions(const RevisedRows& revisions, std::vector<IndexPart>& parts) {
  for (uint32_t slot = 0; slot < revisions.sealed(); ++slot) {
    const SegmentView& view = revisions.file()->view();
    for (IndexPart& part : parts) {
      const int64_t found = part.segment->view().FindRow(view.row_ids[slot]);
      const auto row = static_cast<uint32_t>(found);
      if (found < 0 || part.masked.Test(row)) continue;
      if (part.segment->view().versions[row] >= view.versions[slot]) continue;
      part.revised.Set(row, slot);
      part.revised_newest.Set(row, slot);
    }
  }
  for (IndexPart& part : parts) part.CountRevised(revisions);
}

RowSlots InFile(const IndexSnapshot::Sealed& part) {
  RowSlots in_file(part.segment->view().rows());
  part.revised.ForEach(0, part.segment->view().rows(), [&](uint32_t row, uint32_t slot) {
    if (part.revisions->IsSealed(slot)) in_file.Set(row, slot);
  });
  return in_file;
}

void MoveToFile(const std::shared_ptr<const SealedSegment>& file, IndexGeneration& next) {
  const std::shared_ptr<const RevisedRows::View> before = next.revisions.Share();
  next.revisions = RevisedRows(file);
  const auto of_file = [&](uint32_t slot) -> std::optional<uint32_t> {
    const int64_t row = file == nullptr ? -1 : file->view().FindRow(before->Id(slot));
    if (row < 0 || file->view().versions[static_cast<uint32_t>(row)] != before->Version(slot)) {
      return std::nullopt;
    }
    return static_cast<uint32_t>(row);
  };
  absl::flat_hash_map<uint32_t, uint32_t> moved;  // slots in memory, of before and of now
  const auto move = [&](uint32_t slot) {
    if (const std::optional<uint32_t> row = of_file(slot); row.has_value()) return *row;
    const auto [at, is_new] = moved.try_emplace(slot, 0);
    if (is_new) at->second = next.revisions.Add(before->Copy(slot));
    return at->second;
  };
  for (IndexPart& part : next.parts) {
    const uint32_t rows = part.segment->view().rows();
    RowSlots revised(rows), newest(rows);
    part.revised.ForEach(0, rows, [&](uint32_t row, uint32_t slot) {
      if (!part.masked.Test(row)) revised.Set(row, move(slot));
    });
    part.revised_newest.ForEach(0, rows, [&](uint32_t row, uint32_t slot) {
      if (!part.masked.Test(row)) newest.Set(row, move(slot));
    });
    part.revised = std::move(revised);
    part.revised_newest = std::move(newest);
    part.CountRevised(next.revisions);
  }
}

void TakeRevisions(const IndexPart& from, const RevisedRows& revisions, IndexPart& merged) {
  const SegmentView& view = merged.segment->view();
  const std::shared_ptr<const RevisedRows::View>& cells = revisions.Share();
  const auto take = [&](const RowSlots& slots, RowSlots& taken) {
    slots.ForEach(0, from.segment->view().rows(), [&](uint32_t, uint32_t slot) {
      const int64_t found = view.FindRow(cells->Id(slot));
      const auto row = static_cast<uint32_t>(found);
      if (found >= 0 && view.versions[row] < cells->Version(slot)) taken.Set(row, slot);
    });
  };
  take(from.revised, merged.revised);
  take(from.revised_newest, merged.revised_newest);
  merged.CountRevised(revisions);
}

void DropUnusedRevisions(IndexGeneration& next) {
  if (next.revisions.unsealed() > 0) return;
  for (const IndexPart& part : next.parts) {
    if (part.revised.count() + part.revised_newest.count() > 0) return;
  }
  next.revisions = RevisedRows();
}

}  // namespace ordinate
