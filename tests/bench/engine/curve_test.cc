#include "tests/bench/engine/curve.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ordinate::bench {
namespace {

TEST(FrontierTest, LeavesOutWhatIsBeatenInBoth) {
  const auto kept = Frontier({{0.9, 100}, {0.8, 90}, {0.95, 50}, {0.95, 40}, {0.7, 200}});
  ASSERT_EQ(3u, kept.size());
  EXPECT_EQ(0.7, kept[0].recall);
  EXPECT_EQ(0.9, kept[1].recall);
  EXPECT_EQ(0.95, kept[2].recall);
  EXPECT_EQ(50, kept[2].qps);
}

TEST(FrontierTest, OfNothingIsNothing) { EXPECT_TRUE(Frontier({}).empty()); }

TEST(InterpolateQpsTest, IsLinearInTheLogarithm) {
  const std::vector<CurvePoint> points = {{0.99, 100}, {0.89, 10'000}};
  const auto middle = InterpolateQps(points, 0.94);
  ASSERT_TRUE(middle.has_value());
  EXPECT_NEAR(1'000, middle->qps, 1e-6);
  EXPECT_FALSE(middle->above);
}

TEST(InterpolateQpsTest, GivesAMeasuredPointItsOwnFigure) {
  const std::vector<CurvePoint> points = {{0.90, 300}, {0.95, 200}, {0.99, 100}};
  for (const CurvePoint& point : points) {
    const auto found = InterpolateQps(points, point.recall);
    ASSERT_TRUE(found.has_value());
    EXPECT_NEAR(point.qps, found->qps, 1e-9);
    EXPECT_FALSE(found->above);
  }
}

TEST(InterpolateQpsTest, SaysWhenTheCurveStartsAbove) {
  const auto found = InterpolateQps({{0.97, 300}, {0.99, 100}}, 0.95);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(300, found->qps);
  EXPECT_TRUE(found->above);
}

TEST(InterpolateQpsTest, FindsNothingBeyondTheBestRecall) {
  EXPECT_FALSE(InterpolateQps({{0.90, 300}, {0.98, 100}}, 0.99).has_value());
  EXPECT_FALSE(InterpolateQps({}, 0.5).has_value());
}

TEST(MeansTest, AreWhatTheyAreCalled) {
  EXPECT_NEAR(4, GeometricMean({2, 8}), 1e-12);
  EXPECT_EQ(0, GeometricMean({}));
  EXPECT_EQ(3, Median({9, 3, 1}));
  EXPECT_EQ(2.5, Median({4, 1, 2, 3}));
  EXPECT_EQ(0, Median({}));
}

}  // namespace
}  // namespace ordinate::bench
