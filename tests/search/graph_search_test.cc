#include "engine/search/graph_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/search/hand_segment.h"

namespace ordinate {
namespace {

class Accepting : public NodeFilter {
 public:
  explicit Accepting(std::function<bool(uint32_t)> accepts) : accepts_(std::move(accepts)) {}
  bool Accepts(uint32_t node) const override { return accepts_(node); }

 private:
  const std::function<bool(uint32_t)> accepts_;
};

std::vector<uint32_t> Search(const SegmentView& segment, const std::vector<float>& query,
                             uint32_t ef, const NodeFilter* accept = nullptr,
                             GraphStats* stats = nullptr, uint64_t max_hops = 0,
                             double accepted_share = 0) {
  const auto prepared = PreparedQuery::Create(segment.metric, segment.dim, query);
  EXPECT_TRUE(prepared.ok()) << prepared.status();
  const CallContext context;
  GraphQuery graph_query{&*prepared, ef, accept, accepted_share, max_hops};
  const auto hits = SearchGraph(segment, graph_query, context, stats);
  EXPECT_TRUE(hits.ok()) << hits.status();
  std::vector<uint32_t> nodes;
  for (size_t i = 0; i < hits->size(); ++i) {
    nodes.push_back((*hits)[i].node);
    if (i > 0) {
      EXPECT_LE((*hits)[i - 1].distance, (*hits)[i].distance);
    }
  }
  return nodes;
}

// Nine points on a 3 × 3 grid; node = 3 y + x.
std::vector<std::vector<float>> Grid() {
  std::vector<std::vector<float>> points;
  for (float y = 0; y < 3; ++y) {
    for (float x = 0; x < 3; ++x) points.push_back({x, y});
  }
  return points;
}

TEST(SearchGraph, NinePointsByHand) {
  const HandSegment segment(Metric::kL2, 2, Grid());
  EXPECT_EQ(Search(segment.view(), {1.1f, 1.25f}, 9),
            (std::vector<uint32_t>{4, 7, 5, 3, 8, 1, 6, 2, 0}));
  // The centre is as far from its four neighbours: they come by node id.
  EXPECT_EQ(Search(segment.view(), {1, 1}, 5), (std::vector<uint32_t>{4, 1, 3, 5, 7}));
}

TEST(SearchGraph, DistancesAreSmallerWhenNearerUnderEveryMetric) {
  const std::vector<std::vector<float>> points = {{1, 0}, {0, 2}, {-3, 0}};
  const auto prepared = [](Metric metric) {
    return *PreparedQuery::Create(metric, 2, std::vector<float>{2, 0});
  };
  const auto distances = [&](Metric metric) {
    const HandSegment segment(metric, 2, points);
    const PreparedQuery query = prepared(metric);
    const CallContext context;
    std::vector<float> found(3);
    const auto hits = *SearchGraph(segment.view(), {&query, 3}, context, nullptr);
    for (const GraphHit& hit : hits) found[hit.node] = hit.distance;
    return found;
  };
  EXPECT_EQ(distances(Metric::kL2), (std::vector<float>{1, 8, 25}));
  EXPECT_EQ(distances(Metric::kCosine), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(distances(Metric::kIp), (std::vector<float>{-2, 0, 6}));
}

TEST(SearchGraph, EfOfAllNodesFindsTheExactOrder) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const uint32_t nodes : {1u, 2u, 3u, 100u, 900u}) {  // the last by heaps
      const HandSegment segment(metric, 24, RandomPoints(nodes, 24, nodes));
      const auto query = RandomPoints(1, 24, 1234).front();
      SCOPED_TRACE(testing::Message() << "metric " << int(metric) << " nodes " << nodes);
      EXPECT_EQ(Search(segment.view(), query, nodes), segment.BruteForce(query));
    }
  }
}

