#include "engine/index/build_matrix.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

namespace ordinate {
namespace {

// Rows (3, 4) and (1, 0), padded.
AlignedFloats TwoRows() {
  AlignedFloats rows(32);
  rows[0] = 3;
  rows[1] = 4;
  rows[16] = 1;
  return rows;
}

BuildMatrix Make(Metric metric, std::span<const float> rows) {
  return *BuildMatrix::Create(metric, 16, rows, CallContext());
}

std::vector<float> Distances(const BuildMatrix& matrix, std::vector<uint32_t> nodes) {
  std::vector<float> distances(nodes.size());
  matrix.Distances(matrix.row(0), nodes, distances.data());
  return distances;
}

TEST(BuildMatrix, L2BorrowsTheVectors) {
  const AlignedFloats rows = TwoRows();
  const BuildMatrix matrix = Make(Metric::kL2, rows);
  EXPECT_EQ(matrix.nodes(), 2u);
  EXPECT_EQ(matrix.row(1), rows.data() + 16);
  EXPECT_EQ(Distances(matrix, {0, 1}), (std::vector<float>{0, 20}));
}

TEST(BuildMatrix, CosineDividesByTheLength) {
  const BuildMatrix matrix = Make(Metric::kCosine, TwoRows());
  EXPECT_FLOAT_EQ(matrix.row(0)[0], 0.6f);
  EXPECT_FLOAT_EQ(matrix.row(0)[1], 0.8f);
  EXPECT_FLOAT_EQ(matrix.row(1)[0], 1);
  EXPECT_FLOAT_EQ(Distances(matrix, {1})[0], 0.4f * 0.4f + 0.8f * 0.8f);
}

TEST(BuildMatrix, IpTakesProducts) {
  const AlignedFloats rows = TwoRows();
  const BuildMatrix matrix = Make(Metric::kIp, rows);
  EXPECT_EQ(matrix.row(1), rows.data() + 16);
  EXPECT_EQ(Distances(matrix, {1, 0, 1}), (std::vector<float>{-3, -25, -3}));
}

TEST(BuildMatrix, LengthsDifferWhereATenthIsMuchLonger) {
  AlignedFloats rows(100 * 16);
  const auto set = [&](size_t first, size_t last, float length) {
    for (size_t i = first; i < last; ++i) rows[i * 16 + i % 16] = length;
  };
  set(0, 100, 1);
  EXPECT_FALSE(Make(Metric::kIp, rows).lengths_differ());
  set(0, 5, 50);  // a few
  EXPECT_FALSE(Make(Metric::kIp, rows).lengths_differ());
  set(0, 20, 1.4f);
  EXPECT_FALSE(Make(Metric::kIp, rows).lengths_differ());
  set(0, 20, 1.6f);
  EXPECT_TRUE(Make(Metric::kIp, rows).lengths_differ());
  EXPECT_FALSE(Make(Metric::kL2, rows).lengths_differ());
}

TEST(BuildMatrix, StopsWhenCancelled) {
  const AlignedFloats rows(20'000 * 16, 1.0f);
  for (const Metric metric : {Metric::kCosine, Metric::kIp}) {
    int checks = 0;
    const CallContext context(CallContext::TimePoint::max(), [&] { return ++checks == 4; });
    EXPECT_EQ(BuildMatrix::Create(metric, 16, rows, context).status().code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ(checks, 4);
  }
}

}  // namespace
}  // namespace ordinate
