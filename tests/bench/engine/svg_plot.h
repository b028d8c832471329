#pragma once

#include <string>
#include <vector>

#include "tests/bench/engine/curve.h"

namespace ordinate::bench {

struct PlotLine {
  std::string name;
  std::vector<CurvePoint> points;  // in the order they are joined
};

/// An SVG image of recall (x, linear) against queries per second (y, logarithmic). Points below
/// recall 0.5 are left out, unless none is above. The same input gives the same bytes.
std::string RecallPlot(const std::string& title, const std::vector<PlotLine>& lines);

}  // namespace ordinate::bench
