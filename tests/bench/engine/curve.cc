#include "tests/bench/engine/curve.h"

#include <algorithm>
#include <cmath>

namespace ordinate::bench {

std::vector<CurvePoint> Frontier(std::vector<CurvePoint> points) {
  // From the best recall down, keep what is faster than everything before it.
  std::ranges::sort(points, [](const CurvePoint& a, const CurvePoint& b) {
    return a.recall != b.recall ? a.recall > b.recall : a.qps > b.qps;
  });
  std::vector<CurvePoint> kept;
  for (const CurvePoint& point : points) {
    if (kept.empty() || point.qps > kept.back().qps) kept.push_back(point);
  }
  std::ranges::reverse(kept);
  return kept;
}

std::optional<QpsAtRecall> InterpolateQps(const std::vector<CurvePoint>& points, double recall) {
  const std::vector<CurvePoint> frontier = Frontier(points);
  const auto right = std::ranges::lower_bound(frontier, recall, {}, &CurvePoint::recall);
  if (right == frontier.end()) return std::nullopt;
  if (right == frontier.begin()) return QpsAtRecall{right->qps, right->recall > recall};
  const auto left = right - 1;
  const double part = (recall - left->recall) / (right->recall - left->recall);
  return QpsAtRecall{std::exp((1 - part) * std::log(left->qps) + part * std::log(right->qps)),
                     false};
}

double GeometricMean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace ordinate::bench
