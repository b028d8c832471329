// Candidates that cannot be part of the answer are not scored (contract 2.3, 2.4): it is
// the same answer, in every form of order.
#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

#ifdef ORDINATE_SANITIZER
constexpr int64_t kRows = 1'200;
constexpr int kQuestions = 3;
#else
constexpr int64_t kRows = 3'000;
constexpr int kQuestions = 15;
#endif
constexpr uint32_t kDim = 300;  // so many that the search reads first planes
constexpr uint64_t kSeed = 20'261'126;

struct Form {
  Metric metric;
  Quantization quantization;
};

class EarlyStop : public ::testing::TestWithParam<Form> {
 protected:
  EarlyStop() : node_({.shards = 2, .threads = 2}) {
    for (int64_t id = 1; id <= kRows; ++id) {
      Value vector = RandomVector();
      if (id % 40 == 0) vector = Value();
      if (id % 9 == 0 && id > 9) vector = rows_[static_cast<size_t>(id) - 5].cells[4];
      rows_.push_back({static_cast<RowId>(id), {id, Value("g"), id % 7, 0.5, std::move(vector)}});
    }
    table_ = *node_.front().CreateTable(ParityTable(kDim));
    LoadRows(node_.front(), "items", rows_);
    IndexDef index;
    index.name = "hnsw";
    index.metric = GetParam().metric;
    index.quantization = GetParam().quantization;
    index.m = 48;  // so that every node is reached
    EXPECT_TRUE(node_.front().CreateIndex("items", "v", index).ok());
    EXPECT_EQ(node_.WaitForIndex("hnsw").total.state, IndexState::kReady);
  }

  // Around ten centres, so that some rows are much nearer than others.
  Vector RandomVector() {
    if (centres_.empty()) {
      centres_.resize(10, Vector(kDim));
      for (Vector& centre : centres_) {
        for (float& x : centre) x = 2 * normal_(random_);
      }
    }
    Vector vector = centres_[random_() % centres_.size()];
    for (float& x : vector) x += normal_(random_);
    return vector;
  }

  // By the graph, which is asked for nearly all rows, so that none of the answer is missed.
  QueryRequest Nearest() {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = RandomVector();
    request.metric = GetParam().metric;
    request.order_by = {{"price", true, false}};
    request.limit = 10;
    request.path = Path::kAnn;
    request.preselect = kRows * 2 / 5;
    return request;
  }

  // The same as EXACT answers. How many candidates were not scored is added to `left`.
  void ExpectSame(QueryRequest request) {
    const QueryResult ann = AskFor(node_.front(), request);
    by_graph_ += ann.plan.path == Path::kAnn;  // EXACT where ties did not close
    if (!request.filter.has_value()) {
      left_ += ann.stats.candidates - std::min(ann.stats.candidates, ann.stats.rescored);
    }
    request.path = Path::kExact;
    request.preselect = 0;
    const QueryResult exact = AskFor(node_.front(), request);
    ASSERT_EQ(ann.ranked.size(), exact.ranked.size());
    for (size_t i = 0; i < exact.ranked.size(); ++i) {
      EXPECT_EQ(ann.ranked[i].id, exact.ranked[i].id) << "row " << i;
      EXPECT_EQ(ann.ranked[i].score, exact.ranked[i].score) << "row " << i;
    }
  }

  std::mt19937_64 random_{kSeed};
  std::normal_distribution<float> normal_;
  std::vector<Vector> centres_;
  Node node_;
  TableDef table_;
  std::vector<OracleRow> rows_;
  uint64_t left_ = 0;
  int by_graph_ = 0;
};

TEST_P(EarlyStop, AnswersAreTheSame) {
  for (int i = 0; i < kQuestions; ++i) {
    SCOPED_TRACE(testing::Message() << "question " << i << " seed " << kSeed);
    QueryRequest request = Nearest();
    ExpectSame(request);
    request.offset = 7;
    ExpectSame(request);
    request.offset = 0;
    request.ties = {.form = TieForm::kBucket,
                    .width = GetParam().metric == Metric::kCosine ? 0.01 : 0.5};
    ExpectSame(request);
    request.ties = {.form = TieForm::kWithinK, .n = 25};
    ExpectSame(request);
    request.ties = {};
    request.filter = *ParseFilter("price < 3");
    ExpectSame(request);
  }
  EXPECT_GT(left_, 0u) << "every candidate was scored";
  EXPECT_GE(by_graph_, 3 * kQuestions);
}

TEST_P(EarlyStop, PagesAreTheSame) {
  QueryRequest ann = Nearest(), exact = ann;
  exact.path = Path::kExact;
  exact.preselect = 0;
  ann.paged = exact.paged = true;
  for (int page = 0; page < 5; ++page) {
    const QueryResult by_graph = AskFor(node_.front(), ann), by_scan = AskFor(node_.front(), exact);
    ASSERT_EQ(by_graph.ranked.size(), by_scan.ranked.size());
    for (size_t i = 0; i < by_scan.ranked.size(); ++i) {
      EXPECT_EQ(by_graph.ranked[i].id, by_scan.ranked[i].id) << "page " << page << " row " << i;
    }
    ann.page_token = by_graph.next_page_token;
    exact.page_token = by_scan.next_page_token;
  }
}

