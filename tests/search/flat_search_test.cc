#include "engine/search/flat_search.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/search/hand_segment.h"

namespace ordinate {
namespace {

TEST(ScoreNodesExactly, FillsTheRangeAskedFor) {
  const HandSegment segment(Metric::kCosine, 20, RandomPoints(1000, 20, 20));
  const auto query = RandomPoints(1, 20, 21).front();
  const ExactScorer scorer(Metric::kCosine, query);
  const CallContext context;
  std::vector<double> scores(501, -9);
  ASSERT_TRUE(ScoreNodesExactly(scorer, segment.view(), nullptr, 300, 800, context, scores).ok());
  for (uint32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(scores[i], scorer.Score(segment.view().vectors.data() + (300 + i) * 32));
  }
  EXPECT_EQ(scores[500], -9);
  std::vector<double> again(500);
  const VectorBlock block{segment.view().vectors.data(), 20, 32};
  ASSERT_TRUE(ScoreExactly(scorer, block, 300, 800, context, again).ok());
  scores.pop_back();
  EXPECT_EQ(again, scores);
}

TEST(ScoreNodesExactly, StopsWhenCancelled) {
  const HandSegment segment(Metric::kL2, 4, RandomPoints(2000, 4, 24));
  const std::vector<float> query(4);
  const ExactScorer scorer(Metric::kL2, query);
  int checks = 0;
  const CallContext context(CallContext::TimePoint::max(), [&] { return ++checks == 3; });
  std::vector<double> scores(2000, -1);
  EXPECT_EQ(ScoreNodesExactly(scorer, segment.view(), nullptr, 0, 2000, context, scores).code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(scores.back(), -1);
}

}  // namespace
}  // namespace ordinate
