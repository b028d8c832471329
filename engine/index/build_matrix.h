#pragma once

#include <cstdint>
#include <span>

#include "engine/index/aligned_floats.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The vectors a graph is built over, by L2 whatever the metric. L2: the given ones, borrowed.
/// COSINE: divided by their length, so that L2 orders as the cosine does. IP: with one more
/// coordinate sqrt(max(M² - |x|², 0)), so that, among vectors no longer than M, L2 to (q, 0) orders
/// as -q·x does; M is the length that nine of ten vectors do not exceed.
class BuildMatrix {
 public:
  /// `vectors` is nodes × stride, padding zero, and outlives this object.
  BuildMatrix(Metric metric, uint32_t dim, uint32_t stride, std::span<const float> vectors);

  uint32_t nodes() const { return nodes_; }
  uint32_t stride() const { return stride_; }
  const float* row(uint32_t node) const { return rows_.data() + size_t{node} * stride_; }

 private:
  void Normalise();
  void Augment(uint32_t dim, uint32_t stride, std::span<const float> vectors);

  uint32_t nodes_;
  uint32_t stride_;
  AlignedFloats owned_;
  std::span<const float> rows_;
};

}  // namespace ordinate
