// contract 3.5: every reason for a path, forced, and seen in the plan, its text and the metric.
#include <algorithm>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "service/server/metrics.h"
#include "service/server/query_log.h"
#include "tests/ordering/ask.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

constexpr uint32_t kDim = 4;
constexpr uint64_t kSeed = 20'261'127;

// A table of 3,000 rows whose vectors may have any dim, and an L2 HNSW index of dim 4.
class Reasons : public ::testing::Test {
 protected:
  Reasons() : node_({.shards = 2, .threads = 2, .observer = &log_}) {}
  static void TearDownTestSuite() {
    const auto* suite = ::testing::UnitTest::GetInstance()->current_test_suite();
    if (suite->test_to_run_count() < suite->total_test_count()) return;
    for (uint8_t reason = 1; ReasonName(static_cast<Reason>(reason)) != "UNKNOWN"; ++reason) {
      EXPECT_TRUE(forced_.contains(static_cast<Reason>(reason)))
          << ReasonName(static_cast<Reason>(reason)) << " is forced by no test";
    }
  }
  void SetUp() override {
    TableDef table = ParityTable(kDim);
    table.columns[4].dim = 0;
    ASSERT_TRUE(node_.front().CreateTable(table).ok());
    std::mt19937_64 random(kSeed);
    std::vector<OracleRow> rows;
    for (int64_t id = 1; id <= 3'000; ++id) {
      rows.push_back(
          {static_cast<RowId>(id),
           {id, Value("g" + std::to_string(id % 1'000)), id % 7, 0.5, RandomVector(random, kDim)}});
    }
    LoadRows(node_.front(), "items", rows);
    request_.table = "items";
    request_.column = "v";
    request_.vector = Vector(kDim, 0.1f);
    request_.limit = 5;
  }

  void CreateIndex(const std::string& name, Metric metric, uint32_t dim = kDim) {
    IndexDef index;
    index.name = name;
    index.metric = metric;
    index.dim = dim;
    index.dim_policy = DimPolicy::kSkip;
    ASSERT_TRUE(node_.front().CreateIndex("items", "v", index).ok());
    node_.WaitForIndex(name);
  }

  // Questions counted under the labels; empty: under any.
  double Counted(std::string_view path, std::string_view reason) const {
    double count = 0;
    for (const auto& family : metrics_.registry()->Collect()) {
      if (family.name != "ordinate_queries_total") continue;
      for (const auto& metric : family.metric) {
        const std::set<std::string> labels = {metric.label[0].value, metric.label[1].value};
        if (path.empty() || labels == std::set{std::string(path), std::string(reason)}) {
          count += metric.counter.value;
        }
      }
    }
    return count;
  }
  // Runs `ask`, and expects it to be counted once, under these labels.
  template <typename Asking>
  void ExpectCounted(Path path, Reason reason, const Asking& ask) {
    const double before = Counted(PathName(path), ReasonName(reason)), all = Counted("", "");
    ask();
    EXPECT_EQ(Counted(PathName(path), ReasonName(reason)), before + 1);
    EXPECT_EQ(Counted("", ""), all + 1);
    forced_.insert(reason);
  }

  void Expect(Path path, Reason reason) {
    QueryResult result;
    ExpectCounted(path, reason, [&] { result = AskFor(node_.front(), request_); });
    EXPECT_EQ(result.plan.path, path) << PlanText(result.plan);
    EXPECT_EQ(result.plan.reason, reason) << PlanText(result.plan);
    EXPECT_FALSE(result.plan.sentence.empty());
    const std::string text = PlanText(result.plan);
    EXPECT_EQ(text.rfind(Concat(PathName(path), "\nreason: ", ReasonName(reason), "\n"), 0), 0u)
        << text;
  }
  // What Explain says without running is what running then reports, fact by fact.
  void ExpectExplained(Path path, Reason reason) {
    const CallContext context;
    const double counted = Counted("", "");
    const auto plan = node_.front().Explain(request_, context);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(Counted("", ""), counted) << "nothing was run";
    QueryRequest analyzed = request_;
    analyzed.analyze = true;
    const QueryResult result = AskFor(node_.front(), analyzed);
    EXPECT_EQ(PlanText(*plan), PlanText(result.plan));
    EXPECT_EQ(result.w_used, plan->w);
    EXPECT_EQ(result.shard_stats.size(), plan->shards);
    EXPECT_LE(result.ranked.size(), plan->k);
    for (const ShardQueryStats& shard : result.shard_stats) {
      for (const SegmentStats& segment : shard.segments) {
        if (reason != Reason::kIndexNotReady) {
          EXPECT_EQ(segment.segment == "rows", plan->index_id == 0);
        }
        if (segment.segment == "tail") continue;  // scanned on either path
        EXPECT_EQ(segment.path, plan->path);
        EXPECT_EQ(segment.candidates, plan->w);
      }
    }
    Expect(path, reason);
  }

  ServerMetrics metrics_;
  QueryLog log_{metrics_};
  Node node_;
  QueryRequest request_;
  static std::set<Reason> forced_;
};
std::set<Reason> Reasons::forced_;

TEST_F(Reasons, IndexMatch) {
  CreateIndex("idx", Metric::kL2);
  ExpectExplained(Path::kAnn, Reason::kIndexMatch);
}
TEST_F(Reasons, NoIndex) { ExpectExplained(Path::kExact, Reason::kNoIndex); }
TEST_F(Reasons, MetricMismatch) {
  CreateIndex("idx", Metric::kL2);
  request_.metric = Metric::kIp;
  ExpectExplained(Path::kExact, Reason::kMetricMismatch);
}
TEST_F(Reasons, DimMismatch) {
  CreateIndex("idx", Metric::kL2);
  request_.vector = {1, 2};
  ExpectExplained(Path::kExact, Reason::kDimMismatch);
  EXPECT_FALSE(AskFor(node_.front(), request_).plan.warnings.empty());
}
TEST_F(Reasons, IndexNotReady) {
  LoadRows(node_.front(), "items",
           {{9'000, {int64_t{9'000}, Value(), Value(), Value(), Vector{1, 2, 3}}}});
  IndexDef index;
  index.name = "idx";
  index.dim = kDim;
  index.dim_policy = DimPolicy::kError;
  ASSERT_TRUE(node_.front().CreateIndex("items", "v", index).ok());
  EXPECT_EQ(node_.WaitForIndex("idx").total.state, IndexState::kFailed);
  ExpectExplained(Path::kExact, Reason::kIndexNotReady);
}
TEST_F(Reasons, Direction) {
  CreateIndex("idx", Metric::kL2);
  request_.direction = Direction::kDescending;
  ExpectExplained(Path::kExact, Reason::kDirection);
}
TEST_F(Reasons, SmallTable) {
  CreateIndex("idx", Metric::kL2, 3);  // no row has that dim
  request_.vector = {1, 2, 3};
  ExpectExplained(Path::kExact, Reason::kSmallTable);
}
TEST_F(Reasons, SelectiveFilter) {
  CreateIndex("idx", Metric::kL2);
  request_.filter = *ParseFilter("grp = 'g1'");
  ExpectExplained(Path::kExact, Reason::kSelectiveFilter);
  EXPECT_EQ(AskFor(node_.front(), request_).ranked.size(), 3u) << "contract 3.4";
}
TEST_F(Reasons, TiesNotClosed) {
  CreateIndex("idx", Metric::kL2);
  request_.ties = {.form = TieForm::kBucket, .width = 1'000};
  Expect(Path::kExact, Reason::kTiesNotClosed);
}
TEST_F(Reasons, WNearRowCount) {
  CreateIndex("idx", Metric::kL2);
  request_.limit = 400;
  ExpectExplained(Path::kExact, Reason::kWNearRowCount);
}
TEST_F(Reasons, Forced) {
  CreateIndex("idx", Metric::kL2);
  request_.path = Path::kExact;
  ExpectExplained(Path::kExact, Reason::kForced);
  request_.path = Path::kAnn;
  ExpectExplained(Path::kAnn, Reason::kForced);
}
TEST_F(Reasons, Underfilled) {
  CreateIndex("idx", Metric::kL2);
  request_.path = Path::kAnn;
  request_.filter = *ParseFilter("grp = 'g1'");  // 3 rows match, 5 are asked for
  Expect(Path::kExact, Reason::kUnderfilled);
  EXPECT_EQ(AskFor(node_.front(), request_).ranked.size(), 3u);
}
TEST_F(Reasons, Groups) {
  CreateIndex("idx", Metric::kL2);
  request_.group_by = GroupBy{"price", 1};
  ExpectExplained(Path::kExact, Reason::kGroups);
}
TEST_F(Reasons, NoLimit) {
  CreateIndex("idx", Metric::kL2);
  Plan plan;
  ExpectCounted(Path::kExact, Reason::kNoLimit, [&] {
    EXPECT_EQ(AskStream(node_.front(), request_, StreamOrder::kStrict, nullptr, &plan).size(),
              3'000u);
  });
  EXPECT_EQ(plan.path, Path::kExact);
  EXPECT_EQ(plan.reason, Reason::kNoLimit);
  EXPECT_EQ(PlanText(plan).rfind("EXACT\nreason: NO_LIMIT\n", 0), 0u);
}

// contract 3.4: a filter never makes an answer short, whichever strategy applies it.
TEST_F(Reasons, FilterStrategiesReturnAllThatMatch) {
  CreateIndex("idx", Metric::kL2);
  for (const char* text : {"price < 6", "price = 3", "grp LIKE 'g1%'", "id BETWEEN 5 AND 40"}) {
    request_.filter = *ParseFilter(text);
    for (const Path path : {Path::kAuto, Path::kAnn, Path::kExact}) {
      for (const uint64_t limit : {1u, 10u, 100u}) {
        request_.path = path;
        request_.limit = limit;
        const CallContext context;
        const uint64_t matching = *node_.front().Count("items", request_.filter, context);
        EXPECT_EQ(AskFor(node_.front(), request_).ranked.size(), std::min(limit, matching))
            << text << ", limit " << limit;
      }
    }
  }
}

// contract 4.2: what running tells agrees with itself and with the plan.
TEST_F(Reasons, AnalysisAddsUp) {
  CreateIndex("idx", Metric::kL2);
  request_.analyze = true;
  const QueryResult result = AskFor(node_.front(), request_);
  ASSERT_EQ(result.shard_stats.size(), 2u);
  uint64_t rescored = 0, candidates = 0, nodes = 0;
  for (const ShardQueryStats& shard : result.shard_stats) {
    for (const SegmentStats& segment : shard.segments) {
      rescored += segment.rescored;
      candidates += segment.candidates;
      nodes += segment.nodes_visited;
    }
  }
  EXPECT_EQ(rescored, result.stats.rescored);
  EXPECT_EQ(candidates, result.stats.candidates);
  EXPECT_EQ(candidates, 2 * result.w_used);
  EXPECT_EQ(nodes, result.stats.nodes_visited);
  EXPECT_GT(nodes, 0u);
  EXPECT_EQ(result.w_used, result.plan.w);
}

#endif

}  // namespace
}  // namespace ordinate
