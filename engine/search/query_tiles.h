#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/search/kernels.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// Queries of one segment packed as Kernels::tile_dots takes them, and what the estimates by them
/// prove of exact scores.
///
/// An estimate is of a node's merit, which is larger for a better node under every metric: L2
/// q·x - x·x/2, which is (q·q - d²)/2; COSINE q·x / (|q| |x|); IP q·x. It is what tile_select makes
/// of the sum of products, with ScaleOf and BiasOf the row.
///
/// What f32 can lose: a sum of products, of n = 64 + dim/64 additions, is wrong by n u |q| |x| at
/// most, u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), which is not more
/// than n u (q·q + x·x) / 2. So one part of the error belongs to the query and one to the row, and
/// all of the row's is added to its estimate: an estimate plus the query's part is never less than
/// the merit. All factors are twice what rounding allows.
class QueryTiles {
 public:
  /// Whether f32 can hold what is summed up for the query. Other queries take no part.
  static bool Fits(const SegmentView& segment, std::span<const float> query);

  /// Borrows nothing. REQUIRES: each query Fits.
  QueryTiles(const SegmentView& segment, std::span<const std::span<const float>> queries);

  size_t queries() const { return parts_.size(); }
  size_t tiles() const { return (queries() + kTileQueries - 1) / kTileQueries; }
  /// Of tile `tile` and those after it.
  const float* data(size_t tile) const { return lines_[tile * stride_].floats; }

  /// What is added to the sum of a row of this squared norm, as squared_norms gives it, under L2.
  float BiasOf(float squared_norm) const {
    return squared_norm * (static_cast<float>(error_) - 0.5f);
  }

  /// The merit of a node with this score.
  double MeritOf(size_t query, double score) const;
  /// A merit that a node with this estimate has at least. `squared_norm`: as for BiasOf; else 0.
  float LeastMerit(size_t query, float estimate, float squared_norm) const;
  /// A node with an estimate below this has a worse score than every node of at least this merit.
  float LeastEstimate(size_t query, double merit) const;

 private:
  struct alignas(64) Line {
    float floats[kTileQueries];
  };
  struct Part {
    double square = 0;  // q·q
    double slack = 0;   // the query's part of the error
  };

  const Metric metric_;
  const uint32_t stride_;
  const double error_;  // of a sum, relative to (q·q + x·x); L2: that is the row's part of it too
  std::vector<Line> lines_;  // dim by dim, for each tile
  std::vector<Part> parts_;  // by query
};

}  // namespace ordinate
