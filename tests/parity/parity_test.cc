#include <algorithm>
#include <bit>
#include <map>

#include "gtest/gtest.h"
#include "tests/parity/dataset.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'122;
constexpr size_t kRows = 2'000;
constexpr uint32_t kDim = 12;

std::vector<std::optional<Filter>> Filters() {
  std::vector<std::optional<Filter>> filters = {std::nullopt};
  for (const char* text : {
           "grp = 'g1'",
           "price < 5 OR grp IN ('g0', 'g4', NULL)",
           "NOT (price >= 3 AND price <= 12)",
           "weight IS NULL AND NOT grp IS NULL",
           "weight > 1.5 AND grp <> 'g2'",
           "price NOT BETWEEN 3 AND 12 AND NOT (grp LIKE 'g1%' OR grp IS NULL)",
       }) {
    auto filter = ParseFilter(text);
    EXPECT_TRUE(filter.ok()) << text << ": " << filter.status();
    filters.push_back(*filter);
  }
  return filters;
}

std::vector<std::vector<SortKey>> Orders() {
  return {{},
          {{"price", false, false}},
          {{"price", true, true}, {"grp", false, true}},
          {{"weight", false, true}, {"price", true, false}}};
}

using Answer = std::vector<std::pair<RowId, std::optional<double>>>;

Answer Ask(Front& front, const QueryRequest& request) {
  const CallContext context;
  const auto result = front.Query(request, context);
  EXPECT_TRUE(result.ok()) << result.status();
  Answer answer;
  if (!result.ok()) return answer;
  for (const RankedRow& row : result->ranked) answer.emplace_back(row.id, row.score);
  return answer;
}

void ExpectEqual(const Answer& answer, const std::vector<OracleAnswer>& expected) {
  ASSERT_EQ(answer.size(), expected.size());
  for (size_t i = 0; i < answer.size(); ++i) {
    ASSERT_EQ(answer[i].first, expected[i].id) << "at position " << i;
    ASSERT_EQ(answer[i].second.has_value(), expected[i].score.has_value()) << "at position " << i;
    if (!expected[i].score.has_value()) continue;
    ASSERT_EQ(std::bit_cast<uint64_t>(*answer[i].second),
              std::bit_cast<uint64_t>(*expected[i].score))
        << "at position " << i << ": " << *answer[i].second << " and " << *expected[i].score;
  }
}

/// Questions that cross metrics, filters, orders, cuts and NULL handling.
std::vector<QueryRequest> Questions() {
  std::mt19937_64 random(kSeed + 1);
  std::vector<QueryRequest> questions;
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const auto& filter : Filters()) {
      for (const auto& order : Orders()) {
        QueryRequest request;
        request.table = "items";
        request.column = "v";
        request.vector = RandomVector(random, kDim);
        request.metric = metric;
        request.filter = filter;
        request.order_by = order;
        request.limit = 1 + random() % 60;
        request.offset = random() % 3 == 0 ? random() % 40 : 0;
        request.include_null_vectors = random() % 4 == 0;
        if (request.include_null_vectors) request.limit = 3'000;
        questions.push_back(std::move(request));
      }
    }
  }
  return questions;
}

struct Shape {
  uint32_t shards;
  uint32_t threads;
};

class Parity : public ::testing::TestWithParam<Shape> {
 protected:
  Parity()
      : rows_(RandomRows(kSeed, kRows, kDim)),
        node_({.shards = GetParam().shards, .threads = GetParam().threads}) {}

  void SetUp() override {
    RecordProperty("seed", std::to_string(kSeed));
    const auto table = node_.front().CreateTable(ParityTable(kDim));
    ASSERT_TRUE(table.ok()) << table.status();
    table_ = *table;
    LoadRows(node_.front(), "items", rows_);
  }

  void CreateIndex(const std::string& name, Engine engine, Metric metric) {
    IndexDef index;
    index.name = name;
    index.engine = engine;
    index.metric = metric;
    const auto created = node_.front().CreateIndex("items", "v", index);
    ASSERT_TRUE(created.ok()) << created.status();
    const IndexInfo info = node_.WaitForIndex(name);
    ASSERT_EQ(info.total.state, IndexState::kReady) << info.total.reason;
  }

