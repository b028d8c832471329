#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "engine/search/kernels.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The scores the service returns (contract 2.3) of stored vectors against one query: f64
/// arithmetic over the stored f32, the sums in the order of kernels.h, the rest single IEEE
/// operations, so every CPU gives the same bits. L2: the Euclidean distance, with the root. COSINE:
/// q·x / (sqrt(q·q) · sqrt(x·x)), clamped to [-1, 1], 0 when either is a zero vector. IP: q·x.
/// Immutable, thread-safe. The query is borrowed.
class ExactScorer {
 public:
  ExactScorer(Metric metric, std::span<const float> query, const Kernels& kernels = BestKernels())
      : metric_(metric), query_(query), kernels_(kernels), query_norm_(Root(metric)) {}

  Metric metric() const { return metric_; }
  std::span<const float> query() const { return query_; }

  /// `x` has as many floats as the query.
  double Score(const float* x) const {
    switch (metric_) {
      case Metric::kL2:
        return std::sqrt(kernels_.exact_l2sq(query_.data(), x, query_.size()));
      case Metric::kIp:
        return kernels_.exact_dot(query_.data(), x, query_.size());
      case Metric::kCosine:
        break;
    }
    return Cosine(kernels_.exact_dot_norm(query_.data(), x, query_.size()));
  }

  /// The scores of `count` vectors, `stride` floats apart.
  void ScoreRows(const float* x, size_t stride, size_t count, double* out) const {
    const size_t dim = query_.size();
    if (metric_ == Metric::kCosine) {
      for (size_t i = 0; i < count; ++i) out[i] = Score(x + i * stride);
    } else if (metric_ == Metric::kIp) {
      kernels_.exact_dot_rows(query_.data(), x, stride, dim, count, out);
    } else {
      kernels_.exact_l2sq_rows(query_.data(), x, stride, dim, count, out);
      for (size_t i = 0; i < count; ++i) out[i] = std::sqrt(out[i]);
    }
  }

 private:
  double Root(Metric metric) const {
    if (metric != Metric::kCosine) return 0;
    return std::sqrt(kernels_.exact_dot(query_.data(), query_.data(), query_.size()));
  }
  double Cosine(const DotAndNorm& sums) const {
    const double length = query_norm_ * std::sqrt(sums.norm);
    if (length == 0) return 0;
    const double cosine = sums.dot / length;
    return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
  }

  const Metric metric_;
  const std::span<const float> query_;
  const Kernels& kernels_;
  const double query_norm_;  // |q| under COSINE
};

}  // namespace ordinate
