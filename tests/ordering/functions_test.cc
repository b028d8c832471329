// contract 7.1: the table functions, as statements and as requests, row for row against an oracle.
#include <algorithm>
#include <cstdio>

#include "gtest/gtest.h"
#include "service/statement/executor.h"
#include "service/wire/filters.h"
#include "service/wire/table_functions.h"
#include "service/wire/values.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"
#include "tests/statement/kept.h"

namespace ordinate {
namespace {

#ifdef ORDINATE_WITH_HNSW

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kSeed = 20'261'131;
constexpr uint32_t kDim = 8;
// Of so few rows, a search with this pool finds the nearest ones always.
constexpr uint32_t kWidePool = 1'500;

std::string MetricWord(Metric metric) {
  return metric == Metric::kL2 ? "l2" : metric == Metric::kCosine ? "cosine" : "ip";
}

std::string VectorText(const Vector& vector) {
  std::string text = "'[";
  for (const float x : vector) {
    char number[32];
    std::snprintf(number, sizeof(number), "%s%.9g", text.size() == 2 ? "" : ",",
                  static_cast<double>(x));
    text += number;
  }
  return text + "]'";
}

class Functions : public ::testing::TestWithParam<Metric> {
 protected:
  static void SetUpTestSuite() {
    rows_ = new std::vector<OracleRow>(RandomRows(kSeed, 3'000, kDim));
    node_ = new Node({.shards = 2, .threads = 2});
    table_ = new TableDef(*node_->front().CreateTable(ParityTable(kDim)));
    LoadRows(node_->front(), "items", *rows_);
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      MakeIndex(*node_, "by_" + MetricWord(metric), Engine::kHnsw, metric);
    }
  }
  static void TearDownTestSuite() {
    delete table_;
    delete node_;
    delete rows_;
  }
  void SetUp() override {
    std::mt19937_64 random(kSeed + 1);
    for (int q = 0; q < 10; ++q) questions_.push_back(RandomVector(random, kDim));
  }

  static statement::Kept Do(const std::string& text) {
    statement::Kept kept;
    const CallContext context;
    const absl::Status status = statement::Execute(node_->front(), text, {}, kept, context);
    EXPECT_TRUE(status.ok()) << text << ": " << status;
    return kept;
  }
  static std::string Explained(const std::string& text) {
    std::string plan;
    for (const std::string& line : Do("EXPLAIN " + text).Column("plan")) plan += line + "\n";
    return plan;
  }

  std::vector<OracleAnswer> Expected(const Vector& vector, uint64_t k,
                                     const std::string& filter = "") const {
    QueryRequest request{.table = "items", .column = "v", .vector = vector, .limit = k};
    request.metric = GetParam();
    if (!filter.empty()) request.filter = *ParseFilter(filter);
    return OrderOracle(*table_, *rows_).Answer(request);
  }

  // row_id, score and ord are those expected, in order.
  static void ExpectRows(const statement::Kept& kept, const std::vector<OracleAnswer>& expected) {
    ASSERT_EQ(kept.names, (std::vector<std::string>{"row_id", "score", "ord"}));
    Answer answer;
    for (size_t i = 0; i < kept.rows.size(); ++i) {
      answer.emplace_back(std::get<uint64_t>(kept.rows[i][0]), std::get<double>(kept.rows[i][1]));
      EXPECT_EQ(std::get<uint64_t>(kept.rows[i][2]), i) << "ord";
    }
    ExpectEqual(answer, expected);
  }
  template <typename Response>
  static void ExpectNeighbors(const Response& response, const std::vector<OracleAnswer>& expected) {
    Answer answer;
    for (int i = 0; i < response.rows_size(); ++i) {
      answer.emplace_back(response.rows(i).row_id(), response.rows(i).score());
      EXPECT_EQ(response.rows(i).ord(), static_cast<uint32_t>(i));
    }
    ExpectEqual(answer, expected);
  }

  std::vector<Vector> questions_;
  static std::vector<OracleRow>* rows_;
  static Node* node_;
  static TableDef* table_;
};
std::vector<OracleRow>* Functions::rows_;
Node* Functions::node_;
TableDef* Functions::table_;

TEST_P(Functions, NearestNeighborsByStatement) {
  for (const Vector& vector : questions_) {
    for (const uint64_t k : {1u, 10u, 40u}) {
      const std::string call =
          Concat("SELECT * FROM nearest_neighbors('items', 'v', ", VectorText(vector), ", ", k,
                 ", '", MetricWord(GetParam()), "', ", kWidePool, ")");
      ASSERT_NO_FATAL_FAILURE(ExpectRows(Do(call), Expected(vector, k)));
      EXPECT_THAT(Explained(call),
                  AllOf(StartsWith("ANN\n"), HasSubstr(Concat("metric: ", MetricName(GetParam()))),
                        HasSubstr(Concat("ef_search: ", kWidePool)), HasSubstr(Concat("k: ", k))));
    }
  }
}

TEST_P(Functions, NearestNeighborsByRequest) {
  for (const Vector& vector : questions_) {
    for (const std::string filter : {"", "price < 15 AND NOT grp = 'g2'"}) {
      v1::NearestNeighborsRequest proto;
      proto.set_table("items");
      proto.set_column("v");
      VectorToProto(vector, proto.mutable_qvec());
      proto.set_k(20);
      proto.set_metric(static_cast<v1::Metric>(GetParam()));
      proto.set_ef_search(kWidePool);
      if (!filter.empty()) proto.mutable_filter()->set_text(filter);
      const auto request = NearestNeighborsFromProto(proto);
      ASSERT_TRUE(request.ok()) << request.status();
      v1::NearestNeighborsResponse response;
      const QueryResult result = AskFor(node_->front(), *request);
      NearestNeighborsToProto(result, *table_, false, &response);
      ASSERT_NO_FATAL_FAILURE(ExpectNeighbors(response, Expected(vector, 20, filter)));
      if (!filter.empty()) continue;  // it may be cheaper to scan for what matches
      EXPECT_EQ(result.plan.path, Path::kAnn) << PlanText(result.plan);
      EXPECT_EQ(result.plan.ef_search, kWidePool);
    }
  }
}

// `topk` candidates are taken from the index before the cut to k, instead of W.
TEST_P(Functions, VectorSearchByStatement) {
  const std::string index = "by_" + MetricWord(GetParam());
  for (const Vector& vector : questions_) {
    const std::string call =
        Concat("SELECT * FROM vector_search('", index, "', ", VectorText(vector), ", 10");
    ASSERT_NO_FATAL_FAILURE(
        ExpectRows(Do(Concat(call, ", ", kWidePool, ", 'ann')")), Expected(vector, 10)));
    ASSERT_NO_FATAL_FAILURE(ExpectRows(Do(call + ", NULL, 'exact')"), Expected(vector, 10)));
    EXPECT_THAT(Explained(call + ", 25, 'ann')"),
                AllOf(StartsWith("ANN\nreason: FORCED\n"), HasSubstr("index: " + index),
                      HasSubstr("\nw: 25\n")));
    EXPECT_THAT(Explained(call + ")"), AllOf(StartsWith("ANN\n"), HasSubstr("\nw: 60\n")));
    EXPECT_THAT(Explained(call + ", NULL, 'exact')"), StartsWith("EXACT\nreason: FORCED\n"));
  }
  statement::Kept kept;
  const CallContext context;
  const absl::Status refused = statement::Execute(
      node_->front(),
      Concat("SELECT * FROM vector_search('", index, "', ", VectorText(questions_[0]), ", 10, 9)"),
      {}, kept, context);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("topk is 9; expected k, which is 10"));
}

TEST_P(Functions, VectorSearchByRequest) {
  for (const Vector& vector : questions_) {
    for (const v1::Path engine : {v1::PATH_UNSPECIFIED, v1::PATH_ANN, v1::PATH_EXACT}) {
      v1::VectorSearchRequest proto;
      proto.set_index("by_" + MetricWord(GetParam()));
      VectorToProto(vector, proto.mutable_qvec());
      proto.set_k(20);
      proto.set_topk(engine == v1::PATH_EXACT ? 0 : 700);
      proto.set_engine(engine);
      const auto request = VectorSearchFromProto(proto, "items", "v");
      ASSERT_TRUE(request.ok()) << request.status();
      v1::VectorSearchResponse response;
      const QueryResult result = AskFor(node_->front(), *request);
      VectorSearchToProto(result, *table_, false, &response);
      ASSERT_NO_FATAL_FAILURE(ExpectNeighbors(response, Expected(vector, 20)));
      const bool exact = engine == v1::PATH_EXACT;
      EXPECT_EQ(result.plan.path, exact ? Path::kExact : Path::kAnn) << PlanText(result.plan);
      EXPECT_EQ(result.plan.w, exact ? 0u : 700u);
      EXPECT_EQ(result.plan.index, proto.index());
    }
  }
}

// The join back gives the rows of the k found, filtered and ordered anew; ord stays the place that
// the function found them at.
TEST_P(Functions, JoinedBackWithAFilterAndAnotherOrder) {
  const auto cell = [](RowId id, size_t column) {
    const auto row = std::find_if(rows_->begin(), rows_->end(),
                                  [id](const OracleRow& candidate) { return candidate.id == id; });
    return row->cells[column];
  };
  for (const Vector& vector : questions_) {
    const statement::Kept kept =
        Do(Concat("SELECT nn.ord, d.id, d.price, nn.score FROM nearest_neighbors('items', 'v', ",
                  VectorText(vector), ", 40, '", MetricWord(GetParam()), "', ", kWidePool,
                  ") AS nn JOIN items AS d ON d.__row_id = nn.row_id WHERE d.price < 12 ORDER BY "
                  "d.price DESC, nn.ord LIMIT 9 OFFSET 2"));
    struct Hit {
      int64_t price;
      uint64_t ord;
      int64_t id;
      double score;
    };
    std::vector<Hit> hits;
    const auto nearest = Expected(vector, 40);
    for (uint64_t ord = 0; ord < nearest.size(); ++ord) {
      const Value price = cell(nearest[ord].id, 2);
      if (IsNull(price) || std::get<int64_t>(price) >= 12) continue;
      hits.push_back({std::get<int64_t>(price), ord, std::get<int64_t>(cell(nearest[ord].id, 0)),
                      *nearest[ord].score});
    }
    std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
      return a.price != b.price ? a.price > b.price : a.ord < b.ord;
    });
    ASSERT_GT(hits.size(), 11u) << "the filter leaves too little to see";
    ASSERT_EQ(kept.rows.size(), 9u);
    for (size_t i = 0; i < kept.rows.size(); ++i) {
      const Hit& hit = hits[i + 2];
      EXPECT_EQ(std::get<uint64_t>(kept.rows[i][0]), hit.ord);
      EXPECT_EQ(std::get<int64_t>(kept.rows[i][1]), hit.id);
      EXPECT_EQ(std::get<int64_t>(kept.rows[i][2]), hit.price);
      EXPECT_EQ(std::get<double>(kept.rows[i][3]), hit.score);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, Functions,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kIp),
                         [](const auto& metric) { return std::string(MetricName(metric.param)); });

#endif

}  // namespace
}  // namespace ordinate
