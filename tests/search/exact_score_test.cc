#include "engine/search/exact_score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace ordinate {
namespace {

// contract 2.1, 2.3
TEST(ExactScorer, ByHand) {
  const std::vector<float> query = {3, 4};
  const float same_direction[] = {6, 8}, opposite[] = {-3, -4}, right_angle[] = {-4, 3};
  const float origin[] = {0, 0};
  const ExactScorer l2(Metric::kL2, query), cosine(Metric::kCosine, query), ip(Metric::kIp, query);
  EXPECT_EQ(l2.Score(origin), 5);
  EXPECT_EQ(l2.Score(opposite), 10);
  EXPECT_EQ(cosine.Score(same_direction), 1);
  EXPECT_EQ(cosine.Score(opposite), -1);
  EXPECT_EQ(cosine.Score(right_angle), 0);
  EXPECT_EQ(cosine.Score(origin), 0);
  EXPECT_EQ(ip.Score(same_direction), 50);
  EXPECT_EQ(ip.Score(right_angle), 0);
}

TEST(ExactScorer, ZeroQueryUnderCosineIsZero) {
  const std::vector<float> zero = {0, 0};
  const float x[] = {1, 2};
  EXPECT_EQ(ExactScorer(Metric::kCosine, zero).Score(x), 0);
}

TEST(ExactScorer, CosineStaysWithinItsRangeAndFinite) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const float scale : {1.0f, 1e-44f, 1e38f}) {
    for (int round = 0; round < 200; ++round) {
      std::vector<float> query(33), x(33);
      for (size_t i = 0; i < query.size(); ++i) {
        query[i] = std::max(-3.0f, std::min(3.0f, normal(random))) * scale;
        x[i] = round % 2 ? query[i] : -query[i];
      }
      const double score = ExactScorer(Metric::kCosine, query).Score(x.data());
      EXPECT_LE(std::abs(score), 1);
      EXPECT_NEAR(score, round % 2 ? 1 : -1, 1e-12) << "scale " << scale;
    }
  }
}

}  // namespace
}  // namespace ordinate
