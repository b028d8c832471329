#include "engine/index/graph_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/index/aligned_floats.h"
#include "engine/search/exact_score.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"

namespace ordinate {
namespace {

constexpr uint32_t kThreads = 2;

std::unique_ptr<GraphBuilder> Builder() { return *MakeGraphBuilder(); }

// Vectors of a data set: `clusters` 0 is one cloud, otherwise tight clouds around as many centres.
AlignedFloats MakeVectors(uint32_t nodes, uint32_t dim, uint32_t clusters, uint32_t seed) {
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

GraphParams Params(Metric metric, uint32_t dim, uint32_t threads = 1) {
  GraphParams params;
  params.metric = metric;
  params.dim = dim;
  params.stride = StrideOf(dim);
  params.threads = threads;
  params.seed = 7;
  return params;
}

// A built segment in memory, without a file.
struct Built {
  Built(Metric metric, uint32_t dim, AlignedFloats rows, uint32_t threads = 1)
      : vectors(std::move(rows)) {
    const CallContext context;
    auto result = Builder()->Build(Params(metric, dim, threads), vectors, context, nullptr);
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

  // The k best accepted nodes.
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

class Multiples : public NodeFilter {
 public:
  explicit Multiples(uint32_t modulus) : modulus_(modulus) {}
  bool Accepts(uint32_t node) const override { return node % modulus_ == 0; }

 private:
  const uint32_t modulus_;
};

// recall@10 over 100 queries near the data, with every modulus-th node accepted.
double Recall(const Built& built, uint32_t ef, uint32_t modulus = 1) {
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

TEST(GraphBuilder, RecallOnEveryMetricAndBothKindsOfData) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const uint32_t clusters : {0u, 50u}) {
      const Built built(metric, 32, MakeVectors(5000, 32, clusters, 1), kThreads);
      SCOPED_TRACE(testing::Message() << "metric " << int(metric) << " clusters " << clusters);
      EXPECT_GE(Recall(built, 64), 0.95);
      EXPECT_GE(Recall(built, 64, /*modulus=*/7), 0.95);
    }
  }
}

TEST(GraphBuilder, GraphsOfNoneOneAndTwoNodes) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const uint32_t nodes : {0u, 1u, 2u}) {
      const Built built(metric, 3, MakeVectors(nodes, 3, 0, 2));
      EXPECT_EQ(built.graph.levels.size(), nodes);
      EXPECT_EQ(built.graph.upper_offsets.size(), nodes + 1);
      EXPECT_EQ(built.graph.links0.size(), nodes * built.graph.degree0);
      const auto query = *PreparedQuery::Create(metric, 3, std::vector<float>{1, 2, 3});
      const CallContext context;
      EXPECT_EQ(SearchGraph(built.view, {&query, 10}, context, nullptr)->size(), nodes);
    }
  }
}

TEST(GraphBuilder, LayoutIsWhatGraphViewPromises) {
  const Built built(Metric::kL2, 8, MakeVectors(3000, 8, 0, 3), kThreads);
  const GraphView graph = built.graph.view();
  EXPECT_EQ(graph.degree0, 32u);
  EXPECT_EQ(graph.degree, 16u);
  EXPECT_EQ(graph.max_level, *std::max_element(graph.levels.begin(), graph.levels.end()));
  EXPECT_GE(graph.max_level, 1u);
  EXPECT_EQ(graph.levels[graph.entry], graph.max_level);
  for (uint32_t node = 0; node < 3000; ++node) {
    const auto links = graph.links0.subspan(node * 32, 32);
    for (const uint32_t link : links) ASSERT_LT(link, 3000u);
    ASSERT_NE(links[0], node) << "a node without links";
    ASSERT_EQ(graph.upper_offsets[node + 1] - graph.upper_offsets[node], graph.levels[node]);
    for (uint32_t level = 1; level <= graph.levels[node]; ++level) {
      const size_t block = graph.upper_offsets[node] + level - 1;
      for (const uint32_t link : graph.upper_links.subspan(block * 16, 16)) {
        ASSERT_GE(graph.levels[link], level) << "a link leaves its level";
      }
    }
  }
}

TEST(GraphBuilder, OneThreadBuildsTheSameGraphAgainAndTheSeedMatters) {
  const AlignedFloats vectors = MakeVectors(6000, 16, 20, 4);  // more than one part
  const CallContext context;
  GraphParams params = Params(Metric::kL2, 16);
  const Graph first = *Builder()->Build(params, vectors, context, nullptr);
  const Graph second = *Builder()->Build(params, vectors, context, nullptr);
  EXPECT_EQ(first.links0, second.links0);
  EXPECT_EQ(first.upper_links, second.upper_links);
  EXPECT_EQ(first.entry, second.entry);
  params.seed = 8;
  EXPECT_NE((*Builder()->Build(params, vectors, context, nullptr)).levels, first.levels);
}

TEST(GraphBuilder, ReportsProgressAndStopsWhenCancelled) {
  const AlignedFloats vectors = MakeVectors(20'000, 4, 0, 5);
  GraphParams params = Params(Metric::kL2, 4);
  params.ef_build = 16;
  CallContext context;
  uint32_t last = 0;
  const auto result =
      Builder()->Build(params, vectors, context, [&](uint32_t done, uint32_t total) {
        EXPECT_GT(done, last);
        EXPECT_EQ(total, 20'000u);
        last = done;
        if (done >= 5'000) context.Cancel();
      });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(last, 20'000u);
}

TEST(GraphBuilder, RefusesParametersThatDoNotFit) {
  const AlignedFloats vectors(32);
  const CallContext context;
  const auto code = [&](const GraphParams& params) {
    return Builder()->Build(params, vectors, context, nullptr).status().code();
  };
  const GraphParams good = Params(Metric::kL2, 5);
  EXPECT_EQ(code(good), absl::StatusCode::kOk);
  for (const auto& damage : std::vector<void (*)(GraphParams&)>{
           [](GraphParams& p) { p.dim = 0; }, [](GraphParams& p) { p.stride = 8; },
           [](GraphParams& p) { p.m = 1; }, [](GraphParams& p) { p.ef_build = 0; },
           [](GraphParams& p) { p.dim = 33, p.stride = 48; }}) {
    GraphParams bad = good;
    damage(bad);
    EXPECT_EQ(code(bad), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ordinate
