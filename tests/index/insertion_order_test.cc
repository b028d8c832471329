#include "engine/index/insertion_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace ordinate {
namespace {

TEST(DrawLevels, EachLevelHasAnMthOfTheOneBelow) {
  const auto levels = DrawLevels(100'000, 16, 3);
  const auto from = [&](uint8_t level) {
    return std::count_if(levels.begin(), levels.end(), [&](uint8_t l) { return l >= level; });
  };
  EXPECT_NEAR(double(from(1)), 100'000.0 / 16, 300);
  EXPECT_NEAR(double(from(2)), 100'000.0 / 256, 80);
}

TEST(OrderByLevel, HigherLevelsFirstAndEveryNodeOnce) {
  const std::vector<uint8_t> levels = DrawLevels(5000, 8, 1);
  const std::vector<uint32_t> order = OrderByLevel(levels, 1);
  for (size_t i = 1; i < order.size(); ++i) {
    ASSERT_GE(levels[order[i - 1]], levels[order[i]]);
  }
  EXPECT_EQ(order, OrderByLevel(levels, 1));
  EXPECT_NE(order, OrderByLevel(levels, 2));
  std::vector<uint32_t> sorted = order, all(5000);
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_EQ(sorted, all);
}

TEST(OrderByLevel, MixesTheNodesOfALevel) {
  const std::vector<uint8_t> levels(10'000, 0);
  const std::vector<uint32_t> order = OrderByLevel(levels, 5);
  const double sum = std::accumulate(order.begin(), order.begin() + 1000, 0.0);
  EXPECT_NEAR(sum / 1000, 5000, 500);
}

TEST(OrderByPlace, SortsARoundByTheWayDown) {
  // On levels 1, 2 and 3.
  const std::vector<Descent> descents = {{7, 5, 9}, {6, 5, 9}, {7, 4, 9}, {7, 5, 8}, {6, 5, 9}};
  std::vector<uint32_t> nodes = {4, 0, 3, 1, 2};
  ASSERT_TRUE(OrderByPlace(descents, 100, nodes, CallContext()).ok());
  EXPECT_EQ(nodes, (std::vector<uint32_t>{3, 2, 1, 4, 0}));
}

TEST(OrderByPlace, StopsWhenCancelled) {
  const std::vector<Descent> descents(10'000);
  std::vector<uint32_t> nodes(10'000);
  std::iota(nodes.begin(), nodes.end(), 0u);
  int checks = 0;
  const CallContext context(CallContext::TimePoint::max(), [&] { return ++checks == 2; });
  EXPECT_EQ(OrderByPlace(descents, 1, nodes, context).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(checks, 2);
}

TEST(OrderByPlace, ARoundIsAsLargeAsWhatIsLinked) {
  constexpr uint32_t kNodes = 10'000, kLinked = 2000;
  std::vector<Descent> descents(kNodes);
  std::vector<uint32_t> nodes(kNodes);
  for (uint32_t node = 0; node < kNodes; ++node) {
    descents[node] = {node * 7919 % kNodes, 0, 0};
    nodes[node] = node;
  }
  ASSERT_TRUE(OrderByPlace(descents, kLinked, nodes, CallContext()).ok());
  // 2000, then 4000, then what is left.
  for (const auto& [begin, end] : {std::pair(0u, 2000u), {2000u, 6000u}, {6000u, kNodes}}) {
    for (uint32_t i = begin; i < end; ++i) {
      ASSERT_TRUE(nodes[i] >= begin && nodes[i] < end);
      if (i == begin) continue;
      ASSERT_LT(descents[nodes[i - 1]][0], descents[nodes[i]][0]);
    }
  }
}

}  // namespace
}  // namespace ordinate
