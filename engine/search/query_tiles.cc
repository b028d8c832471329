#include "engine/search/query_tiles.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ordinate {
namespace {

// Squared lengths whose products and sums stay within f32.
constexpr double kLongestSquared = 1e37;
// What the f64 arithmetic of an exact score can lose, and more.
constexpr double kExactError = 1e-10;

// Twice what one estimate can lose: by the additions of 64 dims, of the sums of 64, of a squared
// norm (16 lanes), and by the roundings around them.
double RelativeError(uint32_t stride) {
  return (64 + stride / 64 + stride / kVectorPadding + 16) * 0x1p-24;
}
// And by terms too small for f32.
double UnderflowError(uint32_t stride) { return (4.0 * stride + 64) * 0x1p-149; }

double Square(std::span<const float> vector) {
  return BestKernels().exact_dot(vector.data(), vector.data(), vector.size());
}

// The largest f32 that is not more.
float RoundedDown(double x) {
  const auto rounded = static_cast<float>(x);
  return rounded <= x ? rounded : std::nextafter(rounded, -std::numeric_limits<float>::infinity());
}

}  // namespace

bool QueryTiles::Fits(const SegmentView& segment, std::span<const float> query) {
  if (segment.metric == Metric::kCosine) return segment.norms_fit;
  return segment.longest * segment.longest <= kLongestSquared && Square(query) <= kLongestSquared;
}

QueryTiles::QueryTiles(const SegmentView& segment, std::span<const std::span<const float>> queries)
    : metric_(segment.metric),
      stride_(segment.stride),
      error_(RelativeError(segment.stride)),
      parts_(queries.size()) {
  lines_.resize(tiles() * stride_);
  const double underflow = UnderflowError(stride_);
  for (size_t i = 0; i < queries.size(); ++i) {
    const double square = Square(queries[i]);
    double scale = 1;
    Part& part = parts_[i];
    part.square = square;
    switch (metric_) {
      case Metric::kL2:
        part.slack = error_ * square + underflow;
        break;
      case Metric::kIp:
        part.slack = 2 * error_ * std::sqrt(square) * segment.longest + underflow;
        break;
      case Metric::kCosine:
        scale = square > 0 ? 1 / std::sqrt(square) : 0;
        part.slack = 2 * error_ + underflow * double{kMostInverseNorm};
    }
    Line* const tile = lines_.data() + i / kTileQueries * stride_;
    for (size_t d = 0; d < queries[i].size(); ++d) {
      tile[d].floats[i % kTileQueries] =
          scale == 1 ? queries[i][d] : static_cast<float>(queries[i][d] * scale);
    }
  }
}

double QueryTiles::MeritOf(size_t query, double score) const {
  if (metric_ != Metric::kL2) return score;
  const double distance = std::max(0.0, score);
  return (parts_[query].square - distance * distance * (1 + kExactError)) / 2;
}

float QueryTiles::LeastMerit(size_t query, float estimate, float squared_norm) const {
  return RoundedDown(estimate - parts_[query].slack - 2 * error_ * squared_norm);
}

float QueryTiles::LeastEstimate(size_t query, double merit) const {
  return RoundedDown(merit - parts_[query].slack);
}

}  // namespace ordinate
