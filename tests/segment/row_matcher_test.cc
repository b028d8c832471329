#include "engine/segment/row_matcher.h"

#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "tests/query/query_fixtures.h"
#include "tests/query/random_filters.h"
#include "tests/segment/sealed_rows.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<size_t> kAllScalars = {0, 1, 2, 3, 4, 5};

Filter Bound(const std::string& text) {
  auto parsed = ParseFilter(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  auto bound = BindFilter(parsed.ok() ? *parsed : Filter(), EveryTypeTable());
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? *bound : Filter();
}

std::vector<uint32_t> Block(const RowMatcher& matcher, uint32_t first, uint32_t last) {
  MatchedRows matched;
  matcher.MatchBlock(first, last, matched);
  std::vector<uint32_t> rows;
  for (uint32_t row = matched.Next(first); row < last; row = matched.Next(row + 1)) {
    rows.push_back(row);
  }
  return rows;
}

/// Five rows: id, flag, n, price, name, at. The last is all NULL but for its key.
class RowMatcherTest : public testing::Test {
 protected:
  RowMatcherTest() {
    const double nan = std::nan("");
    const std::vector<Cells> rows = {
        {uint64_t{0}, true, int64_t{-3}, -HUGE_VAL, "", Timestamp{-1}},
        {uint64_t{1}, false, int64_t{0}, -0.0, "ab", Timestamp{0}},
        {uint64_t{2}, true, int64_t{7}, 1.5, "abc", Timestamp{1}},
        {UINT64_MAX, false, INT64_MAX, nan, "b", Timestamp{INT64_MAX}},
        {uint64_t{4}},
    };
    segment_ = SealRows(EveryTypeTable(), kAllScalars, rows, folder_.Sub("rows.vdata"));
  }

  /// The rows that match, having checked that both ways of asking agree.
  std::vector<uint32_t> Matching(const std::string& text) {
    const Filter filter = Bound(text);
    const RowMatcher matcher(filter, *segment_);
    const std::vector<uint32_t> block = Block(matcher, 0, 5);
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < 5; ++row) {
      if (matcher.Matches(row)) rows.push_back(row);
    }
    EXPECT_EQ(block, rows) << text;
    return rows;
  }

  TempDir folder_;
  std::shared_ptr<const SealedSegment> segment_;
};

TEST_F(RowMatcherTest, ComparesEveryType) {
  EXPECT_THAT(Matching("n < 7"), ElementsAre(0, 1));
  EXPECT_THAT(Matching("n >= 7"), ElementsAre(2, 3));
  EXPECT_THAT(Matching("n <> 0"), ElementsAre(0, 2, 3));
  EXPECT_THAT(Matching("id > 1"), ElementsAre(2, 3, 4));
  EXPECT_THAT(Matching("id = 18446744073709551615"), ElementsAre(3));
  EXPECT_THAT(Matching("flag = TRUE"), ElementsAre(0, 2));
  EXPECT_THAT(Matching("flag < TRUE"), ElementsAre(1, 3));
  EXPECT_THAT(Matching("name = 'ab'"), ElementsAre(1));
  EXPECT_THAT(Matching("name > 'ab'"), ElementsAre(2, 3));
  EXPECT_THAT(Matching("name <= 'ab'"), ElementsAre(0, 1));
  EXPECT_THAT(Matching("at >= TIMESTAMP '1970-01-01T00:00:00Z'"), ElementsAre(1, 2, 3));
}

