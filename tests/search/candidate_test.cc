#include "engine/search/candidate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "engine/search/kernels.h"
#include "engine/search/visited_set.h"

namespace ordinate {
namespace {

TEST(Candidate, OrdersByDistanceThenNode) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<Candidate> ascending = {
      {-kInfinity, 7}, {-2.5f, 0},
      {-1e-45f, 9},    {-0.0f, 1},
      {0.0f, 2},       {1e-45f, 0},
      {1.0f, 3},       {1.0f, 4},
      {kInfinity, 0},  {std::numeric_limits<float>::quiet_NaN(), 0}};
  for (size_t i = 0; i + 1 < ascending.size(); ++i) {
    EXPECT_TRUE(ascending[i] < ascending[i + 1]) << i;
    EXPECT_FALSE(ascending[i + 1] < ascending[i]) << i;
  }
  EXPECT_EQ(ascending[1].distance(), -2.5f);
  EXPECT_EQ(ascending[6].distance(), 1.0f);
  EXPECT_EQ(ascending[6].node(), 3u);
  EXPECT_EQ(Candidate(0, 0x7fffffff).node(), 0x7fffffffu);
}

TEST(CandidatePool, KeepsTheNearestSortedAndExpandsThemInOrder) {
  CandidatePool pool;
  pool.Reset(3);
  for (const Candidate candidate :
       {Candidate(5, 1), Candidate(3, 2), Candidate(4, 3), Candidate(9, 4), Candidate(1, 5)}) {
    pool.Insert(candidate);
  }
  ASSERT_EQ(pool.size(), 3u);
  EXPECT_EQ(pool[0].node(), 5u);
  EXPECT_EQ(pool[2].node(), 3u);
  EXPECT_EQ(pool.Expand(pool.Next()).node(), 5u);
  EXPECT_EQ(pool.Next(), 1u);
  pool.Insert(Candidate(0.5f, 6));  // nearer than all: next again
  EXPECT_EQ(pool.Expand(pool.Next()).node(), 6u);
  EXPECT_EQ(pool.Expand(pool.Next()).node(), 2u);
  EXPECT_EQ(pool.Next(), pool.size());
}

TEST(CandidatePool, HoldsWhatASortWouldKeepOnEveryIsa) {
  std::mt19937 random(5);
  for (const Kernels* kernels : AvailableKernels()) {
    SCOPED_TRACE(kernels->name);
    CandidatePool pool(*kernels);
    for (const size_t capacity : {1, 2, 7, 8, 9, 17, 64, 65, 400, 3, 512}) {
      SCOPED_TRACE(capacity);
      // Few distances, many, none that is a number; falling, so that each is inserted in front.
      for (const int kind : {0, 1, 2, 3}) {
        std::vector<Candidate> all;
        pool.Reset(capacity);
        for (uint32_t node = 0; node < 600; ++node) {
          const auto distance = static_cast<float>(random() % (kind == 0 ? 50 : 1'000'000));
          all.emplace_back(kind == 2   ? std::numeric_limits<float>::quiet_NaN()
                           : kind == 3 ? static_cast<float>(-1.0 * node)
                                       : distance,
                           node * 3'000'000);
          pool.Insert(all.back());
        }
        std::sort(all.begin(), all.end());
        ASSERT_EQ(pool.size(), std::min<size_t>(capacity, 600));
        for (size_t i = 0; i < pool.size(); ++i) EXPECT_EQ(pool[i].key(), all[i].key()) << i;
      }
    }
  }
}

TEST(VisitedSet, ForgetsOnResetHoweverOften) {
  VisitedSet visited;
  for (int round = 0; round < 600; ++round) {
    visited.Reset(round < 300 ? 4 : 8);
    EXPECT_TRUE(visited.Insert(3)) << round;
    EXPECT_FALSE(visited.Insert(3)) << round;
    if (round % 254 == 0) {
      EXPECT_TRUE(visited.Insert(1)) << round;
    }
  }
}

}  // namespace
}  // namespace ordinate
