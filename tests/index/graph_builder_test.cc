#include "engine/index/graph_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "tests/index/graph_fixtures.h"

namespace ordinate {
namespace {

constexpr uint32_t kThreads = 2;

std::unique_ptr<GraphBuilder> Builder() { return *MakeGraphBuilder(); }

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
  const AlignedFloats vectors = MakeVectors(6000, 16, 20, 4);
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

// Where links are refused because others lead the same way, lists are filled up nevertheless.
TEST(GraphBuilder, NodesOfDenseRegionsHaveLinks) {
  const Built built(Metric::kL2, 4, MakeVectors(3000, 4, 10, 9), kThreads);
  size_t links = 0;
  for (uint32_t node = 0; node < 3000; ++node) {
    const auto list = built.graph.view().links0.subspan(node * 32, 32);
    links += 32 - static_cast<size_t>(std::count(list.begin(), list.end(), node));
  }
  EXPECT_GE(static_cast<double>(links) / 3000, 16);
}

TEST(GraphBuilder, SortedRowsBuildAsGoodAGraph) {
  AlignedFloats vectors = MakeVectors(4000, 16, 0, 6);
  std::vector<const float*> rows;
  for (size_t at = 0; at < vectors.size(); at += 16) rows.push_back(vectors.data() + at);
  std::sort(rows.begin(), rows.end(), [](const float* a, const float* b) { return *a < *b; });
  AlignedFloats sorted;
  for (const float* row : rows) sorted.insert(sorted.end(), row, row + 16);
  EXPECT_GE(Recall(Built(Metric::kL2, 16, sorted, kThreads), 64), 0.97);
}

// All of them are at distance 0 of each other once their length is divided out.
TEST(GraphBuilder, ManyVectorsOfOneDirection) {
  constexpr uint32_t kSame = 600, kOthers = 1400;
  AlignedFloats vectors = MakeVectors(kSame + kOthers, 8, 0, 7);
  for (uint32_t node = 0; node < kSame; ++node) {
    for (uint32_t i = 0; i < 16; ++i) vectors[node * 16 + i] = i == 0 ? 1.0f + float(node) : 0;
  }
  const Built built(Metric::kCosine, 8, vectors, kThreads);
  const CallContext context;
  std::vector<float> query(8, 0.0f);
  query[0] = 1;
  const auto same = *PreparedQuery::Create(Metric::kCosine, 8, query);
  const auto hits = *SearchGraph(built.view, {&same, 10}, context, nullptr);
  ASSERT_EQ(hits.size(), 10u);
  for (const GraphHit& hit : hits) EXPECT_LT(hit.node, kSame);
}

TEST(GraphBuilder, ReportsProgressToTheLastNode) {
  const AlignedFloats vectors = MakeVectors(3000, 4, 0, 8);
  for (const uint32_t threads : {1u, kThreads}) {
    const CallContext context;
    const auto builder = std::this_thread::get_id();
    uint32_t last = 0;
    const auto result = Builder()->Build(Params(Metric::kL2, 4, threads), vectors, context,
                                         [&](uint32_t done, uint32_t) {
                                           EXPECT_GT(done, last);
                                           EXPECT_EQ(std::this_thread::get_id(), builder);
                                           last = done;
                                         });
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(last, 3000u);
  }
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

// Lengths, levels and an order are found first, which takes time too.
TEST(GraphBuilder, StopsBeforeTheFirstNodeWhenCancelled) {
  const AlignedFloats vectors = MakeVectors(20'000, 4, 0, 5);
  GraphParams params = Params(Metric::kCosine, 4);
  params.ef_build = 16;
  for (int after = 0; after < 9; ++after) {
    int checks = 0;
    const CallContext context(CallContext::TimePoint::max(), [&] { return ++checks > after; });
    const auto result = Builder()->Build(params, vectors, context, [&](uint32_t, uint32_t) {
      ADD_FAILURE() << "cancelled after " << after << " checks, and nodes were inserted";
    });
    EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(checks, after + 1);
  }
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
