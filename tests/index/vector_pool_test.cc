#include "engine/index/vector_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

namespace ordinate {
namespace {

TEST(VectorPool, KeepsEachVectorOnceByBits) {
  VectorPool pool(2);
  EXPECT_EQ(pool.Add(std::vector<float>{1, 2}), 0u);
  EXPECT_EQ(pool.Add(std::vector<float>{1, 3}), 1u);
  EXPECT_EQ(pool.Add(std::vector<float>{1, 2}), 0u);
  EXPECT_EQ(pool.Add(std::vector<float>{0.0f, 0}), 2u);
  EXPECT_EQ(pool.Add(std::vector<float>{-0.0f, 0}), 3u);
  EXPECT_EQ(pool.size(), 4u);
}

TEST(VectorPool, GivesTheVectorsInTheOrderAskedForPaddedAndAligned) {
  VectorPool pool(17);
  std::vector<std::vector<float>> vectors;
  for (float i = 0; i < 100; ++i) {
    vectors.emplace_back(17, i);
    pool.Add(vectors.back());
  }
  std::vector<uint32_t> backwards;
  for (uint32_t i = 100; i > 0; --i) backwards.push_back(i - 1);
  const AlignedFloats rows = pool.Take(backwards);
  ASSERT_EQ(rows.size(), 3200u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.data()) % 64, 0u);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(rows[i * 32], static_cast<float>(99 - i));
    EXPECT_EQ(rows[i * 32 + 16], static_cast<float>(99 - i));
    EXPECT_EQ(rows[i * 32 + 17], 0);
    EXPECT_EQ(rows[i * 32 + 31], 0);
  }
}

}  // namespace
}  // namespace ordinate
