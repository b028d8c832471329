#pragma once

#include <array>
#include <cstdint>

#include "engine/segment/shared_blocks.h"

namespace ordinate {

/// A set of row numbers, one bit each. Copies are SharedBlocks'.
class Tombstones {
 public:
  /// Rows are numbered [0, rows).
  explicit Tombstones(uint32_t rows = 0) : blocks_(BlocksOf(rows)) {}

  bool Test(uint32_t row) const {
    const Block* const block = blocks_.Get(row / kBlockRows);
    return block != nullptr && ((*block)[row % kBlockRows / 64] >> (row % 64) & 1) != 0;
  }

  /// Adds the row, which the set must cover or be grown to first. False when it was there already.
  bool Set(uint32_t row) {
    if (Test(row)) return false;
    blocks_.Own(row / kBlockRows, 0)[row % kBlockRows / 64] |= uint64_t{1} << (row % 64);
    ++count_;
    return true;
  }
  /// Takes the row out. False when it was not there.
  bool Clear(uint32_t row) {
    if (!Test(row)) return false;
    blocks_.Own(row / kBlockRows, 0)[row % kBlockRows / 64] &= ~(uint64_t{1} << (row % 64));
    --count_;
    return true;
  }
  /// Makes room for rows [0, rows). REQUIRES: not fewer than before.
  void Grow(uint32_t rows) { blocks_.Grow(BlocksOf(rows)); }
  uint32_t count() const { return count_; }
  uint64_t bytes() const { return blocks_.bytes(); }

  /// A copy for readers.
  Tombstones Share() {
    Tombstones shared;
    shared.blocks_ = blocks_.Share();
    shared.count_ = count_;
    return shared;
  }

 private:
  static constexpr uint32_t kBlockRows = 4096;
  using Block = std::array<uint64_t, kBlockRows / 64>;
  static size_t BlocksOf(uint32_t rows) { return (size_t{rows} + kBlockRows - 1) / kBlockRows; }

  SharedBlocks<Block> blocks_;
  uint32_t count_ = 0;
};

}  // namespace ordinate