// Vectors of any length have their place under COSINE: those that f32 can hardly hold do not crowd
// out others.
TEST(EarlyStopAtTheEnds, ShortAndLongVectorsDoNotCrowdOutOthers) {
  for (const float scale : {1e-37f, 1e-36f, 1e36f}) {
    SCOPED_TRACE(testing::Message() << "scale " << scale << " seed " << kSeed);
    std::mt19937_64 random(kSeed);
    std::normal_distribution<float> normal;
    const auto draw = [&] {
      Vector vector(16);
      for (float& x : vector) x = normal(random);
      return vector;
    };
    std::vector<OracleRow> rows;
    for (int64_t id = 1; id <= kRows; ++id) {
      Vector vector = draw();
      if (id % 20 == 0) {
        for (float& x : vector) x *= scale;
      }
      rows.push_back({static_cast<RowId>(id), {id, Value("g"), id % 7, 0.5, std::move(vector)}});
    }
    Node node({.shards = 1, .threads = 2});
    ASSERT_TRUE(node.front().CreateTable(ParityTable(16)).ok());
    LoadRows(node.front(), "items", rows);
    IndexDef index;
    index.name = "hnsw";
    index.metric = Metric::kCosine;
    ASSERT_TRUE(node.front().CreateIndex("items", "v", index).ok());
    ASSERT_EQ(node.WaitForIndex("hnsw").total.state, IndexState::kReady);
    int found = 0;
    constexpr int kAsked = 20;
    for (int i = 0; i < kAsked; ++i) {
      QueryRequest request;
      request.table = "items";
      request.column = "v";
      request.vector = draw();
      request.metric = Metric::kCosine;
      request.limit = 10;
      request.path = Path::kAnn;
      const QueryResult ann = AskFor(node.front(), request);
      request.path = Path::kExact;
      const QueryResult exact = AskFor(node.front(), request);
      for (const RankedRow& row : exact.ranked) {
        found += std::ranges::count(ann.ranked, row.id, &RankedRow::id) > 0;
      }
    }
    EXPECT_GE(found, kAsked * 10 * 95 / 100);
  }
}

// contract 2.4: scores that tie although f32 tells their vectors apart.
TEST(EarlyStopAtTheEnds, TiesThatF32ScattersAreClosed) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<float> normal;
  constexpr int64_t kDirections = 40, kMultiples = 40;
  std::vector<Vector> directions(kDirections, Vector(8));
  for (Vector& direction : directions) {
    for (float& x : direction) x = std::round(64 * normal(random));
  }
  std::vector<OracleRow> rows;
  for (int64_t id = 1; id <= kDirections * kMultiples; ++id) {
    Vector vector = directions[static_cast<size_t>(id % kDirections)];
    for (float& x : vector) x *= static_cast<float>(7 + id / kDirections) / 8;
    rows.push_back({static_cast<RowId>(id),
                    {id, Value("g"), static_cast<int64_t>(random() % 1'000), 0.5, vector}});
  }
  Node node({.shards = 2, .threads = 2});
  ASSERT_TRUE(node.front().CreateTable(ParityTable(8)).ok());
  LoadRows(node.front(), "items", rows);
  IndexDef index;
  index.name = "hnsw";
  index.metric = Metric::kCosine;
  index.m = 48;
  ASSERT_TRUE(node.front().CreateIndex("items", "v", index).ok());
  ASSERT_EQ(node.WaitForIndex("hnsw").total.state, IndexState::kReady);
  int by_graph = 0;
  for (int i = 0; i < kDirections; ++i) {
    SCOPED_TRACE(testing::Message() << "question " << i << " seed " << kSeed);
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = directions[static_cast<size_t>(i)];
    request.metric = Metric::kCosine;
    request.order_by = {{"price", false, false}, {"id", false, false}};
    request.limit = 1 + static_cast<uint64_t>(i) % 7;
    request.path = Path::kAnn;
    const QueryResult ann = AskFor(node.front(), request);
    by_graph += ann.plan.path == Path::kAnn;
    request.path = Path::kExact;
    const QueryResult exact = AskFor(node.front(), request);
    ASSERT_EQ(ann.ranked.size(), exact.ranked.size());
    for (size_t r = 0; r < exact.ranked.size(); ++r) {
      EXPECT_EQ(ann.ranked[r].id, exact.ranked[r].id) << "row " << r;
    }
  }
  EXPECT_GT(by_graph, kDirections / 2);
}

// Not SQ8 under IP: nothing is known of its candidates.
INSTANTIATE_TEST_SUITE_P(Forms, EarlyStop,
                         ::testing::Values(Form{Metric::kL2, Quantization::kSq8},
                                           Form{Metric::kCosine, Quantization::kSq8},
                                           Form{Metric::kL2, Quantization::kNone},
                                           Form{Metric::kCosine, Quantization::kNone},
                                           Form{Metric::kIp, Quantization::kNone}),
                         [](const auto& form) {
                           const bool codes = form.param.quantization == Quantization::kSq8;
                           return std::string(MetricName(form.param.metric)) +
                                  (codes ? "_sq8" : "_f32");
                         });

#endif

}  // namespace
}  // namespace ordinate
