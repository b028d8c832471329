// contract 6.3: recall as MeasureRecall reports it, against answers compared one by one.
#include <algorithm>
#include <set>

#include "engine/shard/vector_sample.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/metric_family.h"
#include "service/server/recall_monitor.h"
#include "storage/base/text.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 20'261'126;
constexpr uint32_t kDim = 24;
constexpr uint32_t kRows = 2'000;
constexpr size_t kVector = 4;  // column of the table

class Recall : public ::testing::Test {
 protected:
  Recall() : node_({.shards = 2, .threads = 2, .observer = &observer_}) {}

  void Load(std::vector<OracleRow> rows) {
    rows_ = std::move(rows);
    (void)*node_.front().CreateTable(ParityTable(kDim));
    LoadRows(node_.front(), "items", rows_);
  }
  void Create(Engine engine, uint32_t m = 16, uint32_t ef_build = 200) {
    IndexDef index;
    index.name = "idx";
    index.engine = engine;
    if (engine == Engine::kHnsw) {
      index.m = m;
      index.ef_build = ef_build;
    }
    const auto created = node_.front().CreateIndex("items", "v", index);
    ASSERT_TRUE(created.ok()) << created.status();
    node_.WaitForIndex("idx");
  }
  static RecallQuestion Question(uint32_t samples) {
    RecallQuestion question;
    question.index = "idx";
    question.samples = samples;
    question.seed = 7;
    return question;
  }
  RecallAnswer Measure(const RecallQuestion& question) {
    const CallContext context;
    const auto answer = node_.front().MeasureRecall(question, context);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : RecallAnswer();
  }
  absl::Status Refused(const RecallQuestion& question) {
    const CallContext context;
    return node_.front().MeasureRecall(question, context).status();
  }
  // Rows nearest to the row, itself left out.
  std::set<RowId> Nearest(const OracleRow& row, Path path, uint32_t k,
                          const std::map<std::string, std::string>& settings) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.index = "idx";
    request.vector = std::get<Vector>(row.cells[kVector]);
    request.limit = k + 1;
    request.path = path;
    request.settings = settings;
    std::set<RowId> ids;
    for (const RankedRow& found : AskFor(node_.front(), request).ranked) {
      if (found.id != row.id && ids.size() < k) ids.insert(found.id);
    }
    return ids;
  }

  struct Counter final : QueryObserver {
    std::atomic<int> queries{0};
    void OnQuery(const QueryRequest&, const absl::StatusOr<QueryResult>&, int64_t) override {
      ++queries;
    }
  };
  Counter observer_;
  Node node_;
  std::vector<OracleRow> rows_;
};

TEST_F(Recall, OfAFlatIndexIsOne) {
  Load(RandomRows(kSeed, 300, kDim));
  Create(Engine::kFlat);
  const RecallAnswer answer = Measure(Question(50));
  EXPECT_EQ(answer.samples, 50u);
  EXPECT_EQ(answer.recall, 1);
  EXPECT_EQ(answer.worst, 1);
  EXPECT_EQ(answer.high, 1);
  EXPECT_LT(answer.low, 1) << "fifty samples do not prove it of all";
  EXPECT_EQ(answer.plan.path, Path::kExact);
}

TEST_F(Recall, OfAnEmptyIndexIsOfNoSample) {
  Load({});
  Create(Engine::kFlat);
  EXPECT_EQ(Measure(Question(50)).samples, 0u);
}

