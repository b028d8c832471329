#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "engine/search/exact_score.h"
#include "engine/search/kernels.h"
#include "engine/search/node_distance.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A segment in memory whose graph links each node of a ring to its neighbours and to `random`
/// others, on two levels; small enough to reason about, connected by construction.
class HandSegment {
 public:
  HandSegment(Metric metric, uint32_t dim, const std::vector<std::vector<float>>& points,
              uint32_t degree0 = 16) {
    view_.engine = Engine::kHnsw;
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
    }
    view_.vectors = {lines_.data()->floats, points.size() * view_.stride};
    if (metric == Metric::kCosine) view_.inverse_norms = inverse_norms_;
    Link(degree0);
  }
  HandSegment(const HandSegment&) = delete;
  HandSegment& operator=(const HandSegment&) = delete;

  const SegmentView& view() const { return view_; }

  /// All nodes by exact score, best first, ties by node.
  std::vector<uint32_t> BruteForce(std::span<const float> query) const {
    const ExactScorer scorer(view_.metric, query);
    std::vector<double> score(view_.nodes);
    for (uint32_t i = 0; i < view_.nodes; ++i) {
      score[i] = scorer.Score(view_.vectors.data() + size_t{i} * view_.stride);
      if (HigherIsBetter(view_.metric)) score[i] = -score[i];
    }
    std::vector<uint32_t> order(view_.nodes);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return score[a] < score[b]; });
    return order;
  }

 private:
  struct alignas(64) Line {
    float floats[16];
  };

  void Link(uint32_t degree0) {
    const uint32_t n = view_.nodes;
    std::mt19937 random(6);
    for (uint32_t node = 0; node < n; ++node) {
      std::vector<uint32_t> links = {(node + 1) % n, (node + n - 1) % n};
      for (int i = 0; i < 8; ++i) links.push_back(random() % n);
      links.resize(degree0, node);
      links0_.insert(links0_.end(), links.begin(), links.end());
    }
    // Level 1: every third node, in a ring of four links.
    upper_offsets_.assign(n + 1, 0);
    levels_.assign(n, 0);
    for (uint32_t node = 0; node < n; ++node) {
      levels_[node] = node % 3 == 0;
      upper_offsets_[node + 1] = upper_offsets_[node] + levels_[node];
      if (!levels_[node]) continue;
      const uint32_t next = node + 3 < n ? node + 3 : 0, before = node >= 3 ? node - 3 : node;
      upper_links_.insert(upper_links_.end(), {next, before, node, node});
    }
    view_.graph = {degree0, 4, 0, 1, links0_, levels_, upper_offsets_, upper_links_};
  }

  std::vector<Line> lines_;
  std::vector<float> inverse_norms_;
  std::vector<uint32_t> links0_, upper_offsets_, upper_links_;
  std::vector<uint8_t> levels_;
  SegmentView view_;
};

inline std::vector<std::vector<float>> RandomPoints(uint32_t count, uint32_t dim, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> points(count, std::vector<float>(dim));
  for (auto& point : points) {
    for (float& x : point) x = normal(random);
  }
  return points;
}

}  // namespace ordinate
