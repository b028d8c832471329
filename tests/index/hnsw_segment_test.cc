#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/search/flat_search.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "tests/index/index_fixtures.h"

namespace ordinate {
namespace {

// From rows to a file, and back to hits.
class HnswSegmentTest : public IndexTest {
 protected:
  std::unique_ptr<SegmentBuilder> Collect(Metric metric, uint32_t dim,
                                          const std::vector<Row>& rows) {
    auto builder = *SegmentBuilder::Create(ShopTable(), ShopIndex(Engine::kHnsw, metric, dim), 5);
    for (const Row& row : rows) EXPECT_TRUE(builder->Add(row).ok());
    return builder;
  }
  const std::unique_ptr<GraphBuilder> graphs_ = *MakeGraphBuilder();
};

std::vector<Row> RandomRows(uint32_t count, uint32_t dim, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Row> rows;
  for (RowId id = 1; id <= count; ++id) {
    Vector vector(dim);
    for (float& x : vector) x = normal(random);
    rows.push_back(ShopRow(id, std::move(vector)));
  }
  return rows;
}

std::vector<GraphHit> Search(const SegmentFile& file, const Vector& query, uint32_t ef) {
  const auto prepared = *PreparedQuery::Create(file.view(), query);
  const CallContext context;
  GraphQuery graph_query{&prepared, ef};
  graph_query.file = &file;
  const auto hits = SearchGraph(file.view(), graph_query, context, nullptr);
  EXPECT_TRUE(hits.ok()) << hits.status();
  return hits.ok() ? *hits : std::vector<GraphHit>();
}

TEST_F(HnswSegmentTest, EveryRowFindsItselfInTheFile) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
    const auto rows = RandomRows(1500, 20, 40);
    const auto file =
        Finish(*Collect(metric, 20, rows), graphs_.get(), "m" + std::to_string(int(metric)));
    ASSERT_NE(file, nullptr);
    uint32_t found = 0;
    for (const Row& row : rows) {
      const auto hits = Search(*file, std::get<Vector>(row.cells[1]), 32);
      ASSERT_EQ(hits.size(), 32u);
      EXPECT_NEAR(hits[0].distance, 0, 1e-5);
      found += file->view().row_ids[file->view().node_rows[hits[0].node]] == row.id;
    }
    EXPECT_GE(found, 1498u);
  }
}

// contract 2.4
TEST_F(HnswSegmentTest, DuplicatesByTheThousandCollapseToOneNode) {
  std::vector<Row> rows = RandomRows(300, 8, 41);
  const Vector same(8, 0.25f);
  for (RowId id = 1000; id < 6000; ++id) rows.push_back(ShopRow(id, same));
  const auto file = Finish(*Collect(Metric::kL2, 8, rows), graphs_.get(), "a.vdata");
  ASSERT_NE(file, nullptr);
  const SegmentView& view = file->view();
  EXPECT_EQ(view.nodes, 301u);
  EXPECT_EQ(view.vector_rows, 5300u);
  const auto hits = Search(*file, same, 10);
  ASSERT_EQ(hits.size(), 10u);
  EXPECT_EQ(view.node_rows[hits[0].node + 1] - view.node_rows[hits[0].node], 5000u);
  EXPECT_EQ(view.row_ids[view.node_rows[hits[0].node]], 1000u);
  // The others are reached around it.
  EXPECT_EQ(Search(*file, same, 301).size(), 301u);
}

TEST_F(HnswSegmentTest, OneThreadWritesTheSameBytesAgain) {
  const auto rows = RandomRows(5000, 8, 42);
  std::string bytes[2];
  for (int i = 0; i < 2; ++i) {
    const std::string name = std::to_string(i);
    ASSERT_NE(Finish(*Collect(Metric::kIp, 8, rows), graphs_.get(), name), nullptr);
    std::ifstream in(Path(name), std::ios::binary);
    bytes[i].assign(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_FALSE(bytes[0].empty());
  EXPECT_TRUE(bytes[0] == bytes[1]);
}

TEST_F(HnswSegmentTest, SmallestSegments) {
  for (const uint32_t count : {0u, 1u, 2u}) {
    const auto file = Finish(*Collect(Metric::kCosine, 3, RandomRows(count, 3, 43)), graphs_.get(),
                             std::to_string(count));
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(Search(*file, {1, 2, 3}, 5).size(), count);
  }
}

TEST_F(HnswSegmentTest, ACancelledBuildLeavesNoFile) {
  const auto builder = Collect(Metric::kL2, 4, RandomRows(9000, 4, 44));
  CallContext context;
  const auto result = builder->Finish(graphs_.get(), {Path("a.vdata"), 1, 0}, context,
                                      [&](uint32_t, uint32_t) { context.Cancel(); });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(Path("a.vdata")));
}

// contract 9
TEST_F(HnswSegmentTest, ADamagedVectorBlockIsFoundBeforeItIsScored) {
  const auto rows = RandomRows(2000, 64, 45);
  ASSERT_NE(Finish(*Collect(Metric::kL2, 64, rows), graphs_.get(), "a.vdata"), nullptr);
  const auto& first = std::get<Vector>(rows[0].cells[1]);
  std::string bytes;
  {
    std::ifstream in(Path("a.vdata"), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::string needle(reinterpret_cast<const char*>(first.data()), 64 * sizeof(float));
  const size_t at = bytes.find(needle);
  ASSERT_NE(at, std::string::npos);
  {
    std::fstream out(Path("a.vdata"), std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out.put(static_cast<char>(bytes[at] ^ 1));
  }
  const auto file = SegmentFile::Open(Path("a.vdata"));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto query = *PreparedQuery::Create(Metric::kL2, 64, first);
  const CallContext context;
  GraphQuery graph_query{&query, 100};
  graph_query.file = file->get();
  EXPECT_EQ(SearchGraph((*file)->view(), graph_query, context, nullptr).status().code(),
            absl::StatusCode::kDataLoss);
  const ExactScorer scorer(Metric::kL2, first);
  std::vector<double> scores(2000);
  EXPECT_EQ(
      ScoreNodesExactly(scorer, (*file)->view(), file->get(), 0, 2000, context, scores).code(),
      absl::StatusCode::kDataLoss);
}

TEST_F(HnswSegmentTest, ManyThreadsSearchOneFreshFile) {
  const auto rows = RandomRows(2000, 16, 46);
  ASSERT_NE(Finish(*Collect(Metric::kL2, 16, rows), graphs_.get(), "a.vdata"), nullptr);
  const auto file = *SegmentFile::Open(Path("a.vdata"));  // no block verified yet
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < 200; i += 2) {
        const auto hits = Search(*file, std::get<Vector>(rows[i].cells[1]), 16);
        EXPECT_EQ(hits.size(), 16u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ordinate
