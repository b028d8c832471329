// contract 2.4, 2.5: rows that tie at the cut, on the ANN path.
#include <algorithm>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

#ifdef ORDINATE_SANITIZER
constexpr size_t kIdentical = 2'000, kOthers = 4'000, kGroups = 10;
constexpr size_t kEach = 200;
#else
constexpr size_t kIdentical = 10'000, kOthers = 100'000, kGroups = 50;
// Of the groups: as many in a nightly run as in the one above, otherwise fewer.
const size_t kEach = std::getenv("ORDINATE_NIGHTLY") != nullptr ? kIdentical : 500;
#endif
constexpr uint32_t kDim = 8;
constexpr uint64_t kSeed = 20'261'124;

OracleRow MakeRow(int64_t id, int64_t price, Vector vector) {
  return {static_cast<RowId>(id), {id, Value("g"), price, 0.5, std::move(vector)}};
}

QueryRequest Nearest(const Vector& vector, uint64_t limit, uint64_t offset = 0) {
  QueryRequest request;
  request.table = "items";
  request.column = "v";
  request.vector = vector;
  request.order_by = {{"price", false, false}};
  request.limit = limit;
  request.offset = offset;
  return request;
}

class Ties : public ::testing::TestWithParam<uint32_t> {
 protected:
  Ties() : node_({.shards = GetParam(), .threads = 2}) {}

  void Load(std::vector<OracleRow> rows) {
    rows_ = std::move(rows);
    table_ = *node_.front().CreateTable(ParityTable(kDim));
    LoadRows(node_.front(), "items", rows_);
    MakeIndex(node_, "hnsw", Engine::kHnsw, Metric::kL2);
  }

  // The answer is the oracle's, by the ANN path.
  void ExpectAnn(const QueryRequest& request) {
    const QueryResult result = AskFor(node_.front(), request);
    EXPECT_EQ(result.plan.path, Path::kAnn) << PlanText(result.plan);
    EXPECT_TRUE(result.tie_closed);
    EXPECT_GE(result.w_used, request.limit + request.offset);
    Answer answer;
    Append(result.ranked, answer);
    ExpectEqual(answer, OrderOracle(table_, rows_).Answer(request));
  }

  Node node_;
  TableDef table_;
  std::vector<OracleRow> rows_;
};

// The two cheapest of ten thousand identical vectors, then the next two: whatever the graph search
// happened to preselect.
TEST_P(Ties, TheCheapestOfManyIdenticalVectors) {
  std::mt19937_64 random(kSeed);
  std::vector<OracleRow> rows;
  for (size_t i = 0; i < kIdentical; ++i) {
    rows.push_back(MakeRow(static_cast<int64_t>(i) + 1, static_cast<int64_t>(random() % 1'000'000),
                           Vector(kDim, 0.5f)));
  }
  Load(std::move(rows));
  ExpectAnn(Nearest(Vector(kDim, 0.25f), 2));
  ExpectAnn(Nearest(Vector(kDim, 0.25f), 2, 2));
}

// The same in each of many groups among many other rows.
TEST_P(Ties, TheCheapestOfEachGroupOfIdenticalVectors) {
  std::mt19937_64 random(kSeed + 1);
  std::vector<OracleRow> rows;
  std::vector<Vector> centres;
  for (size_t i = 0; i < kOthers; ++i) {
    rows.push_back(MakeRow(static_cast<int64_t>(i) + 1, static_cast<int64_t>(random() % 1'000'000),
                           RandomVector(random, kDim)));
  }
  for (size_t g = 0; g < kGroups; ++g) {
    centres.push_back(RandomVector(random, kDim));
    for (size_t i = 0; i < kEach; ++i) {
      rows.push_back(MakeRow(static_cast<int64_t>(rows.size()) + 1,
                             static_cast<int64_t>(random() % 1'000'000), centres[g]));
    }
  }
  Load(std::move(rows));
  for (const Vector& centre : centres) {
    ExpectAnn(Nearest(centre, 2));
    ExpectAnn(Nearest(centre, 2, 2));
  }
}

