// Random segments, built, written, closed and opened again, answer as their rows say.
#include <algorithm>
#include <random>
#include <utility>

#include "engine/search/exact_score.h"
#include "engine/search/flat_search.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "tests/index/index_fixtures.h"

namespace ordinate {
namespace {

constexpr uint64_t kFiles = 1'000;

using Answer = std::vector<std::pair<double, RowId>>;  // key by which nearest come first, row

double NearestFirst(Metric metric, double score) { return HigherIsBetter(metric) ? -score : score; }

struct Case {
  IndexDef index;
  std::vector<Row> rows;
  Vector query;
};

Case DrawCase(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  const auto draw = [&](uint32_t dim) {
    Vector vector(dim);
    for (float& x : vector) x = normal(random);
    return vector;
  };
  constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kIp};
  const auto dim = static_cast<uint32_t>(1 + random() % 40);
  Case one{
      ShopIndex(random() % 3 == 0 ? Engine::kFlat : Engine::kHnsw, kMetrics[random() % 3], dim),
      {},
      draw(dim)};
  if (one.index.engine == Engine::kHnsw && random() % 2 == 0) {
    one.index.quantization = Quantization::kSq8;
  }
  const uint64_t rows = random() % 4 == 0 ? random() % 4 : random() % 150;
  RowId id = 0;
  for (uint64_t i = 0; i < rows; ++i) {
    id += 1 + random() % 5;
    one.rows.push_back(ShopRow(id, random() % 10 == 0 ? Value() : Value(draw(dim))));
  }
  std::shuffle(one.rows.begin(), one.rows.end(), random);
  return one;
}

Answer OfRows(const Case& one) {
  const ExactScorer scorer(one.index.metric, one.query);
  Answer answer;
  for (const Row& row : one.rows) {
    const auto* vector = std::get_if<Vector>(&row.cells[1]);
    if (vector == nullptr) continue;
    answer.emplace_back(NearestFirst(one.index.metric, scorer.Score(vector->data())), row.id);
  }
  std::sort(answer.begin(), answer.end());
  return answer;
}

/// Of the nodes that the file's graph, or its scan, finds when all are wanted.
Answer OfFile(const SegmentFile& file, const Case& one) {
  const SegmentView& view = file.view();
  const CallContext context;
  std::vector<uint32_t> nodes;
  if (view.engine == Engine::kHnsw && view.nodes > 0) {
    const auto prepared = *PreparedQuery::Create(view, one.query);
    const auto hits =
        SearchGraph(view, {.query = &prepared, .ef = view.nodes, .file = &file}, context, nullptr);
    EXPECT_TRUE(hits.ok()) << hits.status();
    if (hits.ok()) {
      for (const GraphHit& hit : *hits) nodes.push_back(hit.node);
    }
  } else {
    for (uint32_t node = 0; node < view.nodes; ++node) nodes.push_back(node);
  }
  const ExactScorer scorer(one.index.metric, one.query);
  std::vector<double> scores(view.nodes);
  EXPECT_EQ(ScoreNodesExactly(scorer, view, &file, 0, view.nodes, context, scores),
            absl::OkStatus());
  Answer answer;
  for (const uint32_t node : nodes) {
    answer.emplace_back(NearestFirst(one.index.metric, scores[node]),
                        view.row_ids[view.node_rows[node]]);
  }
  std::sort(answer.begin(), answer.end());
  return answer;
}

class ReopenedFiles : public IndexTest {};

TEST_F(ReopenedFiles, AnswerAsTheirRowsSay) {
  const auto graphs = *MakeGraphBuilder();
  uint64_t found = 0;
  for (uint64_t seed = 1; seed <= kFiles; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Case one = DrawCase(seed);
    auto builder = *SegmentBuilder::Create(ShopTable(), one.index, seed);
    for (const Row& row : one.rows) ASSERT_EQ(builder->Add(row), absl::OkStatus());
    auto file = Finish(*builder, graphs.get(), "segment.vdata");
    ASSERT_NE(file, nullptr);
    const Answer wanted = OfRows(one);
    ASSERT_EQ(OfFile(*file, one), wanted);
    file.reset();
    auto again = SegmentFile::Open(Path("segment.vdata"));
    ASSERT_TRUE(again.ok()) << again.status();
    ASSERT_EQ(OfFile(**again, one), wanted);
    found += wanted.size();
  }
  EXPECT_GT(found, 30 * kFiles);
}

}  // namespace
}  // namespace ordinate
