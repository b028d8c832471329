// What a graph search is guided by, codes or vectors of any length, never shows in the answer.
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

#ifdef ORDINATE_SANITIZER
constexpr int64_t kRows = 2'000;
constexpr int kQuestions = 10;
#else
constexpr int64_t kRows = 6'000;
constexpr int kQuestions = 50;
#endif
constexpr uint32_t kDim = 24;
constexpr uint64_t kSeed = 20'261'125;

class GraphScale : public ::testing::TestWithParam<Metric> {
 protected:
  GraphScale() : node_({.shards = 1, .threads = 2}) {}

  Vector RandomVector(float scale) {
    Vector vector(kDim);
    for (float& x : vector) x = normal_(random_) * scale;
    return vector;
  }

  void Load(float scale, Quantization quantization) {
    for (int64_t id = 1; id <= kRows; ++id) {
      rows_.push_back({static_cast<RowId>(id), {id, Value("g"), id % 7, 0.5, RandomVector(scale)}});
    }
    table_ = *node_.front().CreateTable(ParityTable(kDim));
    LoadRows(node_.front(), "items", rows_);
    IndexDef index;
    index.name = "hnsw";
    index.engine = Engine::kHnsw;
    index.metric = GetParam();
    index.quantization = quantization;
    const auto created = node_.front().CreateIndex("items", "v", index);
    ASSERT_TRUE(created.ok()) << created.status();
    ASSERT_EQ(node_.WaitForIndex("hnsw").total.state, IndexState::kReady);
  }

  QueryRequest Nearest(float scale) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = RandomVector(scale);
    request.metric = GetParam();
    request.order_by = {{"price", false, false}};
    request.limit = 10;
    return request;
  }

  // Mean recall@10 of answers by the ANN path, whose scores are exact to the bit.
  double Recall(float scale) {
    const OrderOracle oracle(table_, rows_);
    size_t found = 0;
    for (int i = 0; i < kQuestions; ++i) {
      const QueryRequest request = Nearest(scale);
      const QueryResult result = AskFor(node_.front(), request);
      EXPECT_EQ(result.plan.path, Path::kAnn) << PlanText(result.plan);
      std::set<std::pair<RowId, double>> expected;
      for (const OracleAnswer& row : oracle.Answer(request)) expected.emplace(row.id, *row.score);
      for (const RankedRow& row : result.ranked) found += expected.count({row.id, *row.score});
    }
    return static_cast<double>(found) / (10.0 * kQuestions);
  }

  std::mt19937_64 random_{kSeed};
  std::normal_distribution<float> normal_;
  Node node_;
  TableDef table_;
  std::vector<OracleRow> rows_;
};

// contract 1.3, 2.3
TEST_P(GraphScale, CodesGuideTheSearchAndVectorsScoreTheAnswer) {
  Load(1, Quantization::kSq8);
  EXPECT_GE(Recall(1), 0.95) << "seed " << kSeed;
}

// Squares of such lengths are infinite, or zero, in f32.
TEST_P(GraphScale, VectorsBeyondWhatTheGraphCanTellApart) {
  for (const Quantization quantization : {Quantization::kNone, Quantization::kSq8}) {
    for (const float scale : {1e20f, 1e-25f}) {
      node_.front().DropTable("items").IgnoreError();
      rows_.clear();
      Load(scale, quantization);
      EXPECT_GE(Recall(scale), 0.95) << "scale " << scale << " seed " << kSeed;
    }
  }
}

TEST_P(GraphScale, QueriesBeyondWhatTheGraphCanTellApart) {
  Load(1, Quantization::kNone);
  EXPECT_GE(Recall(1e25f), 0.95) << "seed " << kSeed;
  // In range of f32, yet as far from one row as from the next under L2.
  EXPECT_GE(Recall(1e9f), GetParam() == Metric::kL2 ? 0.95 : 0.5) << "seed " << kSeed;
}

INSTANTIATE_TEST_SUITE_P(Metrics, GraphScale,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kIp),
                         [](const auto& test) { return std::string(MetricName(test.param)); });

#endif  // ORDINATE_WITH_HNSW

}  // namespace
}  // namespace ordinate
