#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/query/filter.h"
#include "engine/segment/match_tree.h"
#include "engine/segment/sealed_segment.h"

namespace ordinate {

/// Rows of a segment that match, within the rows [first, last) last asked for.
class MatchedRows {
 public:
  /// The lowest matching row from `row` on; `last` when there is none.
  /// REQUIRES: first <= row <= last.
  uint32_t Next(uint32_t row) const {
    if (row >= last_) return last_;
    size_t word = row / 64 - base_;
    uint64_t bits = words_[word] & (~uint64_t{0} << (row % 64));
    while (bits == 0) {
      if (++word == words_.size()) return last_;
      bits = words_[word];
    }
    return static_cast<uint32_t>((base_ + word) * 64 + static_cast<size_t>(std::countr_zero(bits)));
  }
  uint32_t last() const { return last_; }
  /// REQUIRES: as Next; row < last.
  void Set(uint32_t row, bool matches) {
    uint64_t& word = words_[row / 64 - base_];
    const uint64_t bit = uint64_t{1} << (row % 64);
    word = matches ? word | bit : word & ~bit;
  }

 private:
  friend class RowMatcher;

  size_t base_ =
      0;  // words_[0] holds the rows from 64 * base_ on; a bit that is set is in the range
  uint32_t last_ = 0;
  std::vector<uint64_t> words_;
};

/// Tells which rows of a segment a filter is true for, as Matches(filter, SealedCells) does, from
/// the captured words themselves. Immutable, thread-safe.
class RowMatcher {
 public:
  /// REQUIRES: `filter` came from BindFilter for the table that `segment` is bound to; both outlive
  /// the matcher.
  RowMatcher(const Filter& filter, const SealedSegment& segment);

  /// REQUIRES: row < the segment's rows.
  bool Matches(uint32_t row) const { return root_.matches(root_, row); }

  /// Brings into the cache what Matches reads of the row.
  void Prefetch(uint32_t row) const {
    for (const CapturedColumn* column : columns_) {
      const bool text = column->words.empty();
      __builtin_prefetch((text ? column->offsets : column->words).data() + row);
    }
  }

  /// The matching rows of [first, last), column by column: for a run of rows it costs far less than
  /// a call of Matches for each. `matched` keeps its memory from call to call.
  /// REQUIRES: first <= last <= the segment's rows.
  void MatchBlock(uint32_t first, uint32_t last, MatchedRows& matched) const;

 private:
  MatchNode root_;
  std::vector<const CapturedColumn*> columns_;  // whose values the tree reads
  uint32_t rows_;
};

}  // namespace ordinate
