#pragma once

#include <cstdint>

#include "engine/segment/index_snapshot.h"

namespace ordinate {

/// Reads key and attribute cells of one row of a segment at a time, in the version that the index
/// shows: as sealed, or as revised since. Columns that are not captured read NULL.
class PartCells final : public CellSource {
 public:
  /// `part` outlives it.
  explicit PartCells(const IndexSnapshot::Sealed& part) : part_(part) {}

  void MoveTo(uint32_t row) {
    row_ = row;
    slot_ = part_.revised.Get(row);
  }
  ValueView Cell(uint32_t position) const override {
    if (slot_ != RowSlots::kNone) return part_.revisions->Cell(slot_, position);
    const CapturedColumn* column = part_.segment->Captured(position);
    return column == nullptr ? ValueView() : column->Get(row_);
  }
  bool Has(uint32_t position) const {
    return slot_ != RowSlots::kNone ? part_.revisions->Has(slot_, position)
                                    : part_.segment->Captured(position) != nullptr;
  }
  uint64_t version() const {
    return slot_ != RowSlots::kNone ? part_.revisions->Version(slot_)
                                    : part_.segment->view().versions[row_];
  }

 private:
  const IndexSnapshot::Sealed& part_;
  uint32_t row_ = 0;
  uint32_t slot_ = RowSlots::kNone;
};

}  // namespace ordinate
