#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/index/aligned_floats.h"

namespace ordinate {

/// Distinct vectors of one dim, each kept once: vectors are the same when their bits are (0.0 and
/// -0.0 differ). Ids count from 0 in the order of first appearance.
class VectorPool {
 public:
  explicit VectorPool(uint32_t dim);

  /// The id of `vector`, added when it is new. REQUIRES: vector.size() == dim. May throw bad_alloc,
  /// and is then unchanged.
  uint32_t Add(std::span<const float> vector);

  uint32_t size() const { return static_cast<uint32_t>(next_.size()); }
  uint32_t stride() const { return stride_; }

  /// Makes room for so many. May throw bad_alloc, and is then unchanged.
  void Reserve(size_t vectors);

  /// Moves the vectors out, in the order of their ids, padded with zeros to the stride.
  AlignedFloats Take();

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  const float* row(uint32_t id) const { return rows_.data() + size_t{id} * stride_; }
  void Grow();

  const uint32_t dim_;
  const uint32_t stride_;
  AlignedFloats rows_;
  absl::flat_hash_map<uint64_t, uint32_t> newest_;  // by hash of the bits
  std::vector<uint32_t> next_;                      // by id: an older one with the same hash
};

}  // namespace ordinate
