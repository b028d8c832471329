// contract 3.6: a batch answers each question as if it were asked alone, to the byte.
#include <atomic>
#include <cmath>
#include <random>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'201;
constexpr uint32_t kDim = 12;
// Several blocks of a scan on one shard.
constexpr size_t kRows = 9'000;

struct Shape {
  Metric metric;
  uint32_t shards, threads;
};

class Batches : public ::testing::TestWithParam<Shape> {
 protected:
  Batches()
      : rows_(RandomRows(kSeed, kRows, kDim)),
        node_({.shards = GetParam().shards, .threads = GetParam().threads}) {
    // Nearly equal to others, and equal to the query but for its length.
    for (size_t i = 0; i < kRows; i += 50) {
      auto* vector = std::get_if<Vector>(&rows_[i].cells[4]);
      if (vector == nullptr) continue;
      for (float& x : *vector) x = i % 100 == 0 ? 1 : std::nextafter(1.0f, 2.0f);
    }
    EXPECT_TRUE(node_.front().CreateTable(ParityTable(kDim)).ok());
    const std::vector<OracleRow> sealed(rows_.begin(), rows_.begin() + kRows * 9 / 10);
    LoadRows(node_.front(), "items", sealed);
    MakeIndex(node_, "near", Engine::kFlat, GetParam().metric);
    // A tail, and rows that are masked in the segment.
    const std::vector<OracleRow> tail(rows_.begin() + kRows * 9 / 10, rows_.end());
    LoadRows(node_.front(), "items", tail);
    std::vector<KeyInput> keys;
    for (size_t i = 0; i < sealed.size(); i += 3) keys.push_back({{rows_[i].cells[0]}, 0});
    const CallContext context;
    EXPECT_TRUE(node_.front().Delete("items", std::move(keys), context).ok());
  }

  Vector Point(std::mt19937_64& random) const {
    switch (random() % 5) {
      case 0:
        return Vector(kDim, 0.0f);
      case 1:
        return Vector(kDim, 1.0f);
      case 2:
        if (const auto* vector = std::get_if<Vector>(&rows_[random() % kRows].cells[4])) {
          return *vector;
        }
        [[fallthrough]];
      default:
        return RandomVector(random, kDim);
    }
  }

  QueryRequest Question(std::mt19937_64& random) const {
    QueryRequest request{.table = "items", .column = "v", .vector = Point(random)};
    request.metric = GetParam().metric;
    request.path = Path::kExact;
    request.limit = 1 + random() % (random() % 3 == 0 ? 2'000 : 30);
    request.columns = {"*"};
    return request;
  }

  // One of the forms that a question can have.
  void Vary(QueryRequest& request, std::mt19937_64& random) const {
    const double score = GetParam().metric == Metric::kL2 ? 3.5 : 0.2;
    switch (random() % 12) {
      case 0:
        request.order_by = {{"grp", true, true}, {"weight", false, true}};
        break;
      case 1:
        request.range.max = score;
        break;
      case 2:
        request.range.min = score;
        break;
      case 3:
        request.include_null_vectors = true;
        request.limit = 5'000;
        break;
      case 4:
        request.filter = *ParseFilter("price < 15 AND NOT grp = 'g2'");
        break;
      case 5:
        request.ties = {.form = TieForm::kBucket, .width = 0.5};
        request.order_by = {{"price", true, false}};
        break;
      case 6:
        request.ties = {.form = TieForm::kWithinK, .n = 40};
        request.order_by = {{"price", false, false}};
        break;
      case 7:
        request.offset = 1 + random() % 20;
        break;
      case 8:
        request.direction = random() % 2 == 0 ? Direction::kDescending : Direction::kAscending;
        break;
      case 9:
        request.vector.assign(kDim, 3e19f);  // f32 cannot hold its square
        break;
      case 10:
        request.vector.pop_back();  // an error, its own
        break;
      default:
        break;
    }
  }

  void ExpectAsAlone(const std::vector<absl::StatusOr<QueryRequest>>& batch) {
    const CallContext context;
    const auto together = node_.front().QueryBatch(batch, context);
    ASSERT_EQ(together.size(), batch.size());
    for (size_t i = 0; i < batch.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << "question " << i << " of " << batch.size());
      const auto alone = node_.front().Query(*batch[i], context);
      ASSERT_EQ(together[i].status(), alone.status());
      if (!alone.ok()) continue;
      Answer expected, answer;
      Append(alone->ranked, expected);
      Append(together[i]->ranked, answer);
      ASSERT_EQ(answer, expected);
      ASSERT_EQ(together[i]->rows.size(), alone->rows.size());
      for (size_t row = 0; row < alone->rows.size(); ++row) {
        ASSERT_EQ(together[i]->rows[row].cells, alone->rows[row].cells);
        ASSERT_EQ(together[i]->rows[row].version, alone->rows[row].version);
      }
      ASSERT_EQ(together[i]->visible_seq, alone->visible_seq);
      ASSERT_EQ(together[i]->plan.generation_by_shard, alone->plan.generation_by_shard);
    }
  }

  std::vector<OracleRow> rows_;
  Node node_;
};

TEST_P(Batches, AnswerEachQuestionAsIfItWereAskedAlone) {
  std::mt19937_64 random(kSeed + 1);
  for (const size_t size : {1u, 2u, 17u, 64u, 150u}) {
    for (const bool varied : {false, true}) {
      SCOPED_TRACE(::testing::Message() << (varied ? "varied" : "alike") << " seed " << kSeed);
      std::vector<absl::StatusOr<QueryRequest>> batch;
      for (size_t i = 0; i < size; ++i) {
        QueryRequest request = Question(random);
        if (varied) Vary(request, random);
        batch.push_back(std::move(request));
      }
      ASSERT_NO_FATAL_FAILURE(ExpectAsAlone(batch));
    }
  }
}