TEST_F(Recall, RefusesWhatItCannotMeasureByName) {
  Load(RandomRows(kSeed, 20, kDim));
  EXPECT_EQ(Refused(Question(10)).code(), absl::StatusCode::kNotFound);
  Create(Engine::kFlat);
  EXPECT_THAT(Refused(Question(0)).message(), AllOf(HasSubstr("samples is 0"), HasSubstr("10000")));
  EXPECT_THAT(Refused(Question(10'001)).message(), HasSubstr("samples is 10001"));
  RecallQuestion question = Question(10);
  question.k = 1'001;
  EXPECT_THAT(Refused(question).message(), AllOf(HasSubstr("k is 1001"), HasSubstr("1000")));
  question.k = 5;
  question.settings = {{"vector.search.ef", "3"}};
  EXPECT_EQ(Refused(question).code(), absl::StatusCode::kInvalidArgument);
}

// Masked rows are never drawn, all others in time.
TEST_F(Recall, AsksAboutRowsThatTheIndexShows) {
  Load(RandomRows(kSeed, 400, kDim));
  Create(Engine::kFlat);
  std::set<RowId> live;
  std::vector<KeyInput> keys;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (i % 4 != 0) {
      keys.push_back({{}, rows_[i].id});
    } else if (std::holds_alternative<Vector>(rows_[i].cells[kVector])) {
      live.insert(rows_[i].id);
    }
  }
  const CallContext context;
  ASSERT_TRUE(node_.front().Delete("items", keys, context).ok());
  const uint32_t id = node_.front().FindIndex("idx")->index.id;
  std::set<RowId> drawn;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    for (ShardClient* const shard : node_.shards()) {
      shard->SampleVectors(id, 5, seed, context,
                           [&](absl::StatusOr<std::vector<SampledVector>> sample) {
                             ASSERT_TRUE(sample.ok()) << sample.status();
                             EXPECT_EQ(sample->size(), 5u);
                             std::set<RowId> once;
                             for (const SampledVector& one : *sample) {
                               EXPECT_TRUE(live.count(one.id) > 0) << one.id;
                               EXPECT_TRUE(once.insert(one.id).second);
                               drawn.insert(one.id);
                             }
                           });
    }
  }
  EXPECT_EQ(drawn, live);
  EXPECT_EQ(Measure(Question(10'000)).samples, live.size());
}

#ifdef ORDINATE_WITH_HNSW

// All rows asked about: the measured mean is that of the answers, compared by id.
TEST_F(Recall, IsThatOfTheAnswers) {
  std::vector<OracleRow> rows = RandomRows(kSeed, kRows, kDim);
  std::mt19937_64 random(kSeed);
  for (OracleRow& row : rows) row.cells[kVector] = RandomVector(random, kDim);
  Load(std::move(rows));
  Create(Engine::kHnsw, 4, 8);
  RecallQuestion question = Question(10'000);
  question.settings = {{"vector.search.ef_search", "4"}, {"vector.preselect_alpha", "1"}};
  question.k = 4;
  const RecallAnswer answer = Measure(question);
  ASSERT_EQ(answer.samples, rows_.size());
  double sum = 0, worst = 1;
  for (const OracleRow& row : rows_) {
    const std::set<RowId> truth = Nearest(row, Path::kExact, 4, {});
    size_t hits = 0;
    for (const RowId id : Nearest(row, Path::kAnn, 4, question.settings)) hits += truth.count(id);
    const double recall = static_cast<double>(hits) / static_cast<double>(truth.size());
    sum += recall;
    worst = std::min(worst, recall);
  }
  EXPECT_NEAR(answer.recall, sum / static_cast<double>(rows_.size()), 1e-9) << "seed " << kSeed;
  EXPECT_EQ(answer.worst, worst);
  EXPECT_LT(answer.recall, 0.99) << "so poor a graph shows whether anything is measured";
  EXPECT_LT(answer.low, answer.recall);
  EXPECT_GT(answer.high, answer.recall);
  EXPECT_EQ(answer.plan.path, Path::kAnn);
  question.settings = {{"vector.search.ef_search", "400"}};
  EXPECT_GT(Measure(question).recall, answer.high);
}

TEST_F(Recall, OfTheSameSeedIsTheSame) {
  Load(RandomRows(kSeed, kRows, kDim));
  Create(Engine::kHnsw, 4, 8);
  RecallQuestion question = Question(60);
  question.settings = {{"vector.search.ef_search", "5"}, {"vector.preselect_alpha", "1"}};
  question.k = 5;
  const RecallAnswer answer = Measure(question);
  EXPECT_EQ(Measure(question).recall, answer.recall);
  EXPECT_EQ(observer_.queries, 2 * 2 * 60) << "who asks is told of";
}

TEST_F(Recall, IsMeasuredForTheMetricsWithoutCountingAsQueries) {
  Load(RandomRows(kSeed, kRows, kDim));
  Create(Engine::kHnsw);
  RecallMonitor monitor(node_.front(), std::chrono::seconds(0), 20);
  const auto value = [&](const std::string& name) {
    std::vector<double> values;
    for (const auto& family : monitor.Collect()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        EXPECT_EQ(metric.label[1].value, "idx");
        values.push_back(metric.gauge.value);
      }
    }
    return values;
  };
  EXPECT_TRUE(value("ordinate_index_recall_ratio").empty()) << "nothing was measured yet";
  monitor.MeasureAll();
  ASSERT_EQ(value("ordinate_index_recall_ratio").size(), 1u);
  EXPECT_GT(value("ordinate_index_recall_ratio")[0], 0.9);
  EXPECT_LT(value("ordinate_index_recall_low_ratio")[0], value("ordinate_index_recall_ratio")[0]);
  EXPECT_GT(value("ordinate_index_recall_timestamp_seconds")[0], 1.7e9);
  EXPECT_EQ(observer_.queries, 0);
  ASSERT_TRUE(node_.front().DropIndex("idx").ok());
  monitor.MeasureAll();
  EXPECT_TRUE(value("ordinate_index_recall_ratio").empty());
}

// By itself, in turns; and an end in the middle of one is no matter.
TEST_F(Recall, IsMeasuredByASchedule) {
  Load(RandomRows(kSeed, kRows, kDim));
  Create(Engine::kHnsw);
  RecallMonitor monitor(node_.front(), std::chrono::seconds(1), 5);
  while (monitor.Collect()[0].metric.empty()) std::this_thread::yield();
}

#endif

}  // namespace
}  // namespace ordinate
