#include "tests/bench/engine/data_set.h"

#include <cmath>

namespace ordinate::bench {

std::vector<float> UnitBase(const DataSet& set) {
  std::vector<float> base = set.base;
  if (set.metric != Metric::kCosine) return base;
  for (size_t at = 0; at < base.size(); at += set.dim) {
    double square = 0;
    for (size_t i = at; i < at + set.dim; ++i) square += double{base[i]} * base[i];
    const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
    for (size_t i = at; i < at + set.dim; ++i) base[i] = static_cast<float>(base[i] * scale);
  }
  return base;
}

}  // namespace ordinate::bench
