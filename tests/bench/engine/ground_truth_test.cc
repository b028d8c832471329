#include "tests/bench/engine/ground_truth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/search/exact_score.h"
#include "tests/bench/engine/cache.h"
#include "tests/bench/engine/generators.h"
#include "tests/bench/engine/ordinate_contender.h"
#include "tests/support/temp_dir.h"

namespace ordinate::bench {
namespace {

DataSet Line(std::vector<float> base, std::vector<float> queries) {
  return {.name = "line",
          .origin = "line",
          .metric = Metric::kL2,
          .dim = 1,
          .base = std::move(base),
          .queries = std::move(queries)};
}

void Quiet(uint64_t, uint64_t) {}

TEST(GroundTruthTest, HoldsTheBestScores) {
  const DataSet set = Line({0, 1, 5, 2, 1}, {0.9f, 6});
  const auto truth = ScanForTruth(set, 3, /*threads=*/2, Quiet);
  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_NEAR(0.1, truth->Worst(0, 1), 1e-6);
  EXPECT_NEAR(0.1, truth->Worst(0, 2), 1e-6);
  EXPECT_NEAR(0.9, truth->Worst(0, 3), 1e-6);
  EXPECT_NEAR(1, truth->Worst(1, 1), 1e-6);
  EXPECT_NEAR(5, truth->Worst(1, 3), 1e-6);
}

TEST(RecallTest, CountsEqualRowsAndNoRowTwice) {
  const DataSet set = Line({0, 1, 5, 2, 1}, {0.9f});
  const auto truth = ScanForTruth(set, 2, 1, Quiet);
  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_EQ(1.0, Recall(set, *truth, 2, 0, std::vector<uint32_t>{4, 1}));
  EXPECT_EQ(0.5, Recall(set, *truth, 2, 0, std::vector<uint32_t>{1, 1}));
  EXPECT_EQ(0.5, Recall(set, *truth, 2, 0, std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(0.5, Recall(set, *truth, 2, 0, std::vector<uint32_t>{1, kNoRow}));
  EXPECT_EQ(1.0, Recall(set, *truth, 1, 0, std::vector<uint32_t>{4}));
}

TEST(GroundTruthTest, AgreesWithASortOfEverything) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    DataSet set = MakeClustered({1'500, 130, 20, /*seed=*/5});
    set.metric = metric;
    const auto truth = ScanForTruth(set, 10, 2, Quiet);
    ASSERT_TRUE(truth.ok()) << truth.status();
    for (const uint32_t query : {0u, 99u, 100u, 129u}) {
      const ExactScorer scorer(metric, set.query(query));
      std::vector<double> scores;
      for (uint32_t row = 0; row < set.rows(); ++row) {
        scores.push_back(scorer.Score(set.row(row).data()));
      }
      std::ranges::sort(scores);
      if (HigherIsBetter(metric)) std::ranges::reverse(scores);
      for (uint32_t k = 1; k <= 10; ++k) EXPECT_EQ(scores[k - 1], truth->Worst(query, k));
    }
  }
}

TEST(CacheTest, BuildsAndScansOnce) {
  const TempDir folder;
  const DataSet set = MakeClustered({400, 30, 8, /*seed=*/2});
  const auto contenders = OrdinateContenders("");
  Contender& flat = *contenders.back();
  ASSERT_FALSE(flat.is_graph());
  auto cache = Cache::Open(folder.path(), {});
  ASSERT_TRUE(cache.ok()) << cache.status();
  const auto truth = cache->Truth(set, 5, 1);
  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_EQ(truth->scores, cache->Truth(set, 5, 1)->scores);
  const auto built = cache->Index(flat, set, {});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_FALSE(built->from_cache);
  EXPECT_TRUE(cache->Index(flat, set, {})->from_cache);
  EXPECT_NE(built->path, cache->Index(flat, set, {.m = 8})->path);
  EXPECT_FALSE(Cache::Open(folder.path(), {"ordinate"})->Index(flat, set, {})->from_cache);
}

TEST(OrdinateContenderTest, ScansExactly) {
  const TempDir folder;
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    DataSet set = MakeClustered({700, 40, 20, /*seed=*/4});
    set.metric = metric;
    // Equal rows share a node.
    std::copy_n(set.base.begin(), set.dim, set.base.begin() + 5 * set.dim);
    auto cache = Cache::Open(folder.path(), {""});
    ASSERT_TRUE(cache.ok()) << cache.status();
    const auto contenders = OrdinateContenders("");
    Contender& flat = *contenders.back();
    const auto built = cache->Index(flat, set, {});
    ASSERT_TRUE(built.ok()) << built.status();
    ASSERT_TRUE(flat.Open(set, built->path).ok());
    std::vector<uint32_t> rows(size_t{set.query_count()} * 10);
    ASSERT_TRUE(flat.Search(set.queries, {.k = 10}, rows).ok());
    const auto truth = ScanForTruth(set, 10, 1, Quiet);
    EXPECT_EQ(1.0, Recall(set, *truth, 10, 0, rows)) << MetricName(metric);
    flat.Close();
  }
}

}  // namespace
}  // namespace ordinate::bench
