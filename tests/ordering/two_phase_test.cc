// contract 3.1, 3.2: more candidates do not lose neighbours, and the default finds enough of them.
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

constexpr uint64_t kSeed = 20'261'130;

struct Scale {
  size_t rows, centres, questions;
  uint32_t dim;
};
Scale TheScale() {
  if (std::getenv("ORDINATE_NIGHTLY") != nullptr) return {100'000, 1'000, 500, 128};
#ifdef ORDINATE_SANITIZER
  return {3'000, 30, 20, 16};
#else
  return {20'000, 200, 200, 32};
#endif
}

// Points around centres, as embeddings of texts or pictures are.
class Points {
 public:
  explicit Points(const Scale& scale) : random_(kSeed) {
    for (size_t i = 0; i < scale.centres; ++i) centres_.push_back(RandomVector(random_, scale.dim));
  }
  Vector Next() {
    Vector point = centres_[random_() % centres_.size()];
    for (float& x : point) x += 0.3f * normal_(random_);
    return point;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
  std::vector<Vector> centres_;
};

double MeanRecall(Front& front, QueryRequest request, const std::vector<Vector>& questions,
                  const std::vector<Answer>& exact) {
  size_t found = 0;
  request.path = Path::kAnn;
  for (size_t q = 0; q < questions.size(); ++q) {
    request.vector = questions[q];
    const QueryResult result = AskFor(front, request);
    EXPECT_EQ(result.plan.path, Path::kAnn) << PlanText(result.plan);
    Answer answer;
    Append(result.ranked, answer);
    for (const auto& row : answer) {
      found += static_cast<size_t>(std::count(exact[q].begin(), exact[q].end(), row));
    }
  }
  return static_cast<double>(found) / static_cast<double>(questions.size() * request.limit);
}

TEST(TwoPhase, RecallDoesNotFallAsAlphaGrows) {
  const Scale scale = TheScale();
  Points points(scale);
  std::vector<OracleRow> rows;
  for (size_t i = 1; i <= scale.rows; ++i) {
    rows.push_back({i, {static_cast<int64_t>(i), Value(), Value(), Value(), points.Next()}});
  }
  Node node({.shards = 2, .threads = 2});
  ASSERT_TRUE(node.front().CreateTable(ParityTable(scale.dim)).ok());
  LoadRows(node.front(), "items", rows);
  MakeIndex(node, "near", Engine::kHnsw, Metric::kL2);

  QueryRequest request{.table = "items", .column = "v", .limit = 10};
  request.path = Path::kExact;
  std::vector<Vector> questions;
  std::vector<Answer> exact;
  for (size_t q = 0; q < scale.questions; ++q) {
    request.vector = questions.emplace_back(points.Next());
    exact.push_back(Ask(node.front(), request));
  }
  const double by_default = MeanRecall(node.front(), request, questions, exact);
  EXPECT_GE(by_default, 0.95);
  std::cout << "seed " << kSeed << ", " << scale.rows << " x " << scale.dim
            << ": recall@10 by default " << by_default;
  // With a pool of no more than W, so that alpha alone decides what is looked at.
  request.settings["vector.search.ef_search"] = "10";
  double before = 0;
  for (const char* alpha : {"1", "2", "4", "6", "10"}) {
    request.settings["vector.preselect_alpha"] = alpha;
    const double recall = MeanRecall(node.front(), request, questions, exact);
    EXPECT_GE(recall, before) << "alpha " << alpha;
    before = recall;
    std::cout << "; alpha " << alpha << ": " << recall;
  }
  std::cout << "\n";
  EXPECT_GE(before, 0.95);
}

#endif

}  // namespace
}  // namespace ordinate
