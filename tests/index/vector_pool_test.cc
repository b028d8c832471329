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

TEST(VectorPool, ReservesRoomForAsManyAsAreExpected) {
  VectorPool pool(17);
  pool.Reserve(100);
  pool.Add(std::vector<float>(17, 0.0f));
  const AlignedFloats rows = pool.Take();
  EXPECT_GE(rows.capacity(), 3200u);
  EXPECT_EQ(rows.size(), 32u);
}

TEST(VectorPool, GivesTheVectorsInTheirOrderPaddedAndAligned) {
  VectorPool pool(17);
  std::vector<std::vector<float>> vectors;
  for (float i = 0; i < 100; ++i) {
    vectors.emplace_back(17, i);
    pool.Add(vectors.back());
  }
  const AlignedFloats rows = pool.Take();
  ASSERT_EQ(rows.size(), 3200u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.data()) % 64, 0u);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(rows[i * 32], static_cast<float>(i));
    EXPECT_EQ(rows[i * 32 + 16], static_cast<float>(i));
    EXPECT_EQ(rows[i * 32 + 17], 0);
    EXPECT_EQ(rows[i * 32 + 31], 0);
  }
}

}  // namespace
}  // namespace ordinate
