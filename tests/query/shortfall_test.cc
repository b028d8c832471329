#include "engine/query/shortfall.h"

#include "gtest/gtest.h"

namespace ordinate {
namespace {

class ShortfallTest : public ::testing::Test {
 protected:
  ShortfallTest() {
    plan_.path = Path::kAnn;
    plan_.k = 3;
    Find({1, 2, 3});
  }
  void Find(const std::vector<double>& scores) {
    rows_.clear();
    for (const double score : scores) {
      rows_.push_back({.score = score, .keys = {}, .id = rows_.size() + 1});
    }
  }
  Shortfall Judged(std::vector<std::optional<double>> bounds, bool filtered = false,
                   uint64_t index_rows = 100) {
    return Judge(plan_, SelectionOrder(plan_, {}),
                 {rows_, std::move(bounds), index_rows, filtered});
  }

  Plan plan_;
  std::vector<RankedRow> rows_;
};

// contract 2.4: complete when the last row is strictly better than what was left out.
TEST_F(ShortfallTest, TiesAreOpenUntilTheBoundIsWorse) {
  EXPECT_EQ(Judged({3.5}), Shortfall::kNone);
  EXPECT_EQ(Judged({3.0}), Shortfall::kTiesOpen);
  EXPECT_EQ(Judged({2.5}), Shortfall::kTiesOpen);
  EXPECT_EQ(Judged({std::nullopt}), Shortfall::kNone) << "nothing was left out";
  EXPECT_EQ(Judged({std::nullopt, 3.0}), Shortfall::kTiesOpen) << "one shard is enough";
  plan_.score_descending = true;
  Find({3, 2, 1});
  EXPECT_EQ(Judged({0.5}), Shortfall::kNone);
  EXPECT_EQ(Judged({1.0}), Shortfall::kTiesOpen);
}

TEST_F(ShortfallTest, BucketsTieAsAWhole) {
  plan_.ties = {.form = TieForm::kBucket, .width = 2};
  EXPECT_EQ(Judged({3.5}), Shortfall::kTiesOpen) << "3 and 3.5 share a bucket";
  EXPECT_EQ(Judged({4.0}), Shortfall::kNone);
}

// contract 3.4
TEST_F(ShortfallTest, FewerRowsThanThereAre) {
  Find({1, 2});
  EXPECT_EQ(Judged({5.0}), Shortfall::kUnderfilled);
  EXPECT_EQ(Judged({5.0}, false, 2), Shortfall::kNone) << "the index has no more";
  EXPECT_EQ(Judged({5.0}, true, 2), Shortfall::kUnderfilled) << "nobody knows how many match";
}

// contract 3.4: what a search found that gave up is no answer, however much it is.
TEST_F(ShortfallTest, ASearchThatGaveUp) {
  const Preselected found{rows_, {5.0}, 100, true, true};
  EXPECT_EQ(Judge(plan_, SelectionOrder(plan_, {}), found), Shortfall::kFewNearby);
  EXPECT_EQ(ReasonFor(Shortfall::kFewNearby), Reason::kSelectiveFilter);
  EXPECT_EQ(ReasonFor(Shortfall::kUnderfilled), Reason::kUnderfilled);
  EXPECT_EQ(ReasonFor(Shortfall::kTiesOpen), Reason::kTiesNotClosed);
}

// contract 3.6: a range that the preselection has seen past is complete, however few it holds.
TEST_F(ShortfallTest, ARangeSeenToItsEnd) {
  Find({1, 2});
  plan_.range.max = 4;
  EXPECT_EQ(Judged({5.0}), Shortfall::kNone);
  EXPECT_EQ(Judged({4.0}), Shortfall::kUnderfilled);
  EXPECT_EQ(Judged({5.0, 3.0}), Shortfall::kUnderfilled);
  plan_.range = {.min = 0.5, .max = std::nullopt};
  EXPECT_EQ(Judged({5.0}), Shortfall::kUnderfilled);
}

TEST_F(ShortfallTest, RowsWithoutAVectorDoNotStandInForThoseWith) {
  rows_.back().score.reset();
  EXPECT_EQ(Judged({5.0}), Shortfall::kUnderfilled);
  EXPECT_EQ(Judged({std::nullopt}, false, 2), Shortfall::kNone);
}

}  // namespace
}  // namespace ordinate