  void ExpectOracle(const QueryRequest& request) {
    ExpectEqual(Ask(node_.front(), request), OracleQuery(table_, rows_, request));
  }

  std::vector<OracleRow> rows_;
  Node node_;
  TableDef table_;
};

// contract 2.1, 2.2, 2.3: read from the rows, without any index.
TEST_P(Parity, ExactFromRowsEqualsTheOracle) {
  for (const QueryRequest& request : Questions()) {
    SCOPED_TRACE(::testing::Message() << "seed " << kSeed << ", " << MetricName(*request.metric)
                                      << ", limit " << request.limit << ", filter "
                                      << (request.filter ? FilterText(*request.filter) : "none"));
    ExpectOracle(request);
  }
}

// The same answers from sealed segments, from the tail, and from both, for shards × threads.
TEST_P(Parity, ExactFromAnIndexEqualsTheOracle) {
  CreateIndex("l2", Engine::kFlat, Metric::kL2);
  CreateIndex("cosine", Engine::kFlat, Metric::kCosine);
  CreateIndex("ip", Engine::kFlat, Metric::kIp);
  // Half of the rows change after the builds: they are answered from the tail.
  std::mt19937_64 random(kSeed + 2);
  std::vector<OracleRow> changed = RandomRows(kSeed + 3, kRows, kDim);
  std::vector<OracleRow> rewritten;
  for (size_t i = 0; i < rows_.size(); i += 2) {
    changed[i].id = rows_[i].id;
    changed[i].cells[0] = rows_[i].cells[0];
    rows_[i] = changed[i];
    rewritten.push_back(rows_[i]);
  }
  LoadRows(node_.front(), "items", rewritten);
  for (int round = 0; round < 2; ++round) {
    for (QueryRequest request : Questions()) {
      request.path = Path::kExact;
      SCOPED_TRACE(::testing::Message()
                   << "round " << round << ", " << MetricName(*request.metric) << ", filter "
                   << (request.filter ? FilterText(*request.filter) : "none"));
      ExpectOracle(request);
    }
    node_.Restart();  // round 1: the same from the files and the replayed tail
  }
}

// contract 2.1: the opposite direction is legal.
TEST_P(Parity, FarthestFirstEqualsTheOracle) {
  for (QueryRequest request : Questions()) {
    request.direction =
        HigherIsBetter(*request.metric) ? Direction::kAscending : Direction::kDescending;
    ExpectOracle(request);
  }
}

// contract 3.1: a preselection that takes every row loses none.
TEST_P(Parity, AnnThatPreselectsEveryRowEqualsTheOracle) {
  for (const Engine engine : {Engine::kHnsw, Engine::kFlat}) {
#ifndef ORDINATE_WITH_HNSW
    if (engine == Engine::kHnsw) continue;
#endif
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      const std::string name = "ann_" + std::to_string(static_cast<int>(metric));
      CreateIndex(name, engine, metric);
      for (QueryRequest request : Questions()) {
        if (*request.metric != metric) continue;
        request.path = Path::kAnn;
        request.index = name;
        request.settings["vector.preselect_alpha"] = "100";
        request.limit = std::max<uint64_t>(request.limit, 20);  // W >= 2000 rows
        ExpectOracle(request);
      }
      ASSERT_TRUE(node_.front().DropIndex(name).ok());
    }
  }
}

// The answers of all shapes are compared with one another through the one oracle.
INSTANTIATE_TEST_SUITE_P(Shapes, Parity,
                         ::testing::Values(Shape{1, 1}, Shape{1, 8}, Shape{2, 2}, Shape{5, 1},
                                           Shape{5, 8}),
                         [](const auto& shape_info) {
                           return std::to_string(shape_info.param.shards) + "Shards" +
                                  std::to_string(shape_info.param.threads) + "Threads";
                         });

}  // namespace
}  // namespace ordinate