TEST_P(Batches, ScoreFewRowsExactly) {
  std::mt19937_64 random(kSeed + 2);
  std::vector<absl::StatusOr<QueryRequest>> batch;
  for (size_t i = 0; i < 20; ++i) {
    QueryRequest request = Question(random);
    request.vector = RandomVector(random, kDim);
    request.limit = 10;
    batch.push_back(std::move(request));
  }
  const CallContext context;
  for (const auto& result : node_.front().QueryBatch(batch, context)) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_GT(result->stats.distances, kRows / 2);
    // The tail's rows, and those that estimates could not tell from the best.
    EXPECT_LT(result->stats.rescored, result->stats.tail_rows + kRows / 10);
  }
  // Alone too: but for those by which it becomes known what is good.
  for (const auto& question : batch) {
    const QueryResult result = AskFor(node_.front(), *question);
    EXPECT_GT(result.stats.distances, kRows / 2);
    EXPECT_LT(result.stats.rescored, result.stats.tail_rows + kRows / 4);
  }
}

TEST_P(Batches, ScoreFewRowsExactlyBesideARange) {
  std::mt19937_64 random(kSeed + 4);
  QueryRequest request = Question(random);
  request.vector = RandomVector(random, kDim);
  request.limit = kRows;
  const auto best = AskFor(node_.front(), request);
  ASSERT_GT(best.ranked.size(), 1'000u);
  const double end = *best.ranked[99].score;
  (GetParam().metric == Metric::kL2 ? request.range.max : request.range.min) = end;
  const QueryResult result = AskFor(node_.front(), request);
  Answer answer, expected;
  Append(result.ranked, answer);
  Append(best.ranked, expected);
  ASSERT_GE(answer.size(), 100u);
  expected.resize(answer.size());
  EXPECT_EQ(answer, expected);
  EXPECT_LT(result.stats.rescored, result.stats.tail_rows + kRows / 10);
}

TEST_P(Batches, StopWhenCancelled) {
  std::mt19937_64 random(kSeed + 3);
  std::vector<absl::StatusOr<QueryRequest>> batch;
  for (size_t i = 0; i < 10; ++i) {
    QueryRequest request = Question(random);
    request.vector = RandomVector(random, kDim);
    batch.push_back(std::move(request));
  }
  for (const int after : {0, 30, 60}) {
    std::atomic<int> checks{0};
    const CallContext context(CallContext::TimePoint::max(), [&] { return ++checks > after; });
    for (const auto& result : node_.front().QueryBatch(batch, context)) {
      EXPECT_TRUE(absl::IsCancelled(result.status())) << result.status();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Batches,
                         ::testing::Values(Shape{Metric::kL2, 1, 1}, Shape{Metric::kL2, 3, 4},
                                           Shape{Metric::kCosine, 1, 4}, Shape{Metric::kIp, 1, 4}),
                         [](const auto& shape) {
                           return Concat(MetricName(shape.param.metric), "Shards",
                                         shape.param.shards, "Threads", shape.param.threads);
                         });

// Rows that take more than a shared call may hold are fetched for each question by itself.
TEST(LargeBatch, IsAnsweredWithinTheLimit) {
  std::vector<OracleRow> rows = RandomRows(kSeed, 300, kDim);
  for (OracleRow& row : rows) row.cells[1] = Value(std::string(20'000, 'x'));
  Node node({.shards = 2, .threads = 2, .max_answer_bytes = 8u << 20});
  ASSERT_TRUE(node.front().CreateTable(ParityTable(kDim)).ok());
  LoadRows(node.front(), "items", rows);
  MakeIndex(node, "flat", Engine::kFlat, Metric::kL2);
  std::mt19937_64 random(kSeed);
  const auto ask = [&](size_t questions) {
    std::vector<absl::StatusOr<QueryRequest>> requests;
    for (size_t i = 0; i < questions; ++i) {
      QueryRequest request;
      request.table = "items";
      request.column = "v";
      request.vector = RandomVector(random, kDim);
      request.metric = Metric::kL2;
      request.limit = 50;
      request.path = Path::kExact;
      request.columns = {"*"};
      requests.emplace_back(std::move(request));
    }
    size_t answered = 0;
    const auto results = node.front().QueryBatch(requests, CallContext());
    for (size_t i = 0; i < questions; ++i) {
      if (!results[i].ok()) {
        EXPECT_TRUE(absl::IsResourceExhausted(results[i].status())) << results[i].status();
        continue;
      }
      ++answered;
      const QueryResult alone = AskFor(node.front(), *requests[i]);
      EXPECT_EQ(results[i]->rows.size(), alone.rows.size());
      for (size_t r = 0; r < alone.ranked.size(); ++r) {
        EXPECT_EQ(results[i]->ranked[r].id, alone.ranked[r].id) << "row " << r;
      }
    }
    return answered;
  };
  EXPECT_EQ(ask(7), 7u);            // 7 MB: more than the shards hold for a shared call
  const size_t answered = ask(40);  // 40 MB
  EXPECT_GE(answered, 5u);
  EXPECT_LE(answered, 8u);
}

}  // namespace
}  // namespace ordinate