// contract 2.2
TEST_F(RowMatcherTest, ComparesNumbersByExactValueAndPutsNanAboveAll) {
  EXPECT_THAT(Matching("price = 0"), ElementsAre(1));
  EXPECT_THAT(Matching("price IN (0.0)"), ElementsAre(1));
  EXPECT_THAT(Matching("price < 0"), ElementsAre(0));
  EXPECT_THAT(Matching("price < DOUBLE '-Infinity'"), IsEmpty());
  EXPECT_THAT(Matching("price > DOUBLE 'Infinity'"), ElementsAre(3));
  EXPECT_THAT(Matching("price = DOUBLE 'NaN'"), ElementsAre(3));
  EXPECT_THAT(Matching("price IN (1.5, DOUBLE 'NaN')"), ElementsAre(2, 3));
  EXPECT_THAT(Matching("price < DOUBLE 'NaN'"), ElementsAre(0, 1, 2));
  EXPECT_THAT(Matching("n < DOUBLE 'NaN'"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matching("n > -0.5"), ElementsAre(1, 2, 3));
  EXPECT_THAT(Matching("n = 0.5"), IsEmpty());
  EXPECT_THAT(Matching("n <> 0.5"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matching("n < 9223372036854775808"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matching("n < 9.2233720368547748e18"), ElementsAre(0, 1, 2));
  EXPECT_THAT(Matching("id >= -1"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Matching("id < 18446744073709551616"), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(RowMatcherTest, TakesEveryOtherForm) {
  EXPECT_THAT(Matching("n IN (7, 0, 100)"), ElementsAre(1, 2));
  EXPECT_THAT(Matching("n NOT IN (7, 2.5)"), ElementsAre(0, 1, 3));
  EXPECT_THAT(Matching("name IN ('b', '')"), ElementsAre(0, 3));
  EXPECT_THAT(Matching("n BETWEEN -3 AND 0.5"), ElementsAre(0, 1));
  EXPECT_THAT(Matching("n NOT BETWEEN 0 AND 7"), ElementsAre(0, 3));
  EXPECT_THAT(Matching("n BETWEEN 7 AND 0"), IsEmpty());
  EXPECT_THAT(Matching("n NOT BETWEEN 7 AND 0"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matching("name BETWEEN 'ab' AND 'abc'"), ElementsAre(1, 2));
  EXPECT_THAT(Matching("name LIKE 'ab%'"), ElementsAre(1, 2));
  EXPECT_THAT(Matching("name NOT LIKE 'ab%'"), ElementsAre(0, 3));
  EXPECT_THAT(Matching("name LIKE '%'"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matching("n IS NULL"), ElementsAre(4));
  EXPECT_THAT(Matching("n IS NOT NULL"), ElementsAre(0, 1, 2, 3));
}

// contract 2.2
TEST_F(RowMatcherTest, LeavesUnknownOutUnderNotToo) {
  EXPECT_THAT(Matching("n = NULL"), IsEmpty());
  EXPECT_THAT(Matching("NOT n = NULL"), IsEmpty());
  EXPECT_THAT(Matching("n IN (7, NULL)"), ElementsAre(2));
  EXPECT_THAT(Matching("n NOT IN (7, NULL)"), IsEmpty());
  EXPECT_THAT(Matching("n BETWEEN 0 AND NULL"), IsEmpty());
  EXPECT_THAT(Matching("n NOT BETWEEN 0 AND NULL"), ElementsAre(0));
  EXPECT_THAT(Matching("NOT (n < 7 AND flag = TRUE)"), ElementsAre(1, 2, 3));
  EXPECT_THAT(Matching("NOT (n < 7 OR name IS NULL)"), ElementsAre(2, 3));
  EXPECT_THAT(Matching("NOT (id = 4 AND n = 1)"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Matching("id = 4 OR n = 1"), ElementsAre(4));
  EXPECT_THAT(Matching("NOT NOT n = 7"), ElementsAre(2));
}

TEST_F(RowMatcherTest, ReadsNullInColumnsThatAreNotCaptured) {
  segment_ = SealRows(EveryTypeTable(), {0, 3}, std::vector<Cells>(5, {uint64_t{1}, true}),
                      folder_.Sub("few.vdata"));
  EXPECT_THAT(Matching("flag = TRUE OR NOT flag = TRUE"), IsEmpty());
  EXPECT_THAT(Matching("flag IS NULL"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Matching("flag IS NOT NULL"), IsEmpty());
  EXPECT_THAT(Matching("id = 1 AND name IS NULL"), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(RowMatcherTest, MatchesBlocksThatBeginAndEndAnywhere) {
  std::vector<Cells> rows;
  for (int64_t n = 0; n < 3'000; ++n) rows.push_back({static_cast<uint64_t>(n), true, n});
  segment_ = SealRows(EveryTypeTable(), kAllScalars, rows, folder_.Sub("many.vdata"));
  const Filter filter = Bound("n >= 60 AND n <= 70 OR n IN (1023, 1024, 2999)");
  const RowMatcher matcher(filter, *segment_);
  EXPECT_THAT(Block(matcher, 0, 0), IsEmpty());
  EXPECT_THAT(Block(matcher, 3'000, 3'000), IsEmpty());
  EXPECT_THAT(Block(matcher, 0, 62), ElementsAre(60, 61));
  EXPECT_THAT(Block(matcher, 63, 65), ElementsAre(63, 64));
  EXPECT_THAT(Block(matcher, 69, 1'024), ElementsAre(69, 70, 1'023));
  EXPECT_THAT(Block(matcher, 1'024, 3'000), ElementsAre(1'024, 2'999));
  EXPECT_THAT(Block(matcher, 2'944, 2'999), IsEmpty());
}

// ---- random filters against Evaluate

class RandomRows {
 public:
  explicit RandomRows(uint32_t seed) : random_(seed) {
    const size_t sizes[] = {1, 63, 64, 65, 130, 1'024, 1'100, 2'200};
    rows_.resize(sizes[random_.Below(std::size(sizes))]);
    for (Cells& row : rows_) {
      for (uint32_t position = 0; position < 6; ++position) row.push_back(random_.Cell(position));
    }
    captured_ = kAllScalars;
    if (random_.Below(3) == 0) captured_.erase(captured_.begin() + random_.Below(6));
    segment_ = SealRows(EveryTypeTable(), captured_, rows_, folder_.Sub("rows.vdata"));
  }

  /// A filter and its negation: Evaluate is true where the one matches and false where the other
  /// does, so together they show all three values.
  void Check(size_t of_each[3]) {
    const Filter tree = random_.Tree(1);
    const auto filter = BindFilter(tree, EveryTypeTable());
    const auto negation = BindFilter(Of(Filter::Kind::kNot, {tree}), EveryTypeTable());
    ASSERT_TRUE(filter.ok() && negation.ok()) << filter.status();
    const RowMatcher when_true(*filter, *segment_), when_false(*negation, *segment_);
    const auto count = static_cast<uint32_t>(rows_.size());
    const auto first = static_cast<uint32_t>(random_.Below(count + 1));
    const auto last = first + static_cast<uint32_t>(random_.Below(count - first + 1));
    MatchedRows true_rows, false_rows;
    when_true.MatchBlock(first, last, true_rows);
    when_false.MatchBlock(first, last, false_rows);
    ASSERT_EQ(true_rows.last(), last);
    SealedCells cells(*segment_);
    for (uint32_t row = 0; row < count; ++row) {
      cells.MoveTo(row);
      const Truth truth = Evaluate(*filter, cells);
      ++of_each[static_cast<size_t>(truth)];
      ASSERT_EQ(when_true.Matches(row), truth == Truth::kTrue) << row << FilterText(*filter);
      ASSERT_EQ(when_false.Matches(row), truth == Truth::kFalse) << row << FilterText(*filter);
      if (row < first || row >= last) continue;
      ASSERT_EQ(true_rows.Next(row) == row, truth == Truth::kTrue) << row << FilterText(*filter);
      ASSERT_EQ(false_rows.Next(row) == row, truth == Truth::kFalse) << row << FilterText(*filter);
    }
  }

 private:
  TempDir folder_;
  RandomFilters random_;
  std::vector<Cells> rows_;
  std::vector<size_t> captured_;
  std::shared_ptr<const SealedSegment> segment_;
};

// contract 2.2
TEST(RowMatcher, AgreesWithEvaluate) {
  size_t of_each[3] = {};
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomRows rows(seed);
    for (int filter = 0; filter < 150; ++filter) {
      rows.Check(of_each);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  for (const size_t count : of_each) EXPECT_GT(count, 100'000u);
}

}  // namespace
}  // namespace ordinate
