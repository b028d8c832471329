#include "engine/index/node_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace ordinate {
namespace {

// A path 2 - 0 - 3 on level 0, node 1 apart; nodes 0 and 3 on level 1 too. degree0 is 2 here.
Graph Path() {
  Graph graph;
  graph.degree0 = 2;
  graph.degree = 1;
  graph.entry = 3;
  graph.max_level = 1;
  graph.links0 = {2, 3, /*1:*/ 1, 1, /*2:*/ 0, 2, /*3:*/ 0, 3};
  graph.levels = {1, 0, 0, 1};
  graph.upper_offsets = {0, 1, 1, 1, 2};
  graph.upper_links = {3, 0};
  return graph;
}

TEST(NodeOrder, BreadthFirstFromTheEntryThenWhatItDoesNotReach) {
  EXPECT_EQ(BreadthFirstOrder(Path()), (std::vector<uint32_t>{3, 0, 2, 1}));
  EXPECT_TRUE(BreadthFirstOrder(Graph()).empty());
}

// Whichever node nothing leads to: the first, the last, all of them.
TEST(NodeOrder, EveryNodeComesOnceWhateverIsReached) {
  for (uint32_t nodes = 1; nodes <= 5; ++nodes) {
    for (uint32_t entry = 0; entry < nodes; ++entry) {
      for (uint32_t target = 0; target < nodes; ++target) {
        Graph graph;
        graph.degree0 = 1;
        graph.entry = entry;
        graph.links0.assign(nodes, target);
        graph.levels.assign(nodes, 0);
        graph.upper_offsets.assign(nodes + 1, 0);
        std::vector<uint32_t> order = BreadthFirstOrder(graph);
        ASSERT_EQ(order.size(), nodes);
        EXPECT_EQ(order[0], entry);
        std::sort(order.begin(), order.end());
        for (uint32_t i = 0; i < nodes; ++i) EXPECT_EQ(order[i], i);
      }
    }
  }
}

TEST(NodeOrder, RenumberKeepsTheGraph) {
  const std::vector<uint32_t> order = {3, 0, 2, 1};
  const Graph graph = Renumber(Path(), order);
  EXPECT_EQ(graph.entry, 0u);
  EXPECT_EQ(graph.max_level, 1u);
  EXPECT_EQ(graph.links0, (AlignedLinks{1, 0, 2, 0, 1, 2, 3, 3}));
  EXPECT_EQ(graph.levels, (std::vector<uint8_t>{1, 1, 0, 0}));
  EXPECT_EQ(graph.upper_offsets, (std::vector<uint32_t>{0, 1, 2, 2, 2}));
  EXPECT_EQ(graph.upper_links, (std::vector<uint32_t>{1, 0}));
}

TEST(NodeOrder, RearrangeMovesWholeRows) {
  AlignedFloats vectors(3 * 16);
  std::iota(vectors.begin(), vectors.end(), 0.0f);
  Rearrange(vectors, 16, std::vector<uint32_t>{2, 0, 1});
  EXPECT_EQ(vectors[0], 32);
  EXPECT_EQ(vectors[15], 47);
  EXPECT_EQ(vectors[16], 0);
  EXPECT_EQ(vectors[47], 31);
}

TEST(NodeOrder, RearrangeTakesAnyOrder) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (uint32_t rows = 0; rows < 60; ++rows) {
    std::vector<uint32_t> order(rows);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    AlignedFloats vectors;
    for (uint32_t row = 0; row < rows; ++row) {
      vectors.insert(vectors.end(), {static_cast<float>(row), static_cast<float>(row) + 0.5f});
    }
    Rearrange(vectors, 2, order);
    for (uint32_t row = 0; row < rows; ++row) {
      ASSERT_EQ(vectors[2 * row], static_cast<float>(order[row]));
      ASSERT_EQ(vectors[2 * row + 1], static_cast<float>(order[row]) + 0.5f);
    }
  }
}

}  // namespace
}  // namespace ordinate
