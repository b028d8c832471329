// contract 2 and 3.6: every form of the order, cut in every way, row for row against an oracle.
#include <algorithm>
#include <iostream>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/forms_rows.h"
#include "tests/ordering/order_coverage.h"
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
#if defined(ORDINATE_SANITIZER) || !defined(ORDINATE_WITH_HNSW)
  return {4'000, 20, 1, 16};
#else
  const bool nightly = std::getenv("ORDINATE_NIGHTLY") != nullptr;
  return {100'000, nightly ? size_t{1'000} : size_t{100}, nightly ? size_t{20} : size_t{2}, 128};
#endif
}

constexpr size_t kForms = 3;  // TIES, BUCKET, WITHIN_K
constexpr size_t kMostKeys = 2;

// From a half of the rows to a few hundred of them.
const char* const kFilters[] = {
    "price < 7 AND NOT grp = 'g2'",
    "active = TRUE OR weight IS NULL",
    "seen BETWEEN TIMESTAMP '1969-12-29T00:00:00Z' AND TIMESTAMP '1970-01-03T00:00:00Z' "
    "AND weight >= 0.5",
    "price = 3 AND grp IN ('g10', 'G2') AND active = FALSE",
};

/// Time stands still, so that no held snapshot expires, however slow the machine.
class StillClock final : public Clock {
 public:
  int64_t NowMicros() const override { return 1'700'000'000'000'000; }
  int64_t MonotonicNanos() const override { return 1; }
};

/// A filter, and the rows it holds for.
struct Condition {
  std::optional<Filter> filter;
  std::vector<char> matches;
};

enum class CutForm { kLimit, kOffset, kPages };

class ParityForms : public ::testing::TestWithParam<Metric> {
 protected:
  static void SetUpTestSuite() {
    scale_ = TheScale();
    rows_ = new std::vector<OracleRow>(FormsRows(kSeed, scale_.rows, scale_.dim));
    static const StillClock clock;
    node_ = new Node({.shards = 2, .threads = 2, .clock = &clock});
    table_ = new TableDef(*node_->front().CreateTable(FormsTable(scale_.dim)));
    LoadRows(node_->front(), "items", *rows_);
    oracle_ = new OrderOracle(*table_, *rows_);
    conditions_ = new std::vector<Condition>{{std::nullopt, oracle_->Matches(std::nullopt)}};
    for (const char* text : kFilters) {
      const auto filter = ParseFilter(text);
      ASSERT_TRUE(filter.ok()) << text << ": " << filter.status();
      conditions_->push_back({*filter, oracle_->Matches(*filter)});
    }
    std::cout << "seed " << kSeed << ", " << scale_.rows << " rows, " << scale_.queries
              << " questions per combination\n";
  }
  static void TearDownTestSuite() {
    delete conditions_;
    delete oracle_;
    delete table_;
    delete node_;
    delete rows_;
  }

  void SetUp() override {
    const std::string index(MetricName(GetParam()));
    if (node_->front().FindIndex(index).ok()) return;
    MakeIndex(*node_, index, Engine::kFlat, GetParam());
  }

  static const Condition& NoFilter() { return conditions_->front(); }
  static const Condition& SomeFilter(std::mt19937_64& random) {
    return (*conditions_)[1 + random() % std::size(kFilters)];
  }
  static const Condition& Alternately(size_t q, std::mt19937_64& random) {
    return q % 2 == 0 ? NoFilter() : SomeFilter(random);
  }

  // One of the first `among` rows that have a vector, not a zero one.
  static const OracleRow& WithVector(std::mt19937_64& random, size_t among) {
    while (true) {
      const OracleRow& row = (*rows_)[random() % among];
      const auto* vector = std::get_if<Vector>(&row.cells[4]);
      if (vector != nullptr &&
          std::any_of(vector->begin(), vector->end(), [](float x) { return x != 0; })) {
        return row;
      }
    }
  }

