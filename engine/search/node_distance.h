#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/search/kernels.h"
#include "engine/search/scalar_code.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A query in the form the kernels take: floats, 64-byte aligned, padded with zeros to the
/// segment's stride, divided by their length under COSINE; and, for a segment with codes, encoded
/// as those are.
class PreparedQuery {
 public:
  /// INVALID_ARGUMENT when `query` has not as many floats as the segment's dim, naming both.
  static absl::StatusOr<PreparedQuery> Create(const SegmentView& segment,
                                              std::span<const float> query);
  /// Without codes.
  static absl::StatusOr<PreparedQuery> Create(Metric metric, uint32_t dim,
                                              std::span<const float> query);

  /// StrideOf(dim) floats.
  const float* data() const { return lines_.data()->floats; }
  uint32_t stride() const { return static_cast<uint32_t>(lines_.size() * kVectorPadding); }
  /// Empty numbers without codes.
  const ScalarCoder::Query& code() const { return code_; }
  bool has_codes() const { return !code_.numbers.empty(); }

 private:
  struct alignas(64) Line {
    float floats[kVectorPadding];
  };
  explicit PreparedQuery(uint32_t dim) : lines_(StrideOf(dim) / kVectorPadding) {}

  std::vector<Line> lines_;
  ScalarCoder::Query code_;
};

/// 1/|x| as f32, the sum of squares in f64, kept within the finite f32 values. 0 for a zero vector.
float InverseNorm(std::span<const float> x);

/// Fetches `bytes` from `from` on into the cache, line by line.
inline void PrefetchLines(const void* from, size_t bytes) {
  const char* line = static_cast<const char*>(from);
  for (size_t offset = 0; offset < bytes; offset += 64) {
    __builtin_prefetch(line + offset);
    // GCC 12 drops every prefetch of such a loop but the first; a compiler barrier keeps them.
    __asm__ __volatile__("" ::: "memory");
  }
}

/// How good the score of a node can be at most, by the distance that NodeDistance gave it last:
/// from codes by the triangle inequality over what they and the query's numbers stand for, from
/// vectors by what f32 can lose. Borrows nothing.
class BestScore {
 public:
  BestScore(const SegmentView& segment, const PreparedQuery& query, std::span<const float> vector);
  /// False: nothing is known, of codes under IP, and of vectors under COSINE where they are too
  /// short or too long for f32.
  bool known() const { return known_; }
  /// A score no node at this distance is better than (contract 2.1); never better for a larger
  /// distance. REQUIRES: known().
  double At(float distance) const;
  /// A distance whose best score, as that of every larger one, is no better than `score`; infinity
  /// where f32 has none. REQUIRES: known(), and of vectors.
  float DistanceFrom(double score) const;

 private:
  double OfCodes(float distance) const;
  double OfVectors(float distance) const;

  const Metric metric_;
  const bool by_code_;
  const bool known_;
  double error_ = 0;           // of codes: of a distance; of vectors: of what the kernels sum up
  double relative_error_ = 0;  // of a sum of squares
};

/// Approximate distances from one prepared query to a segment's nodes; smaller is nearer under
/// every metric: L2 squared, 1 - cosine, -dot. From the codes, where the segment has them (under IP
/// then but for a term that is the same for every node), else from the vectors. Borrows everything.
/// One thread at a time.
class NodeDistance {
 public:
  /// `query` was created for `segment`. `file`, when not null, is the file `segment` is mapped
  /// from: the blocks of its vectors or codes are then verified before they are read.
  NodeDistance(const SegmentView& segment, const PreparedQuery& query, const SegmentFile* file,
               const Kernels& kernels = BestKernels())
      : segment_(segment),
        query_(query),
        file_(file),
        kernels_(kernels),
        by_code_(query.has_codes()),
        by_guide_(by_code_ && segment.codes.stride >= kGuideDims) {}

  /// out[i] is the distance of nodes[i]; of long codes (Refines()) from their first planes alone.
  /// DATA_LOSS from SegmentFile. REQUIRES: every node < segment.nodes; out.size() >= nodes.size().
  absl::Status Score(std::span<const uint32_t> nodes, std::span<float> out);

  /// As Score, of the nodes [first, last), at the speed of memory. REQUIRES: the query has no
  /// codes.
  absl::Status ScoreRange(uint32_t first, uint32_t last, std::span<float> out) const;

  /// Whether Refine gives better distances than Score.
  bool Refines() const { return by_guide_; }
  /// As Score, from whole codes. REQUIRES: the segment has codes, and the query numbers.
  absl::Status Refine(std::span<const uint32_t> nodes, std::span<float> out);

  /// Brings into the cache what Score reads first of the nodes.
  void Fetch(std::span<const uint32_t> nodes) const {
    const char* const base = by_code_ ? reinterpret_cast<const char*>(segment_.codes.codes.data())
                                      : reinterpret_cast<const char*>(segment_.vectors.data());
    const size_t stride = by_code_ ? segment_.codes.stride : segment_.stride * sizeof(float);
    const size_t bytes = std::min(by_guide_ ? stride / 2 : stride, kFetchBytes);
    for (const uint32_t node : nodes) PrefetchLines(base + node * stride, bytes);
  }

 private:
  // The hardware fetches what follows.
  static constexpr size_t kFetchBytes = 512;
  // Of fewer dims, the whole code is read in the time of the first plane, and tells more.
  static constexpr uint32_t kGuideDims = 256;

  absl::Status ScoreVectors(std::span<const uint32_t> nodes, std::span<float> out) const;
  template <typename NodeAt>
  void SumsToDistances(std::span<float> sums, const NodeAt& node_at) const;
  absl::Status ScoreCodes(CodeRowsFunction* sums, const std::vector<int16_t>& query,
                          std::span<const uint32_t> nodes, std::span<float> out);

  const SegmentView& segment_;
  const PreparedQuery& query_;
  const SegmentFile* const file_;
  const Kernels& kernels_;
  const bool by_code_;
  const bool by_guide_;
  std::vector<int32_t> sums_;  // of one call
};

}  // namespace ordinate
