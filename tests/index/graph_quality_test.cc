// Graphs of our own insertion beside those of FAISS's, over the same vectors and levels.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/index/faiss_graph_builder.h"
#include "tests/index/graph_fixtures.h"

namespace ordinate {
namespace {

constexpr uint32_t kThreads = 2;
#ifdef ORDINATE_SANITIZER
constexpr uint32_t kNodes = 1500;
#else
constexpr uint32_t kNodes = 4000;
#endif

TEST(GraphQuality, RecallAtEqualEfIsThatOfTheReference) {
  const auto reference = MakeFaissGraphBuilder();
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const uint32_t clusters : {0u, 40u}) {
      const AlignedFloats vectors = MakeVectors(kNodes, 24, clusters, 11);
      const Built ours(metric, 24, vectors, kThreads);
      const Built theirs(metric, 24, vectors, kThreads, *reference);
      for (const uint32_t ef : {16u, 48u}) {
        SCOPED_TRACE(testing::Message()
                     << "metric " << int(metric) << " clusters " << clusters << " ef " << ef);
        EXPECT_GE(Recall(ours, ef), Recall(theirs, ef) - 0.02);
      }
    }
  }
}

// Under IP the best are mostly long vectors, which lists must lead to and still have room beside.
TEST(GraphQuality, RecallUnderIpWhereLengthsDiffer) {
  const uint32_t seed = 12;
  for (const uint32_t clusters : {0u, 20u}) {
    AlignedFloats vectors = MakeVectors(kNodes, 32, clusters, seed);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (uint32_t node = 0; node < kNodes; ++node) {
      const float length = std::exp(0.7f * normal(random));
      for (uint32_t i = 0; i < 32; ++i) vectors[size_t{node} * 32 + i] *= length;
    }
    const Built built(Metric::kIp, 32, vectors);
    SCOPED_TRACE(testing::Message() << "clusters " << clusters << " seed " << seed);
    EXPECT_GE(Recall(built, 64), 0.97);
    EXPECT_GE(Recall(built, 128), 0.99);
  }
}

}  // namespace
}  // namespace ordinate
