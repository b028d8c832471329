#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/search/kernels.h"
#include "engine/search/node_distance.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A segment in memory that has vectors and what a file says of them, and no graph.
class FlatRows {
 public:
  FlatRows(Metric metric, uint32_t dim, const std::vector<std::vector<float>>& points) {
    view_.metric = metric;
    view_.dim = dim;
    view_.stride = StrideOf(dim);
    view_.nodes = static_cast<uint32_t>(points.size());
    lines_.resize(points.size() * view_.stride / 16 + 1);
    float* out = lines_.data()->floats;
    for (const std::vector<float>& point : points) {
      std::copy(point.begin(), point.end(), out);
      out += view_.stride;
      inverse_norms_.push_back(InverseNorm(point));
      double square = 0;
      for (const float x : point) square += double{x} * x;
      view_.longest = std::max(view_.longest, std::sqrt(square));
    }
    view_.vectors = {lines_.data()->floats, points.size() * view_.stride};
    if (metric == Metric::kCosine) view_.inverse_norms = inverse_norms_;
    view_.norms_fit = NormsFit(view_.inverse_norms);
  }
  FlatRows(const FlatRows&) = delete;
  FlatRows& operator=(const FlatRows&) = delete;

  const SegmentView& view() const { return view_; }
  const float* row(uint32_t node) const {
    return view_.vectors.data() + size_t{node} * view_.stride;
  }

 private:
  struct alignas(64) Line {
    float floats[16];
  };
  std::vector<Line> lines_;
  std::vector<float> inverse_norms_;
  SegmentView view_;
};

}  // namespace ordinate
