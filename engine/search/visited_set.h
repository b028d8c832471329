#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ordinate {

/// The nodes one search, or one hop of it, has met: a byte per node, holding the number of the last
/// search that met it, so that starting one costs nothing but every 255th time. A bit per node
/// would need an eighth of the cache, but neighbours share words, and each test would wait for the
/// one before it. One thread.
class VisitedSet {
 public:
  /// Forgets everything and takes nodes below `nodes`.
  void Reset(size_t nodes) {
    if (epochs_.size() < nodes) epochs_.resize(nodes);
    if (++epoch_ == 0) {
      std::fill(epochs_.begin(), epochs_.end(), uint8_t{0});
      epoch_ = 1;
    }
  }

  /// True the first time. REQUIRES: node < nodes.
  bool Insert(uint32_t node) {
    const bool first = epochs_[node] != epoch_;
    epochs_[node] = epoch_;
    return first;
  }

  bool Contains(uint32_t node) const { return epochs_[node] == epoch_; }

  const uint8_t* Slot(uint32_t node) const { return epochs_.data() + node; }

 private:
  std::vector<uint8_t> epochs_;
  uint8_t epoch_ = 0;
};

}  // namespace ordinate