  // A question by a vector many rows have, one that some row has, or one that none has; now and
  // then for the farthest.
  static QueryRequest Question(size_t q, std::mt19937_64& random) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector =
        q % 3 == 2
            ? RandomVector(random, scale_.dim)
            : std::get<Vector>(WithVector(random, q % 3 == 0 ? kCrowds : rows_->size()).cells[4]);
    request.metric = GetParam();
    request.path = Path::kExact;
    if (random() % 8 == 0) {
      request.direction =
          OracleDescending(request) ? Direction::kAscending : Direction::kDescending;
    }
    return request;
  }

  // Widths that put some rows, and many rows, into one bucket, and such that a row's score is on
  // the edge of one to the bit.
  static TieRule Ties(size_t form, const OracleScores& scores, std::mt19937_64& random) {
    if (form == 2) return {.form = TieForm::kWithinK, .n = 1 + random() % 200};
    if (form == 0) return {};
    const double wide = GetParam() == Metric::kCosine ? 0.01 : 0.5;
    const uint32_t row = scores.best_first[random() % 100];
    const double part = std::abs(*scores.by_row[row]) / 64;
    const double widths[] = {wide, wide / 50, part > 0 ? part : wide};
    return {.form = TieForm::kBucket, .width = widths[random() % 3]};
  }

  static std::string Describe(const QueryRequest& request) {
    std::string text = Concat("seed ", kSeed, ", ", TieFormName(request.ties.form), " width ",
                              request.ties.width, " n ", request.ties.n, ", limit ", request.limit,
                              ", offset ", request.offset, ", order by");
    for (const SortKey& key : request.order_by) {
      text += Concat(" ", key.column, key.descending ? " desc" : " asc",
                     key.nulls_first ? " nulls first" : " nulls last");
    }
    return text + (request.filter ? " where " + FilterText(*request.filter) : "");
  }

  static void ExpectCut(const QueryRequest& request, CutForm cut, const OracleScores& scores,
                        const std::vector<char>& matches, OrderCoverage& coverage);

  static Scale scale_;
  static std::vector<OracleRow>* rows_;
  static Node* node_;
  static TableDef* table_;
  static OrderOracle* oracle_;
  static std::vector<Condition>* conditions_;
};
Scale ParityForms::scale_;
std::vector<OracleRow>* ParityForms::rows_;
Node* ParityForms::node_;
TableDef* ParityForms::table_;
OrderOracle* ParityForms::oracle_;
std::vector<Condition>* ParityForms::conditions_;

// Two or three pages when cut into pages. The oracle is asked for one row more, to know what the
// last cut fell between.
void ParityForms::ExpectCut(const QueryRequest& request, CutForm cut, const OracleScores& scores,
                            const std::vector<char>& matches, OrderCoverage& coverage) {
  const size_t pages = cut == CutForm::kPages ? 2 + request.limit % 2 : 1;
  const size_t rows = pages * request.limit;
  QueryRequest whole = request;
  whole.limit = rows + 1;
  std::vector<OracleAnswer> expected = oracle_->Answer(whole, scores, matches);
  std::vector<size_t> cuts;
  for (size_t page = 1; page <= pages; ++page) cuts.push_back(page * request.limit);
  coverage.Note(request, expected, cuts);
  expected.resize(std::min(expected.size(), rows));
  ExpectEqual(cut == CutForm::kPages ? AskPages(node_->front(), request, rows)
                                     : Ask(node_->front(), request),
              expected);
}

// What must have decided between two rows, and at a cut, for the questions to be worth asking.
void ExpectEveryRule(const OrderCoverage& coverage) {
  std::vector<std::string> rules = {"TIES score", "BUCKET bucket", "BUCKET edge of a bucket",
                                    "BUCKET score after keys", "WITHIN_K score after keys"};
  for (const std::string form : {"TIES ", "BUCKET ", "WITHIN_K "}) {
    for (const char* rule : {"NULLS FIRST", "NULLS LAST", "first key", "second key", "row id"}) {
      rules.push_back(form + rule);
    }
    for (const std::string type : {"STRING", "INT64", "DOUBLE", "NaN", "TIMESTAMP", "BOOL"}) {
      rules.push_back(form + type + " ASC");
      rules.push_back(form + type + " DESC");
    }
  }
  for (const std::string& rule : rules) {
    EXPECT_GT(coverage.Count(rule), 0u) << rule;
    EXPECT_GT(coverage.Count("cut " + rule), 0u) << rule << " at a cut";
  }
  EXPECT_GT(coverage.Count("the vector asked for is stored"), 0u);
}

