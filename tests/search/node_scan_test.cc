#include "engine/search/node_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "tests/search/flat_rows.h"
#include "tests/search/point_kinds.h"

namespace ordinate {
namespace {

constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kIp};

bool IsBetter(Metric metric, double a, double b) { return HigherIsBetter(metric) ? a > b : a < b; }

/// What a scan in blocks gives, each node once, with the bits of its own score.
std::map<uint32_t, double> ScanAll(NodeScan& scan, const FlatRows& rows, const ExactScorer& scorer,
                                   std::optional<double> beyond, uint32_t block) {
  std::map<uint32_t, double> found;
  const CallContext context;
  for (uint32_t first = 0; first < rows.view().nodes; first += block) {
    const uint32_t last = std::min(rows.view().nodes, first + block);
    const auto nodes = scan.Score(first, last, beyond, context);
    EXPECT_TRUE(nodes.ok()) << nodes.status();
    uint32_t least = first;
    for (const auto& [node, score] : *nodes) {
      EXPECT_TRUE(node >= least && node < last) << node << " of " << first << " to " << last;
      least = node + 1;
      EXPECT_EQ(std::bit_cast<uint64_t>(score),
                std::bit_cast<uint64_t>(scorer.Score(rows.row(node))))
          << node;
      found.emplace(node, score);
    }
  }
  return found;
}

TEST(NodeScan, LeavesOutWhatIsBeyond) {
  std::vector<std::vector<float>> points(90, {6, 8});
  points[4] = {3, 4};
  points[70] = {0, 1};
  const FlatRows rows(Metric::kL2, 2, points);
  const std::vector<float> origin = {0, 0};
  const ExactScorer scorer(Metric::kL2, origin);
  NodeScan scan(rows.view(), nullptr, scorer);
  EXPECT_EQ(ScanAll(scan, rows, scorer, 9, 100), (std::map<uint32_t, double>{{4, 5}, {70, 1}}));
  EXPECT_EQ(scan.estimated(), 90u);
  EXPECT_EQ(scan.scored(), 2u);
  // Without a score from which on nodes are of no use, all are given.
  EXPECT_EQ(ScanAll(scan, rows, scorer, std::nullopt, 100).size(), 90u);
  EXPECT_EQ(scan.estimated(), 90u);
  EXPECT_EQ(scan.scored(), 92u);
}

TEST(NodeScan, GivesAllThatIsBetterOnEveryIsa) {
  const uint32_t seed = 51;
  std::mt19937 random(seed);
  for (const Metric metric : kMetrics) {
    for (const PointKind kind : kPointKinds) {
      for (const uint32_t dim : {1u, 2u, 16u, 17u, 65u, 300u}) {
        const uint32_t nodes = 1 + random() % 700;
        const FlatRows rows(metric, dim, MakePoints(kind, dim, nodes, random));
        std::vector<float> query = MakePoint(kind, dim, random);
        if (random() % 2 == 0) query.assign(rows.row(0), rows.row(0) + dim);
        const ExactScorer scorer(metric, query);
        const double beyond = scorer.Score(rows.row(random() % nodes));
        for (const Kernels* kernels : AvailableKernels()) {
          SCOPED_TRACE(testing::Message()
                       << MetricName(metric) << " kind " << static_cast<int>(kind) << " dim " << dim
                       << " nodes " << nodes << " " << kernels->name << " seed " << seed);
          NodeScan scan(rows.view(), nullptr, scorer, *kernels);
          const auto found = ScanAll(scan, rows, scorer, beyond, 64);
          for (uint32_t node = 0; node < nodes; ++node) {
            if (!IsBetter(metric, scorer.Score(rows.row(node)), beyond)) continue;
            ASSERT_EQ(found.count(node), 1u) << node;
          }
        }
      }
    }
  }
}

TEST(NodeScan, ScoresFewOrdinaryVectorsExactly) {
  std::mt19937 random(52);
  for (const Metric metric : kMetrics) {
    const FlatRows rows(metric, 64, MakePoints(PointKind::kPlain, 64, 4'000, random));
    const std::vector<float> query = MakePoint(PointKind::kPlain, 64, random);
    const ExactScorer scorer(metric, query);
    std::vector<double> scores;
    for (uint32_t i = 0; i < 4'000; ++i) scores.push_back(scorer.Score(rows.row(i)));
    std::sort(scores.begin(), scores.end(),
              [&](double a, double b) { return IsBetter(metric, a, b); });
    NodeScan scan(rows.view(), nullptr, scorer);
    ScanAll(scan, rows, scorer, scores[10], 256);
    EXPECT_EQ(scan.estimated(), 4'000u) << MetricName(metric);
    EXPECT_LT(scan.scored(), 15u) << MetricName(metric);
  }
}

// An estimate in vain is followed by blocks without one, and then tried again.
TEST(NodeScan, DoesNotEstimateWhatItScoresAnyway) {
  std::mt19937 random(53);
  const FlatRows rows(Metric::kL2, 8, MakePoints(PointKind::kPlain, 8, 10'000, random));
  const std::vector<float> query(8);
  const ExactScorer scorer(Metric::kL2, query);
  NodeScan scan(rows.view(), nullptr, scorer);
  EXPECT_EQ(ScanAll(scan, rows, scorer, 1e9, 100).size(), 10'000u);
  EXPECT_EQ(scan.scored(), 10'000u);
  EXPECT_GT(scan.estimated(), 500u);
  EXPECT_LT(scan.estimated(), 2'000u);
}

TEST(NodeScan, TakesVectorsThatF32CannotSumUp) {
  for (const Metric metric : kMetrics) {
    const float huge = 3e38f, tiny = 1e-40f;
    const FlatRows rows(metric, 2, {{huge, huge}, {1, 2}, {tiny, -tiny}, {-huge, 1}});
    const std::vector<float> query = {huge, 1};
    const ExactScorer scorer(metric, query);
    NodeScan scan(rows.view(), nullptr, scorer);
    const double beyond = scorer.Score(rows.row(3));  // the worst
    EXPECT_GE(ScanAll(scan, rows, scorer, beyond, 4).size(), 3u) << MetricName(metric);
    EXPECT_EQ(scan.estimated(), 0u) << MetricName(metric);
  }
}

TEST(NodeScan, TakesAQueryOfAnotherMetric) {
  std::mt19937 random(54);
  const FlatRows rows(Metric::kL2, 5, MakePoints(PointKind::kPlain, 5, 300, random));
  const std::vector<float> query = MakePoint(PointKind::kPlain, 5, random);
  const ExactScorer scorer(Metric::kCosine, query);
  NodeScan scan(rows.view(), nullptr, scorer);
  EXPECT_EQ(ScanAll(scan, rows, scorer, 0.5, 100).size(), 300u);
}

TEST(NodeScan, StopsWhenCancelled) {
  std::mt19937 random(55);
  const FlatRows rows(Metric::kL2, 4, MakePoints(PointKind::kPlain, 4, 200, random));
  const std::vector<float> query(4);
  const ExactScorer scorer(Metric::kL2, query);
  NodeScan scan(rows.view(), nullptr, scorer);
  const CallContext context(CallContext::TimePoint::max(), [] { return true; });
  for (const std::optional<double> beyond : {std::optional<double>(), std::optional<double>(1)}) {
    EXPECT_EQ(scan.Score(0, 200, beyond, context).status().code(), absl::StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace ordinate
