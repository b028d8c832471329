#include "engine/index/build_matrix.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

constexpr uint32_t kNodesBetweenChecks = 4'096;
// Lengths differ when those of a tenth are so many times the median. Normal vectors of dim 32 have
// 1.16, their lengths times exp(0.7 N) 2.5.
constexpr double kMuchLonger = 1.5;

double SquaredLength(const float* x, uint32_t stride) {
  return BestKernels().exact_dot(x, x, stride);
}

// The one of that share of the ranks; reorders them.
double AtShare(std::vector<double>& values, double share) {
  const auto at =
      values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

BuildMatrix::BuildMatrix(Metric metric, uint32_t stride, std::span<const float> vectors)
    : by_products_(metric == Metric::kIp),
      nodes_(static_cast<uint32_t>(vectors.size() / stride)),
      stride_(stride),
      rows_(vectors) {}

absl::StatusOr<BuildMatrix> BuildMatrix::Create(Metric metric, uint32_t stride,
                                                std::span<const float> vectors,
                                                const CallContext& context) {
  RETURN_IF_ERROR(context.Check());
  BuildMatrix matrix(metric, stride, vectors);
  if (metric == Metric::kCosine) RETURN_IF_ERROR(matrix.Normalise(context));
  if (metric == Metric::kIp) RETURN_IF_ERROR(matrix.CompareLengths(context));
  return matrix;
}

absl::Status BuildMatrix::Normalise(const CallContext& context) {
  owned_.resize(rows_.size());
  for (uint32_t node = 0; node < nodes_; ++node) {
    if (node % kNodesBetweenChecks == 0) RETURN_IF_ERROR(context.Check());
    const float* const x = row(node);
    float* const out = owned_.data() + size_t{node} * stride_;
    const double length = std::sqrt(SquaredLength(x, stride_));
    if (length == 0) continue;
    for (uint32_t i = 0; i < stride_; ++i) out[i] = static_cast<float>(x[i] / length);
  }
  rows_ = owned_;
  return absl::OkStatus();
}

absl::Status BuildMatrix::CompareLengths(const CallContext& context) {
  if (nodes_ == 0) return absl::OkStatus();
  std::vector<double> squared(nodes_);
  for (uint32_t node = 0; node < nodes_; ++node) {
    if (node % kNodesBetweenChecks == 0) RETURN_IF_ERROR(context.Check());
    squared[node] = SquaredLength(row(node), stride_);
  }
  const double median = AtShare(squared, 0.5), long_ones = AtShare(squared, 0.9);
  lengths_differ_ = long_ones > kMuchLonger * kMuchLonger * median;
  return absl::OkStatus();
}

}  // namespace ordinate
