#include "tests/bench/engine/generators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/bench/engine/plan.h"

namespace ordinate::bench {
namespace {

double Distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a[i]} - b[i], 2);
  return std::sqrt(sum);
}

// The distance of a query to its nearest row over that to the average row, averaged.
double Contrast(const DataSet& set) {
  double sum = 0;
  for (uint32_t q = 0; q < set.query_count(); ++q) {
    double nearest = std::numeric_limits<double>::max(), all = 0;
    for (uint32_t row = 0; row < set.rows(); ++row) {
      const double distance = Distance(set.query(q), set.row(row));
      nearest = std::min(nearest, distance);
      all += distance;
    }
    sum += nearest / (all / set.rows());
  }
  return sum / set.query_count();
}

TEST(NormalFloatsTest, AreNormalAndTheSameForASeed) {
  constexpr int kCount = 100'000;
  NormalFloats normal(7), again(7), other(8);
  double sum = 0, squares = 0;
  int within_one = 0, same_as_other = 0;
  for (int i = 0; i < kCount; ++i) {
    const float x = normal.Next();
    ASSERT_EQ(x, again.Next());
    same_as_other += x == other.Next();
    sum += x;
    squares += double{x} * x;
    within_one += std::abs(x) < 1;
  }
  EXPECT_LT(same_as_other, 10);
  EXPECT_NEAR(0, sum / kCount, 0.02);
  EXPECT_NEAR(1, squares / kCount, 0.02);
  EXPECT_NEAR(0.6827, double{1} * within_one / kCount, 0.01);
}

TEST(GeneratorsTest, MakeWhatWasAskedFor) {
  for (const DataSet& set :
       {MakeClustered({300, 20, 24, /*seed=*/3}), MakeGaussian({300, 20, 24, /*seed=*/3})}) {
    EXPECT_EQ(300u, set.rows()) << set.name;
    EXPECT_EQ(20u, set.query_count()) << set.name;
    EXPECT_EQ(24u, set.dim) << set.name;
    EXPECT_TRUE(std::ranges::all_of(set.base, [](float x) { return std::isfinite(x); }));
  }
}

TEST(GeneratorsTest, DependOnTheSeedAlone) {
  const GeneratorOptions options{50, 5, 8, /*seed=*/9};
  EXPECT_EQ(MakeClustered(options).base, MakeClustered(options).base);
  EXPECT_EQ(MakeClustered(options).queries, MakeClustered(options).queries);
  EXPECT_NE(MakeClustered(options).base, MakeClustered({50, 5, 8, /*seed=*/10}).base);
  EXPECT_NE(MakeClustered(options).origin, MakeClustered({50, 5, 8, /*seed=*/10}).origin);
}

TEST(GeneratorsTest, ClusteredHasNearNeighboursAndGaussianHasNone) {
  EXPECT_LT(Contrast(MakeClustered({2'000, 20, 96, /*seed=*/1})), 0.6);
  EXPECT_GT(Contrast(MakeGaussian({2'000, 20, 96, /*seed=*/1})), 0.7);
}

TEST(PlanTest, ReadsGeneratedSets) {
  const auto spec = ParseGenerated("gaussian:5000x32:k100");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(DataSpec::Kind::kGaussian, spec->kind);
  EXPECT_EQ(5'000u, spec->rows);
  EXPECT_EQ(32u, spec->dim);
  EXPECT_EQ(100u, spec->k);
  for (const char* text : {"", "clustered", "other:10x2", "clustered:10", "clustered:0x2",
                           "clustered:10x2:100", "clustered:10x2:k0", "clustered:10x2:k1:1"}) {
    EXPECT_FALSE(ParseGenerated(text).ok()) << text;
  }
}

TEST(PlanTest, KnowsItsPresets) {
  const FileSpec packages{.name = "packages", .path = "rows.jsonl"};
  EXPECT_EQ(1u, PresetSets("quick", &packages)->size());
  EXPECT_EQ(PresetSets("default", nullptr)->size() + 1, PresetSets("default", &packages)->size());
  EXPECT_GT(PresetSets("full", nullptr)->size(), PresetSets("default", nullptr)->size());
  EXPECT_FALSE(PresetSets("huge", nullptr).ok());
}

TEST(ShortCountTest, WritesThousandsAndMillions) {
  EXPECT_EQ("1M", ShortCount(1'000'000));
  EXPECT_EQ("100k", ShortCount(100'000));
  EXPECT_EQ("12345", ShortCount(12'345));
}

}  // namespace
}  // namespace ordinate::bench