// contract 2.2, 2.5, 2.6: LIMIT, OFFSET, page tokens × keys × forms × filter.
TEST_P(ParityForms, CutAnswersEqualTheOracle) {
  std::mt19937_64 random(kSeed + 1);
  OrderCoverage coverage(*table_, *rows_);
  for (size_t q = 0; q < scale_.queries; ++q) {
    QueryRequest request = Question(q, random);
    const OracleScores scores = oracle_->Scores(request);
    for (const Condition* condition : {&NoFilter(), &SomeFilter(random)}) {
      request.filter = condition->filter;
      for (size_t keys = 0; keys <= kMostKeys; ++keys) {
        request.order_by = RandomKeys(random, keys);
        for (size_t form = 0; form < kForms; ++form) {
          request.ties = Ties(form, scores, random);
          for (const CutForm cut : {CutForm::kLimit, CutForm::kOffset, CutForm::kPages}) {
            request.limit = 1 + random() % 40;
            request.offset = cut == CutForm::kOffset ? random() % 60 : 0;
            SCOPED_TRACE(::testing::Message() << "question " << q << ", " << Describe(request));
            ASSERT_NO_FATAL_FAILURE(ExpectCut(request, cut, scores, condition->matches, coverage));
          }
        }
      }
    }
  }
  if (scale_.queries >= 100) ExpectEveryRule(coverage);
  std::cout << coverage.Text();
}

