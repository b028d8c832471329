#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace ordinate {

/// A set of row numbers, one bit each. The applier's copy grows; a copy of it published to readers
/// never changes: blocks are shared and cloned at the first change after Share().
/// One thread may change an object; published copies are read by any.
class Tombstones {
 public:
  /// Rows are numbered [0, rows).
  explicit Tombstones(uint32_t rows = 0)
      : blocks_((rows + kBlockRows - 1) / kBlockRows), owned_(blocks_.size()) {}

  /// A copy is the copier's own, to change.
  Tombstones(const Tombstones& other);
  Tombstones& operator=(const Tombstones& other) { return *this = Tombstones(other); }
  Tombstones(Tombstones&&) = default;
  Tombstones& operator=(Tombstones&&) = default;

  bool Test(uint32_t row) const {
    const std::shared_ptr<Block>& block = blocks_[row / kBlockRows];
    return block != nullptr && ((*block)[row % kBlockRows / 64] >> (row % 64) & 1) != 0;
  }

  /// Adds the row, which the set must cover or be grown to first. False when it was there already.
  bool Set(uint32_t row);
  /// Takes the row out. False when it was not there.
  bool Clear(uint32_t row);
  /// Makes room for rows [0, rows). REQUIRES: not fewer than before.
  void Grow(uint32_t rows);
  uint32_t count() const { return count_; }
  uint64_t bytes() const;

  /// A copy for readers.
  Tombstones Share();

 private:
  static constexpr uint32_t kBlockRows = 4096;
  using Block = std::array<uint64_t, kBlockRows / 64>;

  Block& OwnBlock(uint32_t number);

  std::vector<std::shared_ptr<Block>> blocks_;  // null: no bit set
  std::vector<bool> owned_;                     // not shared with a published copy
  uint32_t count_ = 0;
};

}  // namespace ordinate
