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
    MakeIndex(node, "hnsw", Engine::kHnsw, Metric::kCosine);
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

// contract 2.4: scores that tie although f32, or codes, tell their vectors apart.
class ScatteredTies : public ::testing::TestWithParam<Quantization> {
 protected:
  ScatteredTies() : node_({.shards = 2, .threads = 2}) {}

  void Load(Metric metric, const std::vector<Vector>& vectors, uint32_t dim = kTieDim) {
    std::vector<OracleRow> rows;
    for (size_t i = 0; i < vectors.size(); ++i) {
      const auto id = static_cast<int64_t>(i) + 1;
      rows.push_back({static_cast<RowId>(id),
                      {id, Value("g"), static_cast<int64_t>(random_() % 1'000), 0.5, vectors[i]}});
    }
    ASSERT_TRUE(node_.front().CreateTable(ParityTable(dim)).ok());
    LoadRows(node_.front(), "items", rows);
    IndexDef index;
    index.name = "hnsw";
    index.metric = metric_ = metric;
    index.m = 48;
    index.quantization = GetParam();
    ASSERT_TRUE(node_.front().CreateIndex("items", "v", index).ok());
    ASSERT_EQ(node_.WaitForIndex("hnsw").total.state, IndexState::kReady);
  }

  // Each question has more rows at the best score than it asks for; the cheapest come.
  void ExpectCheapest(const std::vector<Vector>& questions) {
    size_t by_graph = 0;
    for (size_t i = 0; i < questions.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "question " << i << " seed " << kSeed);
      QueryRequest request;
      request.table = "items";
      request.column = "v";
      request.vector = questions[i];
      request.metric = metric_;
      request.order_by = {{"price", false, false}, {"id", false, false}};
      request.limit = 1 + i % 7;
      request.path = Path::kAnn;
      const QueryResult ann = AskFor(node_.front(), request);
      EXPECT_TRUE(ann.tie_closed);
      by_graph += ann.plan.path == Path::kAnn;
      request.path = Path::kExact;
      const QueryResult exact = AskFor(node_.front(), request);
      ASSERT_EQ(ann.ranked.size(), exact.ranked.size());
      for (size_t r = 0; r < exact.ranked.size(); ++r) {
        EXPECT_EQ(ann.ranked[r].id, exact.ranked[r].id) << "row " << r;
      }
    }
    EXPECT_GT(by_graph, questions.size() / 2);
  }

  // Whole numbers, so that sums of squares are the same in any order.
  Vector Whole(float spread) {
    Vector vector(kTieDim);
    for (float& x : vector) x = std::round(spread * normal_(random_));
    return vector;
  }

  static constexpr uint32_t kTieDim = 8;
  static constexpr size_t kTied = 40;
  std::mt19937_64 random_{kSeed};
  std::normal_distribution<float> normal_;
  Node node_;
  Metric metric_ = Metric::kL2;
};

// Multiples of a vector, under COSINE.
TEST_P(ScatteredTies, OfOneDirectionAreClosed) {
  std::vector<Vector> questions, vectors;
  for (int i = 0; i < 40; ++i) questions.push_back(Whole(64));
  for (size_t i = 0; i < kTied * questions.size(); ++i) {
    Vector vector = questions[i % questions.size()];
    for (float& x : vector) x *= static_cast<float>(7 + i / questions.size()) / 8;
    vectors.push_back(std::move(vector));
  }
  Load(Metric::kCosine, vectors);
  ExpectCheapest(questions);
}

// Points of a sphere around the question, in every direction; a few vectors far from all.
TEST_P(ScatteredTies, OfOneDistanceAreClosed) {
  std::vector<Vector> questions, vectors;
  for (int i = 0; i < 40; ++i) questions.push_back(Whole(64));
  for (size_t i = 0; i < kTied * questions.size(); ++i) {
    Vector offset = {1, 1, 2, 3, 4, 5, 6, 9};
    std::shuffle(offset.begin(), offset.end(), random_);
    Vector vector = questions[i % questions.size()];
    for (size_t d = 0; d < kTieDim; ++d) vector[d] += random_() % 2 == 0 ? offset[d] : -offset[d];
    vectors.push_back(std::move(vector));
  }
  for (int i = 0; i < 10; ++i) vectors.push_back(Whole(1e5f));
  Load(Metric::kL2, vectors);
  ExpectCheapest(questions);
}

// The same in so many dims that the search reads first planes, which order near misses before ties.
TEST_P(ScatteredTies, OfOneDistanceAreClosedInManyDims) {
  constexpr uint32_t kManyDims = 256;
  std::vector<Vector> questions, vectors;
  for (int i = 0; i < 20; ++i) {
    Vector question(kManyDims), offset(kManyDims);
    for (float& x : question) x = std::round(300 * normal_(random_));
    for (float& x : offset) x = std::round(100 * normal_(random_));
    for (size_t r = 0; r < 150 + kTied; ++r) {
      std::shuffle(offset.begin(), offset.end(), random_);
      Vector vector = question;
      for (size_t d = 0; d < kManyDims; ++d) {
        const float step = r < kTied ? offset[d] : std::round(1.06f * offset[d]);
        vector[d] += random_() % 2 == 0 ? step : -step;
      }
      vectors.push_back(std::move(vector));
    }
    questions.push_back(std::move(question));
  }
  Load(Metric::kL2, vectors, kManyDims);
  ExpectCheapest(questions);
}

INSTANTIATE_TEST_SUITE_P(Codes, ScatteredTies,
                         ::testing::Values(Quantization::kNone, Quantization::kSq8),
                         [](const auto& codes) {
                           return codes.param == Quantization::kSq8 ? "sq8" : "f32";
                         });

// Nothing is known of codes under IP, so that an answer does not claim what it cannot know. One
// from every row does, and one whose keys could decide: the graph is searched by vectors then.
TEST(EarlyStopAtTheEnds, UnderIpCodesCloseNoTies) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<float> normal;
  std::vector<OracleRow> rows;
  for (int64_t id = 1; id <= kRows; ++id) {
    Vector vector(16);
    for (float& x : vector) x = normal(random);
    rows.push_back({static_cast<RowId>(id), {id, Value("g"), id % 7, 0.5, std::move(vector)}});
  }
  Node node({.shards = 2, .threads = 2});
  ASSERT_TRUE(node.front().CreateTable(ParityTable(16)).ok());
  LoadRows(node.front(), "items", rows);
  MakeIndex(node, "hnsw", Engine::kHnsw, Metric::kIp, Quantization::kSq8);
  QueryRequest request;
  request.table = "items";
  request.column = "v";
  request.vector = std::get<Vector>(rows[5].cells[4]);
  request.metric = Metric::kIp;
  request.limit = 10;
  request.path = Path::kAnn;
  EXPECT_FALSE(AskFor(node.front(), request).tie_closed);
  request.order_by = {{"price", false, false}};
  const QueryResult keyed = AskFor(node.front(), request);
  EXPECT_EQ(keyed.plan.path, Path::kAnn);
  EXPECT_TRUE(keyed.tie_closed);
  request.order_by.clear();
  request.path = Path::kExact;
  EXPECT_TRUE(AskFor(node.front(), request).tie_closed);
}

// One vector at the end of f32 neither stops the build nor takes the range of all codes.
TEST(EarlyStopAtTheEnds, AVectorAtTheEndOfF32HasACode) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    SCOPED_TRACE(testing::Message() << MetricName(metric) << " seed " << kSeed);
    std::mt19937_64 random(kSeed);
    std::normal_distribution<float> normal;
    std::vector<OracleRow> rows;
    for (int64_t id = 1; id <= 500; ++id) {
      Vector vector(16);
      for (float& x : vector) x = id % 250 == 0 ? (id == 250 ? 3e38f : -3e38f) : normal(random);
      rows.push_back({static_cast<RowId>(id), {id, Value("g"), id % 7, 0.5, std::move(vector)}});
    }
    Node node({.shards = 1, .threads = 2});
    ASSERT_TRUE(node.front().CreateTable(ParityTable(16)).ok());
    LoadRows(node.front(), "items", rows);
    MakeIndex(node, "hnsw", Engine::kHnsw, metric, Quantization::kSq8);
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = std::get<Vector>(rows[5].cells[4]);
    request.metric = metric;
    request.limit = 5;
    request.path = Path::kAnn;
    const QueryResult ann = AskFor(node.front(), request);
    request.path = Path::kExact;
    const QueryResult exact = AskFor(node.front(), request);
    ASSERT_EQ(ann.ranked.size(), exact.ranked.size());
    for (size_t r = 0; r < exact.ranked.size(); ++r) {
      EXPECT_EQ(ann.ranked[r].id, exact.ranked[r].id) << "row " << r;
    }
  }
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
