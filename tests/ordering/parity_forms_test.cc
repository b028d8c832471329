// contract 2 and 3.6: every form of the order, cut in every way, row for row against an oracle.
#include <algorithm>
#include <iostream>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'123;

// 100,000 rows and so many questions per combination; a nightly run asks ten times as many, a
// sanitizer fewer of fewer rows.
struct Scale {
  size_t rows, queries, streams;
  uint32_t dim;
};
Scale TheScale() {
  if (std::getenv("ORDINATE_NIGHTLY") != nullptr) return {100'000, 1'000, 20, 128};
#if defined(ORDINATE_SANITIZER) || !defined(ORDINATE_WITH_HNSW)
  return {4'000, 4, 1, 16};
#else
  return {100'000, 100, 2, 128};
#endif
}

const std::vector<std::vector<SortKey>> kKeys = {
    {}, {{"price", false, false}}, {{"grp", true, true}, {"weight", false, true}}};

enum class CutForm { kLimit, kOffset, kPages, kNone };

class ParityForms : public ::testing::TestWithParam<Metric> {
 protected:
  static void SetUpTestSuite() {
    scale_ = TheScale();
    rows_ = new std::vector<OracleRow>(RandomRows(kSeed, scale_.rows, scale_.dim));
    node_ = new Node({.shards = 2, .threads = 2});
    table_ = new TableDef(*node_->front().CreateTable(ParityTable(scale_.dim)));
    LoadRows(node_->front(), "items", *rows_);
    oracle_ = new OrderOracle(*table_, *rows_);
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      MakeIndex(*node_, Concat("by_", MetricName(metric)), Engine::kFlat, metric);
    }
    std::cout << "seed " << kSeed << ", " << scale_.rows << " rows, " << scale_.queries
              << " questions per combination\n";
  }
  static void TearDownTestSuite() {
    delete oracle_;
    delete table_;
    delete node_;
    delete rows_;
  }

  static QueryRequest Question(Metric metric, const Vector& vector, size_t filter) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = vector;
    request.metric = metric;
    request.path = Path::kExact;
    if (filter == 1) request.filter = *ParseFilter("price < 7 AND NOT grp = 'g2'");
    return request;
  }

  // A row that has a vector, not a zero one.
  static const OracleRow& WithVector(std::mt19937_64& random) {
    while (true) {
      const OracleRow& row = (*rows_)[random() % rows_->size()];
      const auto* vector = std::get_if<Vector>(&row.cells[4]);
      if (vector != nullptr &&
          std::any_of(vector->begin(), vector->end(), [](float x) { return x != 0; })) {
        return row;
      }
    }
  }

  // Widths that put some rows, and many rows, into one bucket.
  static TieRule Ties(size_t form, Metric metric, std::mt19937_64& random) {
    if (form == 1) {
      const double width = metric == Metric::kCosine ? 0.01 : 0.5;
      return {.form = TieForm::kBucket, .width = random() % 2 == 0 ? width : width / 50};
    }
    if (form == 2) return {.form = TieForm::kWithinK, .n = 1 + random() % 200};
    return {};
  }

  static Scale scale_;
  static std::vector<OracleRow>* rows_;
  static Node* node_;
  static TableDef* table_;
  static OrderOracle* oracle_;
};
Scale ParityForms::scale_;
std::vector<OracleRow>* ParityForms::rows_;
Node* ParityForms::node_;
TableDef* ParityForms::table_;
OrderOracle* ParityForms::oracle_;

// contract 2.2, 2.5, 2.6: LIMIT, OFFSET, page tokens × keys × forms × filter.
TEST_P(ParityForms, CutAnswersEqualTheOracle) {
  std::mt19937_64 random(kSeed + 1);
  for (size_t q = 0; q < scale_.queries; ++q) {
    const Vector vector = q % 3 == 0 ? std::get<Vector>(WithVector(random).cells[4])
                                     : RandomVector(random, scale_.dim);
    const auto scores = oracle_->Scores(GetParam(), vector);
    for (size_t filter = 0; filter < 2; ++filter) {
      QueryRequest request = Question(GetParam(), vector, filter);
      const std::vector<char> matches = oracle_->Matches(request.filter);
      for (const auto& keys : kKeys) {
        request.order_by = keys;
        for (size_t form = 0; form < 3; ++form) {
          request.ties = Ties(form, GetParam(), random);
          for (const CutForm cut : {CutForm::kLimit, CutForm::kOffset, CutForm::kPages}) {
            request.limit = 1 + random() % 40;
            request.offset = cut == CutForm::kOffset ? random() % 60 : 0;
            SCOPED_TRACE(::testing::Message()
                         << "seed " << kSeed << ", question " << q << ", filter " << filter
                         << ", keys " << keys.size() << ", " << TieFormName(request.ties.form)
                         << ", limit " << request.limit << ", offset " << request.offset);
            if (cut == CutForm::kPages) {
              QueryRequest whole = request;
              whole.limit = 3 * request.limit;
              const auto expected = oracle_->Answer(whole, scores, matches);
              ASSERT_NO_FATAL_FAILURE(
                  ExpectEqual(AskPages(node_->front(), request, whole.limit), expected));
            } else {
              const auto expected = oracle_->Answer(request, scores, matches);
              ASSERT_NO_FATAL_FAILURE(ExpectEqual(Ask(node_->front(), request), expected));
            }
          }
        }
      }
    }
  }
}

