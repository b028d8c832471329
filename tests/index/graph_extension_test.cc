// A graph that grows from another: nodes left out, nodes added.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "tests/index/graph_fixtures.h"

namespace ordinate {
namespace {

constexpr uint32_t kDim = 32;

/// Extends `base`, where a graph is to be built.
class Extender final : public GraphBuilder {
 public:
  explicit Extender(GraphBase base) : base_(base) {}
  absl::StatusOr<Graph> Build(const GraphParams& params, std::span<const float> vectors,
                              const CallContext& context,
                              const BuildProgress& progress) const override {
    return builder_->Extend(params, vectors, base_, context, progress);
  }

 private:
  const GraphBase base_;
  const std::unique_ptr<GraphBuilder> builder_ = *MakeGraphBuilder();
};

AlignedFloats Chosen(const AlignedFloats& all, const std::vector<uint32_t>& nodes) {
  const size_t stride = StrideOf(kDim);
  AlignedFloats chosen(nodes.size() * stride);
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::copy_n(all.data() + nodes[i] * stride, stride, chosen.data() + i * stride);
  }
  return chosen;
}

// Of `old_nodes`, `kept` stay at random, and `added` come.
void ExpectRecallOfAFreshGraph(Metric metric, uint32_t clusters, uint32_t old_nodes, uint32_t kept,
                               uint32_t added) {
  SCOPED_TRACE(testing::Message() << "metric " << int(metric) << ", clusters " << clusters
                                  << ", kept " << kept << ", added " << added);
  const AlignedFloats all = MakeVectors(old_nodes + added, kDim, clusters, 11);
  std::vector<uint32_t> nodes(old_nodes);
  for (uint32_t i = 0; i < old_nodes; ++i) nodes[i] = i;
  const Built old(metric, kDim, Chosen(all, nodes));
  std::mt19937 random(3);
  std::shuffle(nodes.begin(), nodes.end(), random);
  nodes.resize(kept);
  std::sort(nodes.begin(), nodes.end());
  const std::vector<uint32_t> stay = nodes;
  for (uint32_t i = 0; i < added; ++i) nodes.push_back(old_nodes + i);
  const Extender extender({old.graph.view(), stay});
  const Built extended(metric, kDim, Chosen(all, nodes), 1, extender);
  const Built fresh(metric, kDim, Chosen(all, nodes));
  for (const uint32_t ef : {32u, 64u}) {
    // The worst seen is IP, mended and grown, at ef 32: 0.011 less. Others are within 0.01.
    const double most = metric == Metric::kIp && ef == 32 ? 0.015 : 0.01;
    EXPECT_GE(Recall(extended, ef), Recall(fresh, ef) - most) << "ef " << ef;
  }
}

TEST(GraphExtension, FindsWhatAFreshGraphFinds) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const uint32_t clusters : {0u, 50u}) {
      ExpectRecallOfAFreshGraph(metric, clusters, 3'000, 3'000, 1'500);  // grown
      ExpectRecallOfAFreshGraph(metric, clusters, 4'000, 2'000, 0);      // half is gone
      ExpectRecallOfAFreshGraph(metric, clusters, 4'000, 3'700, 500);    // mended and grown
      ExpectRecallOfAFreshGraph(metric, clusters, 4'000, 2'800, 0);      // the most that is mended
    }
  }
}

TEST(GraphExtension, OfASmallBaseAndOfOneThatIsMostlyGone) {
  ExpectRecallOfAFreshGraph(Metric::kL2, 0, 20, 20, 2'000);  // new nodes are above its levels
  ExpectRecallOfAFreshGraph(Metric::kL2, 0, 2'000, 100, 500);
  ExpectRecallOfAFreshGraph(Metric::kL2, 0, 1, 1, 300);
}

// What is around a node goes: the neighbours of most that lose links go with them.
TEST(GraphExtension, AroundAHoleFindsWhatAFreshGraphFinds) {
  constexpr uint32_t kNodes = 4'000, kGone = 1'000;
  const AlignedFloats all = MakeVectors(kNodes, kDim, 0, 11);
  const Built old(Metric::kL2, kDim, AlignedFloats(all));
  const std::set<uint32_t> gone = old.BruteForce(old.Row(17), kGone, 1);
  std::vector<uint32_t> stay;
  for (uint32_t i = 0; i < kNodes; ++i) {
    if (!gone.contains(i)) stay.push_back(i);
  }
  const Extender extender({old.graph.view(), stay});
  const Built extended(Metric::kL2, kDim, Chosen(all, stay), 1, extender);
  const Built fresh(Metric::kL2, kDim, Chosen(all, stay));
  for (const uint32_t ef : {32u, 64u}) {
    EXPECT_GE(Recall(extended, ef), Recall(fresh, ef) - 0.015) << "ef " << ef;  // 0.012 seen
  }
}

}  // namespace
}  // namespace ordinate