// Distinct vectors at one distance share no node. W grows until it has seen past them.
TEST_P(Ties, ALargerWClosesTiesOfDistinctVectors) {
  std::mt19937_64 random(kSeed + 2);
  std::vector<OracleRow> rows;
  // 16 rows on a sphere of radius 1 around the query (one coordinate is ±1), the rest far away.
  for (int64_t i = 0; i < 6'000; ++i) {
    Vector vector(kDim, 0.0f);
    if (i < 16) {
      vector[static_cast<size_t>(i) / 2] = i % 2 == 0 ? 1.0f : -1.0f;
    } else {
      vector = RandomVector(random, kDim);
      for (float& x : vector) x = x * 3 + (x < 0 ? -3.0f : 3.0f);
    }
    rows.push_back(MakeRow(i + 1, static_cast<int64_t>(random() % 1'000), std::move(vector)));
  }
  Load(std::move(rows));
  QueryRequest request = Nearest(Vector(kDim, 0.0f), 3);
  request.settings["vector.preselect_alpha"] = "1";
  const QueryResult result = AskFor(node_.front(), request);
  EXPECT_EQ(result.plan.path, Path::kAnn) << PlanText(result.plan);
  EXPECT_GT(result.w_used, 3u);
  Answer answer;
  Append(result.ranked, answer);
  ExpectEqual(answer, OrderOracle(table_, rows_).Answer(request));
}

// Vectors of one direction are equal under COSINE, and distinct all the same.
TEST(TiesOfOneDirection, AreAllWeighed) {
  for (const size_t parallel : {100u, 600u}) {
    SCOPED_TRACE(testing::Message() << parallel << " rows, seed " << kSeed);
    std::mt19937_64 random(kSeed + 4);
    std::vector<OracleRow> rows;
    for (size_t i = 0; i < 5'000; ++i) {
      Vector vector = RandomVector(random, kDim);
      if (i < parallel) {
        for (float& x : vector) x = 1.0f + static_cast<float>(i);
      }
      rows.push_back(MakeRow(static_cast<int64_t>(i) + 1,
                             static_cast<int64_t>(random() % 1'000'000), std::move(vector)));
    }
    Node node({.shards = 1, .threads = 2});
    const TableDef table = *node.front().CreateTable(ParityTable(kDim));
    LoadRows(node.front(), "items", rows);
    MakeIndex(node, "hnsw", Engine::kHnsw, Metric::kCosine);
    QueryRequest request = Nearest(Vector(kDim, 1.0f), 5);
    request.metric = Metric::kCosine;
    request.path = Path::kAnn;
    Answer answer;
    Append(AskFor(node.front(), request).ranked, answer);
    ExpectEqual(answer, OrderOracle(table, rows).Answer(request));
  }
}

// Too many tie for any W: the answer is right, and says why it is EXACT.
TEST_P(Ties, TiesThatNoWClosesAreAnsweredExactly) {
  std::mt19937_64 random(kSeed + 3);
  std::vector<OracleRow> rows;
  for (int64_t i = 0; i < 3'000; ++i) {
    // All distinct, all at distance 1 from the origin.
    const auto angle = static_cast<double>(i) * 0.001;
    Vector vector(kDim, 0.0f);
    vector[0] = static_cast<float>(std::cos(angle));
    vector[1] = static_cast<float>(std::sin(angle));
    rows.push_back(MakeRow(i + 1, static_cast<int64_t>(random() % 1'000'000), std::move(vector)));
  }
  Load(std::move(rows));
  QueryRequest request = Nearest(Vector(kDim, 0.0f), 5);
  request.ties = {.form = TieForm::kBucket, .width = 0.7};  // all share one
  const QueryResult result = AskFor(node_.front(), request);
  EXPECT_EQ(result.plan.path, Path::kExact);
  EXPECT_EQ(result.plan.reason, Reason::kTiesNotClosed) << PlanText(result.plan);
  Answer answer;
  Append(result.ranked, answer);
  ExpectEqual(answer, OrderOracle(table_, rows_).Answer(request));
}

INSTANTIATE_TEST_SUITE_P(Shards, Ties, ::testing::Values(1, 2, 5),
                         [](const auto& shards) { return std::to_string(shards.param); });

#endif

}  // namespace
}  // namespace ordinate