// The pool expands some candidates before it knows of nearer ones; the heaps wait for each.
TEST(SearchGraph, PoolFindsWhatHeapsFind) {
  const HandSegment segment(Metric::kL2, 16, RandomPoints(2000, 16, 7));
  const Accepting all([](uint32_t) { return true; });
  for (const uint32_t ef : {10u, 50u, 300u}) {
    size_t by_pool = 0, by_heaps = 0;
    for (uint32_t seed = 0; seed < 20; ++seed) {
      const auto query = RandomPoints(1, 16, 100 + seed).front();
      const std::vector<uint32_t> truth = segment.BruteForce(query);
      const auto hits = [&](const std::vector<uint32_t>& found) {
        return std::count_if(found.begin(), found.end(), [&](uint32_t node) {
          return std::find(truth.begin(), truth.begin() + ef, node) != truth.begin() + ef;
        });
      };
      by_pool += hits(Search(segment.view(), query, ef));
      by_heaps += hits(Search(segment.view(), query, ef, &all, nullptr, UINT64_MAX));
    }
    EXPECT_GE(by_pool, by_heaps * 98 / 100) << "ef " << ef;
  }
}

// What is nearer than `beyond` is found as without it, for fewer hops. Points on a line, each
// linked to its neighbours: every node but the nearest has one that is nearer.
TEST(SearchGraph, BeyondEndsASearchAmongNodesThatAreTooFar) {
  std::vector<std::vector<float>> points;
  for (uint32_t i = 0; i < 3'000; ++i) points.push_back({static_cast<float>(i)});
  const HandSegment segment(Metric::kL2, 1, points);
  const CallContext context;
  for (uint32_t i = 0; i < 50; ++i) {
    const std::vector<float> at = {static_cast<float>(i) * 59 + 0.3f};
    const auto query = *PreparedQuery::Create(Metric::kL2, 1, at);
    GraphStats whole_stats, stats;
    const auto whole = *SearchGraph(segment.view(), {&query, 64}, context, &whole_stats);
    GraphQuery search{.query = &query, .ef = 64, .beyond = whole[4].distance};
    const auto hits = *SearchGraph(segment.view(), search, context, &stats);
    EXPECT_FALSE(whole_stats.cut);
    EXPECT_TRUE(stats.cut);
    EXPECT_LT(stats.hops + 32, whole_stats.hops) << "of 64 at the lowest level";
    ASSERT_GE(hits.size(), 5u);
    for (size_t j = 0; j < 5; ++j) EXPECT_EQ(hits[j].node, whole[j].node) << at[0];
  }
}

TEST(SearchGraph, FilterReturnsAcceptedNodesOnlyAndTheNearestOfThem) {
  const HandSegment segment(Metric::kL2, 8, RandomPoints(600, 8, 8));
  const Accepting tenth([](uint32_t node) { return node % 10 == 3; });
  const auto query = RandomPoints(1, 8, 9).front();
  std::vector<uint32_t> expected;
  for (const uint32_t node : segment.BruteForce(query)) {
    if (node % 10 == 3) expected.push_back(node);
  }
  ASSERT_EQ(expected.size(), 60u);
  GraphStats stats;
  EXPECT_EQ(Search(segment.view(), query, 60, &tenth, &stats), expected);
  EXPECT_FALSE(stats.gave_up);
}

TEST(SearchGraph, AFilterThatNeverMatchesEnds) {
  const HandSegment segment(Metric::kL2, 8, RandomPoints(5000, 8, 10));
  const Accepting none([](uint32_t) { return false; });
  GraphStats stats;
  EXPECT_TRUE(Search(segment.view(), std::vector<float>(8), 10, &none, &stats, 50).empty());
  EXPECT_TRUE(stats.gave_up);
  EXPECT_LE(stats.hops, 5000 / 3 + 51);  // the walk down, then 50
  GraphStats whole;
  EXPECT_TRUE(Search(segment.view(), std::vector<float>(8), 10, &none, &whole, 100'000).empty());
  EXPECT_FALSE(whole.gave_up);
  EXPECT_GE(whole.distances, 5000u);
}

// contract 3.4: refused nodes are stepped over, however many lie between accepted ones, by the pool
// and by heaps.
TEST(SearchGraph, StepsOverRefusedNodes) {
  for (const uint32_t nodes : {600u, 6'000u}) {
    const HandSegment segment(Metric::kL2, 8, RandomPoints(nodes, 8, 21));
    const auto query = RandomPoints(1, 8, 22).front();
    for (const uint32_t one_in : {2u, 10u, 50u}) {
      SCOPED_TRACE(testing::Message() << "one in " << one_in << " of " << nodes);
      const Accepting some([&](uint32_t node) { return node % one_in == 1; });
      std::vector<uint32_t> expected;
      for (const uint32_t node : segment.BruteForce(query)) {
        if (node % one_in == 1) expected.push_back(node);
      }
      const auto accepted = static_cast<uint32_t>(expected.size());
      GraphStats stats;
      EXPECT_EQ(Search(segment.view(), query, accepted, &some, &stats, 0, 1.0 / one_in), expected);
      EXPECT_FALSE(stats.gave_up);
      Search(segment.view(), query, accepted + 1, &some, &stats, 0, 1.0 / one_in);
      EXPECT_TRUE(stats.gave_up) << "there are no more";
    }
  }
}

// Far fewer nodes are accepted than the filter's share leads to expect: the search ends early.
TEST(SearchGraph, GivesUpWhereFewAreAccepted) {
  const HandSegment segment(Metric::kL2, 8, RandomPoints(5'000, 8, 23));
  const auto query = RandomPoints(1, 8, 24).front();
  const Accepting tenth([](uint32_t node) { return node % 10 == 1; });
  GraphStats stats;
  EXPECT_EQ(Search(segment.view(), query, 20, &tenth, &stats, 0, 0.1).size(), 20u);
  EXPECT_FALSE(stats.gave_up);
  Search(segment.view(), query, 20, &tenth, &stats, 0, 0.9);
  EXPECT_TRUE(stats.gave_up);
  const Accepting none([](uint32_t) { return false; });
  GraphStats whole;
  EXPECT_TRUE(Search(segment.view(), query, 20, &none, &whole, 0, 0.3).empty());
  EXPECT_TRUE(whole.gave_up);
}

TEST(SearchGraph, EmptySegmentAndBadArguments) {
  SegmentView empty;
  empty.engine = Engine::kHnsw;
  const CallContext context;
  const auto query = *PreparedQuery::Create(Metric::kL2, 2, std::vector<float>(2));
  EXPECT_TRUE(SearchGraph(empty, {&query, 5}, context, nullptr)->empty());
  const HandSegment segment(Metric::kL2, 2, Grid());
  EXPECT_EQ(SearchGraph(segment.view(), {&query, 0}, context, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  SegmentView flat = segment.view();
  flat.engine = Engine::kFlat;
  EXPECT_EQ(SearchGraph(flat, {&query, 5}, context, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(SearchGraph, CancellationStopsIt) {
  const HandSegment segment(Metric::kL2, 8, RandomPoints(5000, 8, 11));
  const auto query = *PreparedQuery::Create(Metric::kL2, 8, std::vector<float>(8));
  CallContext cancelled;
  cancelled.Cancel();
  EXPECT_EQ(SearchGraph(segment.view(), {&query, 10}, cancelled, nullptr).status().code(),
            absl::StatusCode::kCancelled);
  // Cancelled on the way: the third check, some hundred hops after the second.
  int checks = 0;
  const CallContext later(CallContext::TimePoint::max(), [&] { return ++checks == 3; });
  GraphStats stats;
  EXPECT_EQ(SearchGraph(segment.view(), {&query, 5000}, later, &stats).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_GT(stats.hops, 0u);
  EXPECT_LT(stats.hops, 1000u);
}

TEST(SearchGraph, ThreadsDoNotDisturbEachOther) {
  const HandSegment large(Metric::kL2, 8, RandomPoints(1000, 8, 12));
  const HandSegment small(Metric::kL2, 8, RandomPoints(10, 8, 13));
  const auto query = RandomPoints(1, 8, 14).front();
  const auto expected_large = Search(large.view(), query, 40);
  const auto expected_small = Search(small.view(), query, 40);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        EXPECT_EQ(Search(large.view(), query, 40), expected_large);
        EXPECT_EQ(Search(small.view(), query, 40), expected_small);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ordinate
