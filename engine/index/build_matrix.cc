#include "engine/index/build_matrix.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/search/kernels.h"

namespace ordinate {
namespace {

// The share of vectors no longer than the length IP levels to. Levelling to the very longest makes
// the added coordinate outweigh the others, and queries, which lack it, far from every row: recall
// at equal ef was then clearly lower (0.90 against 0.97 on 5,000 normal vectors of dim 32, ef 64).
constexpr double kLevelledShare = 0.9;

double SquaredLength(const float* x, uint32_t stride) {
  return BestKernels().exact_dot(x, x, stride);
}

double SquaredLevel(std::vector<double> squared) {
  if (squared.empty()) return 0;
  const double rank = std::ceil(kLevelledShare * static_cast<double>(squared.size() - 1));
  const auto at = squared.begin() + static_cast<ptrdiff_t>(rank);
  std::nth_element(squared.begin(), at, squared.end());
  return *at;
}

}  // namespace

BuildMatrix::BuildMatrix(Metric metric, uint32_t dim, uint32_t stride,
                         std::span<const float> vectors)
    : nodes_(static_cast<uint32_t>(vectors.size() / stride)), stride_(stride), rows_(vectors) {
  if (metric == Metric::kCosine) {
    owned_.assign(vectors.begin(), vectors.end());
    Normalise();
    rows_ = owned_;
  } else if (metric == Metric::kIp) {
    Augment(dim, stride, vectors);
    rows_ = owned_;
  }
}

void BuildMatrix::Normalise() {
  for (uint32_t node = 0; node < nodes_; ++node) {
    float* x = owned_.data() + size_t{node} * stride_;
    const double length = std::sqrt(SquaredLength(x, stride_));
    if (length == 0) continue;
    for (uint32_t i = 0; i < stride_; ++i) x[i] = static_cast<float>(x[i] / length);
  }
}

void BuildMatrix::Augment(uint32_t dim, uint32_t stride, std::span<const float> vectors) {
  std::vector<double> squared(nodes_);
  for (uint32_t node = 0; node < nodes_; ++node) {
    squared[node] = SquaredLength(vectors.data() + size_t{node} * stride, stride);
  }
  const double level = SquaredLevel(squared);
  stride_ = StrideOf(dim + 1);
  owned_.assign(size_t{nodes_} * stride_, 0.0f);
  for (uint32_t node = 0; node < nodes_; ++node) {
    float* x = owned_.data() + size_t{node} * stride_;
    std::copy_n(vectors.data() + size_t{node} * stride, dim, x);
    x[dim] = static_cast<float>(std::sqrt(std::max(level - squared[node], 0.0)));
  }
}

}  // namespace ordinate
