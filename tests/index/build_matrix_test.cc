#include "engine/index/build_matrix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/search/kernels.h"

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

TEST(BuildMatrix, L2BorrowsTheVectors) {
  const AlignedFloats rows = TwoRows();
  const BuildMatrix matrix(Metric::kL2, 2, 16, rows);
  EXPECT_EQ(matrix.nodes(), 2u);
  EXPECT_EQ(matrix.row(1), rows.data() + 16);
}

TEST(BuildMatrix, CosineDividesByTheLength) {
  const BuildMatrix matrix(Metric::kCosine, 2, 16, TwoRows());
  EXPECT_FLOAT_EQ(matrix.row(0)[0], 0.6f);
  EXPECT_FLOAT_EQ(matrix.row(0)[1], 0.8f);
  EXPECT_FLOAT_EQ(matrix.row(1)[0], 1);
}

TEST(BuildMatrix, IpLevelsAllButTheLongestTenth) {
  AlignedFloats rows(21 * 16);
  for (size_t i = 0; i < 21; ++i) rows[i * 16] = static_cast<float>(i);  // lengths 0 to 20
  const BuildMatrix matrix(Metric::kIp, 1, 16, rows);
  EXPECT_EQ(matrix.row(0)[1], 18);
  EXPECT_FLOAT_EQ(matrix.row(17)[1], std::sqrt(18.0f * 18 - 17 * 17));
  EXPECT_EQ(matrix.row(18)[1], 0);
  EXPECT_EQ(matrix.row(20)[1], 0);
}

TEST(BuildMatrix, IpAddsACoordinate) {
  const BuildMatrix matrix(Metric::kIp, 2, 16, TwoRows());
  EXPECT_EQ(matrix.row(0)[2], 0);
  EXPECT_FLOAT_EQ(matrix.row(1)[2], std::sqrt(24.0f));
  AlignedFloats full(32, 1.0f);
  const BuildMatrix wider(Metric::kIp, 16, 16, full);  // the coordinate takes one more line
  EXPECT_EQ(wider.stride(), 32u);
  EXPECT_EQ(wider.row(1)[15], 1);
  EXPECT_EQ(wider.row(1)[16], 0);
}

}  // namespace
}  // namespace ordinate
