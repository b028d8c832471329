#include "engine/search/batch_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "engine/search/query_tiles.h"
#include "tests/search/flat_rows.h"
#include "tests/search/point_kinds.h"

namespace ordinate {
namespace {

using Points = std::vector<std::vector<float>>;
constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kIp};

// Keeps all it is offered. Accepts the nodes whose number is not of the remainder.
class Collector final : public ScanTarget {
 public:
  Collector(uint32_t modulus, uint32_t remainder, std::optional<double> beyond)
      : modulus_(modulus), remainder_(remainder), beyond_(beyond) {}

  bool Accepts(uint32_t node) const override { return node % modulus_ != remainder_; }
  std::optional<double> FirstBeyond() const override { return beyond_; }
  void Offer(uint32_t node, double score) override {
    EXPECT_TRUE(Accepts(node)) << node;
    EXPECT_TRUE(offered.emplace(node, score).second) << node << " was offered twice";
  }

  std::map<uint32_t, double> offered;

 private:
  const uint32_t modulus_, remainder_;
  const std::optional<double> beyond_;
};

struct Case {
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  PointKind kind = PointKind::kPlain;
  uint32_t nodes = 0;
  size_t queries = 0, k = 0;
  Executor* executor = nullptr;
};

void ExpectOffered(const FlatRows& rows, const ExactScorer& scorer, size_t k,
                   const Collector& collector) {
  const bool descending = HigherIsBetter(rows.view().metric);
  std::vector<double> scores;
  for (uint32_t i = 0; i < rows.view().nodes; ++i) {
    if (collector.Accepts(i)) scores.push_back(scorer.Score(rows.row(i)));
  }
  std::sort(scores.begin(), scores.end());
  if (descending) std::reverse(scores.begin(), scores.end());
  double last = scores.empty() ? 0 : scores[std::min(k, scores.size()) - 1];
  const std::optional<double> beyond = collector.FirstBeyond();
  if (beyond.has_value() && (descending ? *beyond > last : *beyond < last)) last = *beyond;
  for (uint32_t i = 0; i < rows.view().nodes; ++i) {
    if (!collector.Accepts(i)) continue;
    const double score = scorer.Score(rows.row(i));
    const auto offered = collector.offered.find(i);
    const bool wanted = score != beyond && (descending ? score >= last : score <= last);
    if (offered == collector.offered.end()) {
      ASSERT_FALSE(wanted) << "node " << i << " is missing";
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint64_t>(offered->second), std::bit_cast<uint64_t>(score)) << i;
  }
}

uint64_t RunCase(const Case& c, std::mt19937& random) {
  const FlatRows rows(c.metric, c.dim, MakePoints(c.kind, c.dim, c.nodes, random));
  Points vectors = MakePoints(c.kind, c.dim, c.queries, random);
  // A row itself is asked for, too.
  if (c.nodes > 0 && random() % 2 == 0) vectors[0].assign(rows.row(0), rows.row(0) + c.dim);
  std::deque<ExactScorer> scorers;
  std::deque<Collector> collectors;
  std::vector<ScanQuery> queries;
  for (const std::vector<float>& vector : vectors) {
    EXPECT_TRUE(QueryTiles::Fits(rows.view(), vector));
    const ExactScorer& scorer = scorers.emplace_back(c.metric, vector);
    std::optional<double> beyond;
    if (c.nodes > 0 && random() % 4 == 0) beyond = scorer.Score(rows.row(random() % c.nodes));
    Collector& collector =
        collectors.emplace_back(2 + random() % 5, random() % 3 == 0 ? 1 : 99, beyond);
    queries.push_back({&scorer, c.k, &collector});
  }
  EXPECT_TRUE(ScanForMany(rows.view(), nullptr, queries, c.executor, CallContext()).ok());
  uint64_t rescored = 0;
  for (size_t q = 0; q < queries.size(); ++q) {
    SCOPED_TRACE(testing::Message() << "query " << q);
    ExpectOffered(rows, scorers[q], c.k, collectors[q]);
    EXPECT_EQ(queries[q].rescored, collectors[q].offered.size());
    rescored += queries[q].rescored;
  }
  return rescored;
}

TEST(ScanForMany, OffersTheBestOfAFewPoints) {
  const FlatRows rows(Metric::kL2, 2, {{0, 0}, {3, 4}, {1, 0}, {0, 1}, {6, 8}});
  const std::vector<float> origin = {0, 0}, far = {6, 8};
  const ExactScorer from_origin(Metric::kL2, origin), from_far(Metric::kL2, far);
  Collector near_origin(9, 0, std::nullopt), near_far(9, 99, std::nullopt);
  ScanQuery queries[] = {{&from_origin, 1, &near_origin}, {&from_far, 2, &near_far}};
  ASSERT_TRUE(ScanForMany(rows.view(), nullptr, queries, nullptr, CallContext()).ok());
  // Node 0 is not accepted, and the two next tie.
  EXPECT_EQ(near_origin.offered, (std::map<uint32_t, double>{{2, 1}, {3, 1}}));
  EXPECT_EQ(near_far.offered, (std::map<uint32_t, double>{{4, 0}, {1, 5}}));
}

TEST(ScanForMany, OffersWhatABruteForceScanFinds) {
  const uint32_t seed = 47;
  std::mt19937 random(seed);
  Executor executor(3);
  for (const Metric metric : kMetrics) {
    for (const PointKind kind : kPointKinds) {
      for (int i = 0; i < 12; ++i) {
        Case c{.metric = metric, .kind = kind};
        const uint32_t dims[] = {1, 2, 15, 16, 17, 64, 65, 130};
        c.dim = dims[random() % std::size(dims)];
        c.nodes = i < 4 ? random() % 30 : 1 + random() % 4'000;
        c.queries = 1 + random() % 70;
        c.k = 1 + random() % (i % 2 == 0 ? 10 : 200);
        c.executor = random() % 2 == 0 ? &executor : nullptr;
        SCOPED_TRACE(testing::Message()
                     << MetricName(metric) << " dim " << c.dim << " kind " << static_cast<int>(kind)
                     << " nodes " << c.nodes << " queries " << c.queries << " k " << c.k
                     << (c.executor == nullptr ? " alone" : " parallel") << " seed " << seed);
        ASSERT_NO_FATAL_FAILURE(RunCase(c, random));
      }
    }
  }
}

TEST(ScanForMany, TakesMoreQueriesThanAPass) {
  std::mt19937 random(48);
  Executor executor(2);
  RunCase({.dim = 20, .nodes = 700, .queries = 300, .k = 5, .executor = &executor}, random);
}

TEST(ScanForMany, ScoresFewOrdinaryVectorsExactly) {
  std::mt19937 random(49);
  for (const Metric metric : kMetrics) {
    const uint64_t rescored =
        RunCase({.metric = metric, .dim = 64, .nodes = 4'000, .queries = 20, .k = 10}, random);
    EXPECT_LT(rescored, 20 * 40u) << MetricName(metric);
  }
}

TEST(ScanForMany, StopsWhenCancelled) {
  std::mt19937 random(50);
  Executor executor(2);
  const FlatRows rows(Metric::kL2, 8, MakePoints(PointKind::kPlain, 8, 9'000, random));
  const std::vector<float> vector(8);
  const ExactScorer scorer(Metric::kL2, vector);
  for (Executor* const over : {static_cast<Executor*>(nullptr), &executor}) {
    Collector collector(2, 99, std::nullopt);
    ScanQuery queries[] = {{&scorer, 3, &collector}};
    std::atomic<int> checks{0};
    const CallContext context(CallContext::TimePoint::max(), [&] { return ++checks >= 7; });
    EXPECT_EQ(ScanForMany(rows.view(), nullptr, queries, over, context).code(),
              absl::StatusCode::kCancelled);
    EXPECT_LT(checks, 30);
    EXPECT_TRUE(collector.offered.empty());
  }
}

}  // namespace
}  // namespace ordinate
