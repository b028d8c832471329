#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace ordinate {

/// A slot number for some rows of a segment. The applier's copy changes; a copy of it published to
/// readers never does: blocks are shared and cloned at the first change after Share().
/// One thread may change an object; published copies are read by any.
class RowSlots {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  RowSlots() = default;
  /// Rows are numbered [0, rows).
  explicit RowSlots(uint32_t rows)
      : blocks_((rows + kBlockRows - 1) / kBlockRows), owned_(blocks_.size()) {}

  /// A copy is the copier's own, to change.
  RowSlots(const RowSlots& other);
  RowSlots& operator=(const RowSlots& other) { return *this = RowSlots(other); }
  RowSlots(RowSlots&&) = default;
  RowSlots& operator=(RowSlots&&) = default;

  /// kNone: the row has none.
  uint32_t Get(uint32_t row) const {
    if (count_ == 0) return kNone;
    const std::shared_ptr<Block>& block = blocks_[row / kBlockRows];
    return block == nullptr ? kNone : (*block)[row % kBlockRows];
  }
  /// REQUIRES: row < rows; slot is not kNone.
  void Set(uint32_t row, uint32_t slot);
  /// Rows that have one.
  uint32_t count() const { return count_; }
  uint64_t bytes() const;

  /// Calls `use` with each row of [first, last) that has a slot, and the slot, in ascending order.
  template <typename Use>
  void ForEach(uint32_t first, uint32_t last, const Use& use) const {
    if (count_ == 0) return;
    for (uint32_t row = first; row < last;) {
      const uint32_t end = std::min(last, (row / kBlockRows + 1) * kBlockRows);
      const std::shared_ptr<Block>& block = blocks_[row / kBlockRows];
      for (; block != nullptr && row < end; ++row) {
        const uint32_t slot = (*block)[row % kBlockRows];
        if (slot != kNone) use(row, slot);
      }
      row = end;
    }
  }

  /// A copy for readers.
  RowSlots Share();

 private:
  static constexpr uint32_t kBlockRows = 1024;
  using Block = std::array<uint32_t, kBlockRows>;

  std::vector<std::shared_ptr<Block>> blocks_;  // null: no row of it has a slot
  std::vector<bool> owned_;                     // not shared with a published copy
  uint32_t count_ = 0;
};

}  // namespace ordinate
