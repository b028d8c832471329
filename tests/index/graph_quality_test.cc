// Graphs of our own insertion beside those of FAISS's, over the same vectors and levels.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ordinate
