#include "engine/index/link_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/index/graph_fixtures.h"

namespace ordinate {
namespace {

std::vector<uint32_t> Nodes(std::span<const Candidate> candidates) {
  std::vector<uint32_t> nodes;
  for (const Candidate candidate : candidates) nodes.push_back(candidate.node());
  return nodes;
}

// Points on a plane, by index.
AlignedFloats Plane(const std::vector<std::pair<float, float>>& points) {
  AlignedFloats vectors(points.size() * 16);
  for (size_t i = 0; i < points.size(); ++i) {
    vectors[i * 16] = points[i].first;
    vectors[i * 16 + 1] = points[i].second;
  }
  return vectors;
}

float Distance(const BuildMatrix& matrix, uint32_t a, uint32_t b) {
  return BestKernels().l2sq(matrix.row(a), matrix.row(b), matrix.stride());
}

std::vector<Candidate> SortedFrom(const BuildMatrix& matrix, uint32_t node) {
  std::vector<Candidate> sorted;
  for (uint32_t other = 0; other < matrix.nodes(); ++other) {
    if (other != node) sorted.emplace_back(Distance(matrix, node, other), other);
  }
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

TEST(LinkChoice, LeavesOutWhatANearerLinkLeadsTo) {
  // From 0: 1 lies east, 2 farther east behind it, 3 north, 4 far west.
  const AlignedFloats vectors = Plane({{0, 0}, {1, 0}, {2, 0}, {0, 3}, {-9, 0}});
  const BuildMatrix matrix = *BuildMatrix::Create(Metric::kL2, 16, vectors, CallContext());
  LinkChoice choice(matrix);
  EXPECT_EQ(Nodes(choice.Choose(SortedFrom(matrix, 0), 8)), (std::vector<uint32_t>{1, 3, 4}));
  EXPECT_EQ(Nodes(choice.Choose(SortedFrom(matrix, 0), 2)), (std::vector<uint32_t>{1, 3}));
  EXPECT_TRUE(choice.Choose({}, 8).empty());
}

TEST(LinkChoice, DoesNotCompareWhatIsKnownToBeSpread) {
  const AlignedFloats vectors = Plane({{0, 0}, {1, 0}, {2, 0}, {2.5, 0}});
  const BuildMatrix matrix = *BuildMatrix::Create(Metric::kL2, 16, vectors, CallContext());
  std::vector<Candidate> sorted = SortedFrom(matrix, 0);
  sorted[0].set_expanded();
  sorted[1].set_expanded();  // untrue, to see that it is believed
  LinkChoice choice(matrix);
  EXPECT_EQ(Nodes(choice.Choose(sorted, 8)), (std::vector<uint32_t>{1, 2}));
}

// The algorithm as its authors wrote it down.
std::vector<uint32_t> Oracle(const BuildMatrix& matrix, std::span<const Candidate> sorted,
                             size_t most) {
  std::vector<uint32_t> chosen;
  for (const Candidate candidate : sorted) {
    if (chosen.size() == most) break;
    const bool refused = std::any_of(chosen.begin(), chosen.end(), [&](uint32_t other) {
      return Distance(matrix, other, candidate.node()) < candidate.distance();
    });
    if (!refused) chosen.push_back(candidate.node());
  }
  return chosen;
}

TEST(LinkChoice, IsTheAlgorithmOnRandomVectors) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const uint32_t dim = 1 + seed * 3;
    const AlignedFloats vectors = MakeVectors(40 + 17 * seed, dim, seed % 3 * 5, seed);
    const BuildMatrix matrix =
        *BuildMatrix::Create(Metric::kL2, StrideOf(dim), vectors, CallContext());
    LinkChoice choice(matrix);
    const std::vector<Candidate> sorted = SortedFrom(matrix, seed);
    for (const size_t most : {1, 4, 32, 1000}) {
      EXPECT_EQ(Nodes(choice.Choose(sorted, most)), Oracle(matrix, sorted, most));
    }
    // Some of what was chosen once, and others: as when a full list is thinned out.
    std::vector<Candidate> links;
    const std::vector<uint32_t> spread = Oracle(matrix, sorted, 1000);
    for (const Candidate candidate : sorted) {
      const bool was = std::count(spread.begin(), spread.end(), candidate.node()) > 0;
      if (!was && candidate.node() % 3 != 0) continue;
      links.push_back(candidate);
      if (was) links.back().set_expanded();
    }
    EXPECT_EQ(Nodes(choice.Choose(links, 16)), Oracle(matrix, links, 16));
  }
}

}  // namespace
}  // namespace ordinate