// contract 3.3: without LIMIT, every row once, in the strict order.
TEST_P(ParityForms, StreamsEqualTheOracle) {
  std::mt19937_64 random(kSeed + 2);
  for (size_t q = 0; q < scale_.streams; ++q) {
    QueryRequest request = Question(q, random);
    request.include_null_vectors = q % 2 == 0;
    const OracleScores scores = oracle_->Scores(request);
    for (const Condition* condition : {&NoFilter(), &SomeFilter(random)}) {
      request.filter = condition->filter;
      for (size_t keys = 0; keys <= kMostKeys; ++keys) {
        request.order_by = RandomKeys(random, keys);
        for (size_t form = 0; form < kForms; ++form) {
          request.ties = Ties(form, scores, random);
          request.limit = 0;
          SCOPED_TRACE(::testing::Message() << "question " << q << ", " << Describe(request));
          const auto expected = oracle_->Answer(request, scores, condition->matches);
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

// contract 3.6: bounds that are some row's score, so that it is inside to the bit.
TEST_P(ParityForms, RangesEqualTheOracle) {
  std::mt19937_64 random(kSeed + 3);
  for (size_t q = 0; q < scale_.queries; ++q) {
    QueryRequest request = Question(q, random);
    const Condition& condition = Alternately(q, random);
    request.filter = condition.filter;
    const OracleScores scores = oracle_->Scores(request);
    const double near = *scores.by_row[scores.best_first[random() % 400]];
    const double far = *scores.by_row[scores.best_first[400 + random() % 800]];
    request.range.min = std::min(near, far);
    request.range.max = std::max(near, far);
    if (q % 3 == 1) (OracleDescending(request) ? request.range.max : request.range.min).reset();
    request.order_by = RandomKeys(random, random() % (kMostKeys + 1));
    request.ties = Ties(random() % kForms, scores, random);
    request.limit = 100 + random() % 200;
    SCOPED_TRACE(::testing::Message() << "question " << q << ", " << Describe(request));
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(Ask(node_->front(), request),
                                        oracle_->Answer(request, scores, condition.matches)));
    QueryRequest all = request;
    all.limit = 0;
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(AskStream(node_->front(), request, StreamOrder::kStrict),
                                        oracle_->Answer(all, scores, condition.matches)));
  }
}

// contract 3.6
TEST_P(ParityForms, GroupsEqualTheOracle) {
  const char* const columns[] = {"grp", "price", "weight", "seen", "active"};
  std::mt19937_64 random(kSeed + 4);
  for (size_t q = 0; q < scale_.queries; ++q) {
    QueryRequest request = Question(q, random);
    const Condition& condition = Alternately(q, random);
    request.filter = condition.filter;
    request.group_by = GroupBy{columns[random() % std::size(columns)], 1 + random() % 4};
    request.limit = 1 + random() % 8;
    request.offset = random() % 3;
    request.order_by = RandomKeys(random, random() % (kMostKeys + 1));
    const OracleScores scores = oracle_->Scores(request);
    request.ties = Ties(random() % 2, scores, random);
    SCOPED_TRACE(::testing::Message() << "question " << q << " by " << request.group_by->column
                                      << ", " << Describe(request));
    const QueryResult result = AskFor(node_->front(), request);
    Answer answer;
    Append(result.ranked, answer);
    ASSERT_NO_FATAL_FAILURE(
        ExpectEqual(answer, oracle_->Answer(request, scores, condition.matches)));
    EXPECT_TRUE(std::is_sorted(result.groups.begin(), result.groups.end()));
  }
}

// contract 3.6: the row's own vector asks, and the row itself is left out.
TEST_P(ParityForms, MoreLikeARowEqualsTheOracle) {
  std::mt19937_64 random(kSeed + 5);
  for (size_t q = 0; q < scale_.queries; ++q) {
    const OracleRow& row = WithVector(random, q % 3 == 0 ? kCrowds : rows_->size());
    QueryRequest request = Question(q, random);
    request.vector = std::get<Vector>(row.cells[4]);
    const Condition& condition = Alternately(q / 2, random);
    request.filter = condition.filter;
    request.order_by = RandomKeys(random, random() % (kMostKeys + 1));
    const OracleScores scores = oracle_->Scores(request);
    request.ties = Ties(random() % kForms, scores, random);
    request.limit = 1 + random() % 40;
    request.offset = random() % 2 * (random() % 40);
    std::vector<char> others = condition.matches;
    others[static_cast<size_t>(&row - rows_->data())] = 0;
    const auto expected = oracle_->Answer(request, scores, others);
    request.vector.clear();
    if (q % 2 == 0) {
      request.like = LikeRow{.key = {row.cells[0]}, .row_id = 0};
    } else {
      request.like = LikeRow{.key = {}, .row_id = row.id};
    }
    SCOPED_TRACE(::testing::Message() << "question " << q << ", " << Describe(request));
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(Ask(node_->front(), request), expected));
  }
}

// contract 3.6: a batch answers each vector as if it were asked alone, and fails each alone.
TEST_P(ParityForms, BatchesEqualTheOracle) {
  std::mt19937_64 random(kSeed + 6);
  size_t asked = 0;
  for (size_t size = 1; asked < scale_.queries; asked += size, size = size == 1 ? 64 : 1) {
    std::vector<absl::StatusOr<QueryRequest>> batch;
    std::vector<std::vector<OracleAnswer>> expected;
    for (size_t i = 0; i < size; ++i) {
      QueryRequest request = Question(i, random);
      const Condition& condition = Alternately(i, random);
      request.filter = condition.filter;
      request.order_by = RandomKeys(random, i % (kMostKeys + 1));
      const OracleScores scores = oracle_->Scores(request);
      request.ties = Ties(random() % kForms, scores, random);
      request.limit = 1 + random() % 40;
      request.offset = i % 5 == 0 ? random() % 40 : 0;
      expected.push_back(oracle_->Answer(request, scores, condition.matches));
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
      SCOPED_TRACE(::testing::Message() << "number " << i << ", " << Describe(*batch[i]));
      ASSERT_TRUE(results[i].ok()) << results[i].status();
      Answer answer;
      Append(results[i]->ranked, answer);
      ASSERT_NO_FATAL_FAILURE(ExpectEqual(answer, expected[i]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, ParityForms,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kIp),
                         [](const auto& metric) { return std::string(MetricName(metric.param)); });

}  // namespace
}  // namespace ordinate
