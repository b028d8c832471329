#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/search/kernels.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A query in the form the f32 kernels take: 64-byte aligned, padded with zeros to the segment's
/// stride, divided by its length under COSINE.
class PreparedQuery {
 public:
  /// INVALID_ARGUMENT when `query` has not `dim` floats, naming both.
  static absl::StatusOr<PreparedQuery> Create(Metric metric, uint32_t dim,
                                              std::span<const float> query);

  /// StrideOf(dim) floats.
  const float* data() const { return lines_.data()->floats; }
  uint32_t stride() const { return static_cast<uint32_t>(lines_.size() * kVectorPadding); }

 private:
  struct alignas(64) Line {
    float floats[kVectorPadding];
  };
  explicit PreparedQuery(uint32_t dim) : lines_(StrideOf(dim) / kVectorPadding) {}

  std::vector<Line> lines_;
};

/// 1/|x| as f32, the sum of squares in f64, kept within the finite f32 values. 0 for a zero vector.
float InverseNorm(std::span<const float> x);

/// Approximate f32 distances from one prepared query to a segment's nodes; smaller is nearer under
/// every metric: L2 squared, 1 - cosine, -dot. Borrows everything. One thread at a time.
class NodeDistance {
 public:
  /// `query` has segment.stride floats, as PreparedQuery makes them. `file`, when not null, is the
  /// file `segment` is mapped from: its vector blocks are then verified before they are read.
  NodeDistance(const SegmentView& segment, const float* query, const SegmentFile* file,
               const Kernels& kernels = BestKernels())
      : segment_(segment), query_(query), file_(file), kernels_(kernels) {}

  /// Fetches the vectors of `nodes` into the cache, as far as that pays.
  void Prefetch(std::span<const uint32_t> nodes) const;

  /// out[i] is the distance of nodes[i]. DATA_LOSS from SegmentFile::EnsureVectors.
  /// REQUIRES: every node < segment.nodes; out.size() >= nodes.size().
  absl::Status Score(std::span<const uint32_t> nodes, std::span<float> out) const;

 private:
  const float* Row(uint32_t node) const {
    return segment_.vectors.data() + size_t{node} * segment_.stride;
  }
  void Finish(std::span<const uint32_t> nodes, std::span<float> out) const;

  const SegmentView& segment_;
  const float* const query_;
  const SegmentFile* const file_;
  const Kernels& kernels_;
};

/// Fetches `bytes` from `from` on into the cache, line by line.
inline void PrefetchLines(const void* from, size_t bytes) {
  const char* line = static_cast<const char*>(from);
  for (size_t offset = 0; offset < bytes; offset += 64) {
    __builtin_prefetch(line + offset);
    // GCC 12 drops every prefetch of such a loop but the first; a compiler barrier keeps them.
    __asm__ __volatile__("" ::: "memory");
  }
}

}  // namespace ordinate
