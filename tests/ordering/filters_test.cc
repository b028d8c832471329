// contract 3.4: whatever share of the rows matches a filter, and wherever these lie to the vector,
// min(k, matching) of them come back, and the nearest.
#include <algorithm>
#include <cstdio>
#include <map>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/parity/filter_cases.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

#ifdef ORDINATE_SANITIZER
constexpr uint32_t kRows = 4'000, kQuestions = 8;
#else
constexpr uint32_t kRows = 20'000, kQuestions = 20;
#endif
constexpr uint32_t kDim = 16;
constexpr uint32_t kClusters = 50;
constexpr uint64_t kSeed = 20'261'128;
constexpr uint64_t kLimit = 10;

class Filters : public ::testing::TestWithParam<uint32_t> {
 protected:
  Filters() : cases_(kSeed, kRows, kDim, kClusters, kQuestions), node_({.shards = GetParam()}) {}

  void SetUp() override {
    std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
    ASSERT_TRUE(node_.front().CreateTable(cases_.Table()).ok());
    std::vector<OracleRow> rows;
    for (uint32_t row = 0; row < kRows; ++row) rows.push_back({row, cases_.Cells(row)});
    LoadRows(node_.front(), "items", rows);
    MakeIndex(node_, "idx", Engine::kHnsw, Metric::kL2);
  }

  QueryRequest Request(const FilterCases::Question& question, const FilterCases::Case& one) const {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = question.vector;
    request.limit = kLimit;
    request.filter = one.filter();
    return request;
  }

  // The nearest rows that match, by brute force.
  std::vector<RowId> Nearest(const Vector& vector, const FilterCases::Case& one) const {
    std::vector<std::pair<double, RowId>> order;
    for (uint32_t row = 0; row < kRows; ++row) {
      if (!one.Matches(row)) continue;
      double sum = 0;
      for (uint32_t d = 0; d < kDim; ++d) {
        const double difference = double{vector[d]} - double{cases_.vector(row)[d]};
        sum += difference * difference;
      }
      order.emplace_back(sum, row);
    }
    std::sort(order.begin(), order.end());
    std::vector<RowId> ids;
    for (size_t i = 0; i < std::min<size_t>(kLimit, order.size()); ++i) {
      ids.push_back(order[i].second);
    }
    return ids;
  }

  // Asks all questions; the plans' paths and reasons are counted.
  void Check(Lie lie, uint32_t matching, Path path, std::map<Path, int>& paths,
             std::map<Reason, int>& reasons) {
    SCOPED_TRACE(testing::Message() << matching << " of " << kRows << " match, " << LieName(lie));
    size_t found = 0, wanted = 0;
    for (const auto& question : cases_.questions()) {
      const FilterCases::Case one(cases_, question, lie, matching);
      QueryRequest request = Request(question, one);
      request.path = path;
      const QueryResult result = AskFor(node_.front(), request);
      ++paths[result.plan.path];
      ++reasons[result.plan.reason];
      ASSERT_EQ(result.ranked.size(), std::min<size_t>(kLimit, matching)) << PlanText(result.plan);
      const std::vector<RowId> nearest = Nearest(question.vector, one);
      wanted += nearest.size();
      size_t hits = 0;
      for (const RankedRow& row : result.ranked) {
        EXPECT_TRUE(one.Matches(row.id)) << row.id;
        hits += std::count(nearest.begin(), nearest.end(), row.id) > 0;
      }
      found += hits;
      if (result.plan.path == Path::kExact) {
        EXPECT_EQ(hits, nearest.size()) << PlanText(result.plan);
      }
    }
    EXPECT_GE(static_cast<double>(found), 0.95 * static_cast<double>(wanted));
  }

  const FilterCases cases_;
  Node node_;
};

// One index for all, as building it takes the time.
TEST_P(Filters, EveryShareOfRowsNearAndFarAndAnywhere) {
  std::map<Path, int> chosen, forced;
  std::map<Reason, int> reasons;
  for (const Lie lie : {Lie::kAnywhere, Lie::kNear, Lie::kFar}) {
    for (const uint32_t share : {2u, 10u, 100u, 1'000u, 10'000u}) {
      Check(lie, std::max(1u, kRows / share), Path::kAuto, chosen, reasons);
    }
  }
  // Of fewer rows on a shard, as under a sanitizer, all that match are scanned.
  if (kRows / GetParam() >= 4'000) {
    EXPECT_GT(chosen[Path::kAnn], 0);
  }
  EXPECT_GT(chosen[Path::kExact], 0);
  // Half of all rows match and lie elsewhere: contract 3.5, the search says so.
  reasons.clear();
  Check(Lie::kFar, kRows / 2, Path::kAuto, chosen, reasons);
  EXPECT_GT(reasons[Reason::kSelectiveFilter], 0);
  // Through the graph, where the planner would and would not.
  for (const Lie lie : {Lie::kAnywhere, Lie::kNear, Lie::kFar}) {
    for (const uint32_t share : {2u, 20u, 50u, 200u}) {
      Check(lie, kRows / share, Path::kAnn, forced, reasons);
    }
  }
  EXPECT_GT(forced[Path::kAnn], 0);
}

INSTANTIATE_TEST_SUITE_P(Shards, Filters, ::testing::Values(1, 2),
                         [](const auto& shards) { return std::to_string(shards.param); });

#endif

}  // namespace
}  // namespace ordinate
