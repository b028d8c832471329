#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "engine/query/plan.h"
#include "tests/query/query_fixtures.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

QueryRequest Ask(std::string column, Vector vector) {
  QueryRequest request;
  request.table = "things";
  request.column = std::move(column);
  request.vector = std::move(vector);
  request.limit = 10;
  return request;
}

std::string Refusal(const QueryRequest& request) {
  const absl::Status status = ValidateQuery(request, EveryTypeTable());
  return status.ok() ? "taken" : std::string(status.message());
}

// contract 8
TEST(ValidateQuery, NamesLimitAndValue) {
  QueryRequest request = Ask("v", {1, 2, 3});
  EXPECT_EQ(Refusal(request), "taken");
  request.limit = 0;
  EXPECT_EQ(Refusal(request), "limit is 0; expected 1 to 10000");
  request.limit = 10'001;
  EXPECT_EQ(Refusal(request), "limit is 10001; expected 1 to 10000");
  request.limit = UINT64_MAX;
  EXPECT_EQ(Refusal(request), "limit is 18446744073709551615; expected 1 to 10000");
  request.limit = 10'000;
  request.offset = 100'001;
  EXPECT_EQ(Refusal(request), "offset is 100001; expected 0 to 100000");
  request.offset = 100'000;
  EXPECT_EQ(Refusal(request), "taken");
  request.order_by.resize(17);
  EXPECT_EQ(Refusal(request), "order_by has 17 sort keys; expected at most 16");
  request.order_by.clear();
  request.columns.resize(257);
  EXPECT_EQ(Refusal(request), "columns has 257 names; expected at most 256");
}

