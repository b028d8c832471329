#pragma once

#include <cstdint>
#include <vector>

namespace ordinate {

/// The nodes one search has met: a bit per node, cleared for every search. For a million nodes that
/// is 125 kB: some microseconds to clear, and it stays in the second-level cache, where a byte per
/// node would not. One thread.
class VisitedSet {
 public:
  /// Forgets everything and takes nodes below `nodes`.
  void Reset(size_t nodes) { words_.assign((nodes + 63) / 64, 0); }

  /// True the first time. REQUIRES: node < nodes.
  bool Insert(uint32_t node) {
    uint64_t& word = words_[node / 64];
    const uint64_t bit = uint64_t{1} << (node % 64);
    const bool first = (word & bit) == 0;
    word |= bit;
    return first;
  }

  bool Contains(uint32_t node) const { return (words_[node / 64] >> (node % 64) & 1) != 0; }

  const uint64_t* Slot(uint32_t node) const { return words_.data() + node / 64; }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace ordinate
