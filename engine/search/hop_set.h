#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ordinate {

/// The nodes one hop has met: a byte per node, holding the number of the last hop that met it, so
/// that starting a hop costs nothing but every 255th time. One thread.
class HopSet {
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
    if (epochs_[node] == epoch_) return false;
    epochs_[node] = epoch_;
    return true;
  }

 private:
  std::vector<uint8_t> epochs_;
  uint8_t epoch_ = 0;
};

}  // namespace ordinate
