// Every node of a graph can be reached over level 0, ties or not.
#include "engine/index/reachable.h"

#include <gtest/gtest.h>

#include "tests/index/graph_fixtures.h"

namespace ordinate {
namespace {

size_t CountReached(const GraphView& graph) {
  std::vector<bool> reached(graph.levels.size());
  std::vector<uint32_t> queue = {graph.entry};
  reached[graph.entry] = true;
  for (size_t i = 0; i < queue.size(); ++i) {
    for (uint32_t slot = 0; slot < graph.degree0; ++slot) {
      const uint32_t link = graph.links0[size_t{queue[i]} * graph.degree0 + slot];
      if (reached[link]) continue;
      reached[link] = true;
      queue.push_back(link);
    }
  }
  return queue.size();
}

// Level 0 alone, from lists of links.
Graph GraphOf(uint32_t degree0, const std::vector<std::vector<uint32_t>>& lists) {
  Graph graph;
  graph.degree0 = degree0;
  graph.degree = 1;
  graph.levels.resize(lists.size());
  graph.upper_offsets.assign(lists.size() + 1, 0);
  graph.links0.resize(lists.size() * degree0);
  for (uint32_t node = 0; node < lists.size(); ++node) {
    for (uint32_t i = 0; i < degree0; ++i) {
      graph.links0[node * degree0 + i] = i < lists[node].size() ? lists[node][i] : node;
    }
  }
  return graph;
}

TEST(MakeReachable, LeavesAWholeGraphAsItIs) {
  Graph graph = GraphOf(2, {{1}, {2, 0}, {0}});
  const auto before = graph.links0;
  ASSERT_TRUE(MakeReachable(CallContext(), graph).ok());
  EXPECT_EQ(graph.links0, before);
}

TEST(MakeReachable, LinksFromANodeThatTheLostOneLinksTo) {
  // Nobody leads to 3, which leads to 1 and 2; 2 has a free slot.
  Graph graph = GraphOf(2, {{1, 2}, {0, 2}, {0}, {1, 2}});
  ASSERT_TRUE(MakeReachable(CallContext(), graph).ok());
  EXPECT_EQ(CountReached(graph.view()), 4u);
  EXPECT_EQ(graph.links0[2 * 2 + 1], 3u);
}

TEST(MakeReachable, ReplacesTheLinkWhoseNodeMostOthersLeadTo) {
  Graph graph = GraphOf(2, {{1, 2}, {0, 2}, {0, 1}, {1, 2}});
  ASSERT_TRUE(MakeReachable(CallContext(), graph).ok());
  EXPECT_EQ(CountReached(graph.view()), 4u);
  EXPECT_EQ(graph.links0[1 * 2 + 1], 3u);  // 0 had two ways to it, 2 had three
}

// As long vectors are under IP: all link to them, and they to each other.
TEST(MakeReachable, TakesOneLinkOfAHubAtMost) {
  constexpr uint32_t kDegree = 4, kHubs = 5, kNodes = 300;
  std::vector<std::vector<uint32_t>> lists(kNodes);
  for (uint32_t node = 0; node < kNodes; ++node) {
    for (uint32_t hub = 0; hub < kHubs && lists[node].size() < 3 + (node < kHubs); ++hub) {
      if (hub != node) lists[node].push_back(hub);
    }
  }
  Graph graph = GraphOf(kDegree, lists);
  ASSERT_TRUE(MakeReachable(CallContext(), graph).ok());
  EXPECT_EQ(CountReached(graph.view()), kNodes);
  for (uint32_t hub = 0; hub < kHubs; ++hub) {
    const auto links = graph.links0.begin() + hub * kDegree;
    EXPECT_GE(std::count_if(links, links + kDegree, [](uint32_t link) { return link < kHubs; }), 3)
        << hub;
  }
}

TEST(MakeReachable, JoinsGraphsThatKnowNothingOfEachOther) {
  Graph graph = GraphOf(1, {{1}, {0}, {3}, {2}, {5}, {4}, {6}});
  ASSERT_TRUE(MakeReachable(CallContext(), graph).ok());
  EXPECT_EQ(CountReached(graph.view()), 7u);
}

TEST(MakeReachable, JoinsManySuchGraphs) {
  std::vector<std::vector<uint32_t>> lists;
  for (uint32_t node = 0; node < 200; ++node) lists.push_back({node ^ 1});
  Graph graph = GraphOf(2, lists);
  ASSERT_TRUE(MakeReachable(CallContext(), graph).ok());
  EXPECT_EQ(CountReached(graph.view()), 200u);
}

TEST(MakeReachable, StopsWhenTheCallDoes) {
  Graph graph = GraphOf(1, {{1}, {0}});
  CallContext context;
  context.Cancel();
  EXPECT_TRUE(absl::IsCancelled(MakeReachable(context, graph)));
}

void ExpectAllReached(const Built& built) {
  EXPECT_EQ(CountReached(built.view.graph), built.view.nodes);
}

// Under COSINE all of them are equal: nearer ones, which a list would be chosen by, there are not.
TEST(ReachableGraph, OfVectorsOfOneDirection) {
  for (const uint32_t same : {100u, 600u, 2'000u}) {
    SCOPED_TRACE(same);
    AlignedFloats vectors = MakeVectors(same + 1'000, 8, 0, 7);
    for (uint32_t node = 0; node < same; ++node) {
      for (uint32_t i = 0; i < 16; ++i) vectors[node * 16 + i] = i == 0 ? 1.0f + float(node) : 0;
    }
    const Built built(Metric::kCosine, 8, vectors, 2);
    ExpectAllReached(built);
    std::vector<float> query(8, 0.0f);
    query[0] = 1;
    const auto prepared = *PreparedQuery::Create(Metric::kCosine, 8, query);
    const auto hits = *SearchGraph(built.view, {&prepared, 2 * same}, CallContext(), nullptr);
    const auto found =
        std::ranges::count_if(hits, [same](const GraphHit& hit) { return hit.node < same; });
    EXPECT_GE(found, static_cast<long>(same) * 95 / 100);
  }
}

TEST(ReachableGraph, OfVectorsEquallyFarFromEachOther) {
  for (const uint32_t nodes : {50u, 200u, 1'000u}) {
    SCOPED_TRACE(nodes);
    const uint32_t stride = StrideOf(nodes);
    AlignedFloats vectors(size_t{nodes} * stride);
    for (uint32_t node = 0; node < nodes; ++node) vectors[size_t{node} * stride + node] = 1;
    ExpectAllReached(Built(Metric::kL2, nodes, vectors));
  }
}

TEST(ReachableGraph, OfFewLinks) {
  const uint32_t dim = 32;
  const AlignedFloats vectors = MakeVectors(4'000, dim, 0, 9);
  GraphParams params = Params(Metric::kL2, dim, 2);
  params.m = kMinM;
  params.ef_build = 40;
  const auto graph = (*MakeGraphBuilder())->Build(params, vectors, CallContext(), nullptr);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(CountReached(graph->view()), 4'000u);
}

}  // namespace
}  // namespace ordinate
