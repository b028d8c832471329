#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "engine/index/aligned_floats.h"
#include "engine/index/graph_builder.h"
#include "engine/search/exact_score.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"

namespace ordinate {

/// Vectors of a data set: `clusters` 0 is one cloud, otherwise tight clouds around as many centres.
inline AlignedFloats MakeVectors(uint32_t nodes, uint32_t dim, uint32_t clusters, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(clusters, std::vector<float>(dim));
  for (auto& centre : centres) {
    for (float& x : centre) x = 3 * normal(random);
  }
  AlignedFloats vectors(size_t{nodes} * StrideOf(dim));
  for (uint32_t node = 0; node < nodes; ++node) {
    const size_t centre = clusters == 0 ? 0 : random() % clusters;
    for (uint32_t i = 0; i < dim; ++i) {
      const float base = clusters == 0 ? 0 : centres[centre][i];
      vectors[size_t{node} * StrideOf(dim) + i] = base + normal(random);
    }
  }
  return vectors;
}

inline GraphParams Params(Metric metric, uint32_t dim, uint32_t threads = 1) {
  GraphParams params;
  params.metric = metric;
  params.dim = dim;
  params.stride = StrideOf(dim);
  params.threads = threads;
  params.seed = 7;
  return params;
}

/// A built segment in memory, without a file.
struct Built {
  Built(Metric metric, uint32_t dim, AlignedFloats rows, uint32_t threads = 1,
        const GraphBuilder& builder = **MakeGraphBuilder())
      : vectors(std::move(rows)) {
    const CallContext context;
    auto result = builder.Build(Params(metric, dim, threads), vectors, context, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    graph = *std::move(result);
    view.engine = Engine::kHnsw;
    view.metric = metric;
    view.dim = dim;
    view.stride = StrideOf(dim);
    view.nodes = static_cast<uint32_t>(vectors.size() / view.stride);
    view.vectors = vectors;
    view.graph = graph.view();
    for (uint32_t i = 0; i < view.nodes; ++i) inverse_norms.push_back(InverseNorm(Row(i)));
    if (metric == Metric::kCosine) view.inverse_norms = inverse_norms;
  }
  Built(const Built&) = delete;
  Built& operator=(const Built&) = delete;

  std::span<const float> Row(uint32_t node) const {
    return {vectors.data() + size_t{node} * view.stride, view.dim};
  }

  /// The k best accepted nodes.
  std::set<uint32_t> BruteForce(std::span<const float> query, size_t k, uint32_t modulus) const {
    const ExactScorer scorer(view.metric, query);
    std::vector<std::pair<double, uint32_t>> scores;
    for (uint32_t i = 0; i < view.nodes; i += modulus) {
      const double score = scorer.Score(Row(i).data());
      scores.emplace_back(HigherIsBetter(view.metric) ? -score : score, i);
    }
    std::sort(scores.begin(), scores.end());
    std::set<uint32_t> best;
    for (size_t i = 0; i < std::min(k, scores.size()); ++i) best.insert(scores[i].second);
    return best;
  }

  AlignedFloats vectors;
  std::vector<float> inverse_norms;
  Graph graph;
  SegmentView view;
};

/// Accepts every modulus-th node.
class Multiples : public NodeFilter {
 public:
  explicit Multiples(uint32_t modulus) : modulus_(modulus) {}
  bool Accepts(uint32_t node) const override { return node % modulus_ == 0; }

 private:
  const uint32_t modulus_;
};

/// recall@10 over 100 queries near the data, with every modulus-th node accepted.
inline double Recall(const Built& built, uint32_t ef, uint32_t modulus = 1) {
  std::mt19937 random(99);
  std::normal_distribution<float> normal(0, 0.5f);
  const Multiples filter(modulus);
  const CallContext context;
  size_t found = 0;
  for (int q = 0; q < 100; ++q) {
    const auto row = built.Row(random() % built.view.nodes);
    std::vector<float> query(row.begin(), row.end());
    for (float& x : query) x += normal(random);
    const auto prepared = *PreparedQuery::Create(built.view.metric, built.view.dim, query);
    const GraphQuery graph_query{&prepared, ef, modulus == 1 ? nullptr : &filter};
    const auto hits = *SearchGraph(built.view, graph_query, context, nullptr);
    EXPECT_EQ(hits.size(), ef);
    const auto best = built.BruteForce(query, 10, modulus);
    for (size_t i = 0; i < 10 && i < hits.size(); ++i) found += best.count(hits[i].node);
    for (const GraphHit& hit : hits) EXPECT_EQ(hit.node % modulus, 0u);
  }
  return static_cast<double>(found) / 1000;
}

}  // namespace ordinate
