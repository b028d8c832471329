#pragma once

#include <optional>
#include <vector>

namespace ordinate::bench {

/// One setting of a contender, measured.
struct CurvePoint {
  double recall = 0;
  double qps = 0;
};

/// The points that no other point beats in both, by ascending recall (so by descending qps).
std::vector<CurvePoint> Frontier(std::vector<CurvePoint> points);

struct QpsAtRecall {
  double qps = 0;
  /// The curve starts above the wanted recall: qps is its fastest point's.
  bool above = false;
};

/// Queries per second at a recall: log qps linear in recall between the two neighbours on the
/// frontier. None when the curve never reaches it.
std::optional<QpsAtRecall> InterpolateQps(const std::vector<CurvePoint>& points, double recall);

/// Of positive numbers; 0 of none.
double GeometricMean(const std::vector<double>& values);

/// The middle value, or the mean of the two middle ones; 0 of none.
double Median(std::vector<double> values);

}  // namespace ordinate::bench
