#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/segment/shared_blocks.h"

namespace ordinate {

/// A slot number for some rows of a segment. Copies are SharedBlocks'.
class RowSlots {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  RowSlots() = default;
  /// Rows are numbered [0, rows).
  explicit RowSlots(uint32_t rows) : blocks_((size_t{rows} + kBlockRows - 1) / kBlockRows) {}

  /// kNone: the row has none.
  uint32_t Get(uint32_t row) const {
    if (count_ == 0) return kNone;
    const Block* const block = blocks_.Get(row / kBlockRows);
    return block == nullptr ? kNone : (*block)[row % kBlockRows];
  }
  /// REQUIRES: row < rows; slot is not kNone.
  void Set(uint32_t row, uint32_t slot) {
    uint32_t& entry = blocks_.Own(row / kBlockRows, kNone)[row % kBlockRows];
    count_ += entry == kNone;
    entry = slot;
  }
  /// Rows that have one.
  uint32_t count() const { return count_; }
  uint64_t bytes() const { return blocks_.bytes(); }

  /// Calls `use` with each row of [first, last) that has a slot, and the slot, in ascending order.
  template <typename Use>
  void ForEach(uint32_t first, uint32_t last, const Use& use) const {
    if (count_ == 0) return;
    for (uint32_t row = first; row < last;) {
      const uint32_t end = std::min(last, (row / kBlockRows + 1) * kBlockRows);
      const Block* const block = blocks_.Get(row / kBlockRows);
      for (; block != nullptr && row < end; ++row) {
        const uint32_t slot = (*block)[row % kBlockRows];
        if (slot != kNone) use(row, slot);
      }
      row = end;
    }
  }

  /// A copy for readers.
  RowSlots Share() {
    RowSlots shared;
    shared.blocks_ = blocks_.Share();
    shared.count_ = count_;
    return shared;
  }

 private:
  static constexpr uint32_t kBlockRows = 1024;
  using Block = std::array<uint32_t, kBlockRows>;

  SharedBlocks<Block> blocks_;
  uint32_t count_ = 0;
};

}  // namespace ordinate