TEST(CheckW, NamesWhatMakesItTooLarge) {
  QueryRequest request = Ask("v", {1, 2, 3});
  request.limit = 10'000;
  request.offset = 100'000;
  EXPECT_TRUE(CheckW(request, {}).ok());
  const absl::Status refused = CheckW(request, {.preselect_alpha = 10});
  EXPECT_EQ(refused.message(),
            "vector.preselect_alpha * (limit + offset) = 10 * 110000 preselects more than 1000000 "
            "rows per shard, the most allowed; lower one of them, or force the EXACT path");
  request.ties = {.form = TieForm::kWithinK, .n = 20'000};
  EXPECT_TRUE(CheckW(request, {.preselect_alpha = 10}).ok());
  EXPECT_EQ(CheckW(request, {.preselect_alpha = 100}).message(),
            "vector.preselect_alpha * within_k = 100 * 20000 preselects more than 1000000 rows per "
            "shard, the most allowed; lower one of them, or force the EXACT path");
}

TEST(ValidateQuery, ChecksTheVector) {
  EXPECT_EQ(Refusal(Ask("v", {})), "the query vector is empty; expected at least 1 component");
  EXPECT_EQ(Refusal(Ask("v", {1, 2})),
            "the query vector has 2 components; expected 3, as column \"v\"");
  EXPECT_EQ(Refusal(Ask("v", {1, NAN, 3})),
            "component 1 of the query vector is nan; expected a finite number");
  EXPECT_EQ(Refusal(Ask("v", {1, 2, -INFINITY})),
            "component 2 of the query vector is -inf; expected a finite number");
  EXPECT_EQ(Refusal(Ask("w", Vector(16'384))), "taken");
  EXPECT_EQ(Refusal(Ask("w", Vector(16'385))),
            "the query vector has 16385 components; expected at most 16384");
  EXPECT_EQ(Refusal(Ask("name", {1})),
            "column \"name\" is an attribute of type STRING; expected a vector: v, w");
  const absl::Status unknown = ValidateQuery(Ask("x", {1}), EveryTypeTable());
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(unknown.message(), "table \"things\" has no column \"x\"; its vector columns: v, w");
}

class ChooseIndexTest : public testing::Test {
 protected:
  // Column ids: v 7, w 8.
  const IndexDef* Add(std::string name, uint32_t column_id, Metric metric, uint32_t dim) {
    IndexDef index;
    index.id = static_cast<uint32_t>(indexes_.size() + 1);
    index.name = std::move(name);
    index.table_id = table_.id;
    index.column_id = column_id;
    index.metric = metric;
    index.dim = dim;
    indexes_.push_back(std::make_unique<IndexDef>(index));
    candidates_.push_back(indexes_.back().get());
    return candidates_.back();
  }

  IndexChoice Choose(const QueryRequest& request) {
    absl::StatusOr<IndexChoice> choice = ChooseIndex(request, table_, candidates_);
    EXPECT_TRUE(choice.ok()) << choice.status();
    return choice.ok() ? *choice : IndexChoice();
  }

  const TableDef table_ = EveryTypeTable();
  std::vector<std::unique_ptr<IndexDef>> indexes_;
  std::vector<const IndexDef*> candidates_;
};

// contract 1.3
TEST_F(ChooseIndexTest, TakesTheFirstWithMetricAndDim) {
  Add("a_cosine", 8, Metric::kCosine, 2);
  Add("b_other_column", 7, Metric::kL2, 3);
  Add("c_other_dim", 8, Metric::kL2, 3);
  const IndexDef* first = Add("d", 8, Metric::kL2, 2);
  Add("e", 8, Metric::kL2, 2);
  const IndexChoice choice = Choose(Ask("w", {1, 2}));
  EXPECT_EQ(choice.index, first);
  EXPECT_EQ(choice.metric, Metric::kL2);
  EXPECT_THAT(choice.warnings, IsEmpty());
  QueryRequest cosine = Ask("w", {1, 2});
  cosine.metric = Metric::kCosine;
  EXPECT_EQ(Choose(cosine).index, candidates_[0]);
}

// contract 3.5
TEST_F(ChooseIndexTest, SaysWhyThereIsNone) {
  Add("other_column", 7, Metric::kL2, 2);
  EXPECT_EQ(Choose(Ask("w", {1, 2})).reason, Reason::kNoIndex);
  Add("ip", 8, Metric::kIp, 2);
  const IndexChoice metric = Choose(Ask("w", {1, 2}));
  EXPECT_EQ(metric.index, nullptr);
  EXPECT_EQ(metric.reason, Reason::kMetricMismatch);
  Add("wide", 8, Metric::kL2, 5);
  const IndexChoice dim = Choose(Ask("w", {1, 2}));
  EXPECT_EQ(dim.index, nullptr);
  EXPECT_EQ(dim.reason, Reason::kDimMismatch);
  EXPECT_THAT(dim.warnings,
              ElementsAre("index \"wide\" has metric L2 and dim 5; the query has metric L2 and dim "
                          "2, so it is not used"));
}

TEST_F(ChooseIndexTest, ANamedIndexDecidesTheMetric) {
  const IndexDef* ip = Add("ip", 8, Metric::kIp, 2);
  Add("l2", 8, Metric::kL2, 2);
  QueryRequest request = Ask("w", {1, 2});
  request.index = "ip";
  EXPECT_EQ(Choose(request).index, ip);
  EXPECT_EQ(Choose(request).metric, Metric::kIp);
  request.metric = Metric::kL2;
  EXPECT_EQ(Choose(request).index, nullptr);
  EXPECT_EQ(Choose(request).reason, Reason::kMetricMismatch);
  EXPECT_EQ(Choose(request).metric, Metric::kL2);
  request.metric.reset();
  request.vector = {1, 2, 3};
  EXPECT_EQ(Choose(request).reason, Reason::kDimMismatch);
}

TEST_F(ChooseIndexTest, RefusesWhatCannotBeAsked) {
  Add("on_v", 7, Metric::kCosine, 3);
  QueryRequest request = Ask("w", {1, 2});
  request.index = "on_v";
  EXPECT_EQ(ChooseIndex(request, table_, candidates_).status(),
            absl::NotFoundError("there is no index \"on_v\" on column \"w\" of table \"things\""));
  EXPECT_EQ(ChooseIndex(Ask("v", {1, 2}), table_, candidates_).status().code(),
            absl::StatusCode::kInvalidArgument);
  QueryRequest zero = Ask("v", {0, -0.0f, 0});
  EXPECT_EQ(Choose(zero).reason, Reason::kMetricMismatch);  // L2 takes it
  zero.index = "on_v";
  EXPECT_EQ(ChooseIndex(zero, table_, candidates_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ordinate