// contract 3.3: without LIMIT, every row once, in the strict order.
TEST_P(ParityForms, StreamsEqualTheOracle) {
  std::mt19937_64 random(kSeed + 2);
  for (size_t q = 0; q < scale_.streams; ++q) {
    const Vector vector = RandomVector(random, scale_.dim);
    const auto scores = oracle_->Scores(GetParam(), vector);
    for (size_t filter = 0; filter < 2; ++filter) {
      QueryRequest request = Question(GetParam(), vector, filter);
      request.include_null_vectors = q % 2 == 0;
      const std::vector<char> matches = oracle_->Matches(request.filter);
      for (const auto& keys : kKeys) {
        request.order_by = keys;
        for (size_t form = 0; form < 3; ++form) {
          request.ties = Ties(form, GetParam(), random);
          SCOPED_TRACE(::testing::Message() << "question " << q << ", filter " << filter
                                            << ", keys " << keys.size() << ", form " << form);
          request.limit = 0;
          const auto expected = oracle_->Answer(request, scores, matches);
          request.limit = 5'000;  // the page
          uint64_t late = 1;
          ASSERT_NO_FATAL_FAILURE(ExpectEqual(
              AskStream(node_->front(), request, StreamOrder::kStrict, &late), expected));
          EXPECT_EQ(late, 0u);
        }
      }
    }
  }
}

// contract 3.6
TEST_P(ParityForms, RangesEqualTheOracle) {
  std::mt19937_64 random(kSeed + 3);
  for (size_t q = 0; q < scale_.queries; ++q) {
    QueryRequest request = Question(GetParam(), RandomVector(random, scale_.dim), q % 2);
    const auto scores = oracle_->Scores(GetParam(), request.vector);
    const auto matches = oracle_->Matches(request.filter);
    request.limit = 200;
    const auto nearest = oracle_->Answer(request, scores, matches);
    const double near = *nearest[random() % 20].score, far = *nearest[20 + random() % 100].score;
    request.range.min = std::min(near, far);
    request.range.max = std::max(near, far);
    if (q % 3 == 1) (OracleDescending(request) ? request.range.max : request.range.min).reset();
    request.order_by = kKeys[q % 3];
    request.limit = 1 + random() % 300;
    ASSERT_NO_FATAL_FAILURE(
        ExpectEqual(Ask(node_->front(), request), oracle_->Answer(request, scores, matches)));
    QueryRequest all = request;
    all.limit = 0;
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(AskStream(node_->front(), request, StreamOrder::kStrict),
                                        oracle_->Answer(all, scores, matches)));
  }
}

// contract 3.6
TEST_P(ParityForms, GroupsEqualTheOracle) {
  std::mt19937_64 random(kSeed + 4);
  for (size_t q = 0; q < scale_.queries; ++q) {
    QueryRequest request = Question(GetParam(), RandomVector(random, scale_.dim), q % 2);
    request.group_by = GroupBy{q % 3 == 0   ? "grp"
                               : q % 3 == 1 ? "price"
                                            : "weight",
                               1 + random() % 4};
    request.limit = 1 + random() % 8;
    request.offset = random() % 3;
    request.order_by = kKeys[random() % 3];
    request.ties = Ties(random() % 2, GetParam(), random);
    SCOPED_TRACE(::testing::Message() << "question " << q << " by " << request.group_by->column);
    const QueryResult result = AskFor(node_->front(), request);
    Answer answer;
    Append(result.ranked, answer);
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(answer, oracle_->Answer(request)));
    EXPECT_TRUE(std::is_sorted(result.groups.begin(), result.groups.end()));
  }
}

// contract 3.6: the row's own vector asks, and the row itself is left out.
TEST_P(ParityForms, MoreLikeARowEqualsTheOracle) {
  std::mt19937_64 random(kSeed + 5);
  for (size_t q = 0; q < scale_.queries; ++q) {
    const OracleRow& row = WithVector(random);
    QueryRequest request = Question(GetParam(), {}, q % 2);
    if (q % 2 == 0) {
      request.like = LikeRow{.key = {row.cells[0]}, .row_id = 0};
    } else {
      request.like = LikeRow{.key = {}, .row_id = row.id};
    }
    request.limit = 30;
    const Answer answer = Ask(node_->front(), request);
    QueryRequest plain = request;
    plain.vector = std::get<Vector>(row.cells[4]);
    plain.limit = 31;
    std::vector<OracleAnswer> expected = oracle_->Answer(plain);
    std::erase_if(expected, [&](const OracleAnswer& found) { return found.id == row.id; });
    expected.resize(30);
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(answer, expected));
  }
}

// contract 3.6: a batch answers each vector as if it were asked alone, and fails each alone.
TEST_P(ParityForms, BatchesEqualTheOracle) {
  std::mt19937_64 random(kSeed + 6);
  for (const size_t size : {size_t{1}, size_t{64}}) {
    std::vector<QueryRequest> batch;
    for (size_t i = 0; i < size; ++i) {
      QueryRequest request = Question(GetParam(), RandomVector(random, scale_.dim), i % 2);
      request.order_by = kKeys[i % 3];
      request.limit = 20;
      if (i == 7) request.vector.pop_back();
      batch.push_back(std::move(request));
    }
    const CallContext context;
    const auto results = node_->front().QueryBatch(batch, context);
    ASSERT_EQ(results.size(), size);
    for (size_t i = 0; i < size; ++i) {
      if (i == 7) {
        EXPECT_TRUE(absl::IsInvalidArgument(results[i].status())) << results[i].status();
        continue;
      }
      ASSERT_TRUE(results[i].ok()) << results[i].status();
      Answer answer;
      Append(results[i]->ranked, answer);
      ASSERT_NO_FATAL_FAILURE(ExpectEqual(answer, oracle_->Answer(batch[i])));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, ParityForms,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kIp),
                         [](const auto& metric) { return std::string(MetricName(metric.param)); });

}  // namespace
}  // namespace ordinate
