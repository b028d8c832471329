#include <atomic>
#include <cmath>
#include <thread>

#include "storage/base/error_details.h"
#include "tests/front/front_fixture.h"

namespace ordinate {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FrontQueryTest : public FrontTest {
 protected:
  /// An index that answers, over enough rows for the planner to take it.
  void AddIndex() {
    ASSERT_TRUE(front_->CreateIndex("docs", "vec", {.name = "idx", .m = 0, .ef_build = 0}).ok());
    for (const auto& shard : shards_) {
      shard->index_usable = true;
      shard->index_rows = 1'000'000;
    }
  }
};

TEST_F(FrontQueryTest, MergesShardsInOrderAndCuts) {
  Fill(30);
  auto request = Nearest(4);
  request.offset = 3;
  const auto result = front_->Query(request, context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Ids(*result), ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(result->plan.path, Path::kExact);
  EXPECT_EQ(result->plan.reason, Reason::kNoIndex);
  EXPECT_THAT(result->columns, ElementsAre(0));
  EXPECT_EQ(std::get<int64_t>(result->rows[2].cells[0]), 6);
  EXPECT_EQ(result->visible_seq, (SeqByShard{{0, 1}, {1, 1}, {2, 1}}));
  EXPECT_EQ(*result->ranked[0].score, 4.0);
}

// contract 2.2: the same rows in the same order whatever the number of shards.
TEST_F(FrontQueryTest, TiesGoByKeysThenRowIdOnAnyNumberOfShards) {
  for (const uint32_t shards : {1u, 2u, 5u}) {
    Start(shards);
    std::vector<UpsertInput::InputRow> rows;
    for (int64_t i = 1; i <= 12; ++i) rows.push_back(Doc(i, Vector{1, 0}, Value(), i % 3));
    ASSERT_TRUE(Upsert(std::move(rows)).ok());
    auto request = Nearest(6);
    request.order_by = {{.column = "size", .descending = true, .nulls_first = true}};
    const auto result = front_->Query(request, context_);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(Ids(*result), ElementsAre(2, 5, 8, 11, 1, 4)) << shards;
  }
}

// contract 3.6: what `like` needs is a vector column, whatever the row has in the one named.
TEST_F(FrontQueryTest, LikeOnAColumnWithoutVectorsNamesTheColumn) {
  Fill(3);
  QueryRequest request = Nearest(2);
  request.vector.clear();
  request.like = LikeRow{.key = {int64_t{1}}, .row_id = 0};
  for (const char* column : {"size", "section", "id"}) {
    request.column = column;
    EXPECT_THAT(front_->Query(request, context_).status(), IsStatus(kInvalid, "expected a vector"))
        << column;
  }
  request.column = "sizes";
  EXPECT_THAT(front_->Query(request, context_).status(),
              IsStatus(absl::StatusCode::kNotFound, "no column"));
  request.column = "any";  // NULL in every row
  EXPECT_THAT(front_->Query(request, context_).status(), IsStatus(kInvalid, "it is NULL"));
}

TEST_F(FrontQueryTest, TakesTheIndexAndSaysWhichGeneration) {
  Fill(30);
  AddIndex();
  const auto result = front_->Query(Nearest(3), context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->plan.path, Path::kAnn);
  EXPECT_EQ(result->plan.index, "idx");
  EXPECT_THAT(Ids(*result), ElementsAre(1, 2, 3));
  EXPECT_EQ(result->plan.generation_by_shard.at(2), 3u);
}

// contract 3.4
TEST_F(FrontQueryTest, FallsBackToExactWhenTheIndexFindsTooFew) {
  Fill(30);
  AddIndex();
  for (const auto& shard : shards_) shard->ann_rows = 1;
  const auto result = front_->Query(Nearest(10), context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->plan.path, Path::kExact);
  EXPECT_EQ(result->plan.reason, Reason::kUnderfilled);
  EXPECT_EQ(Ids(*result).size(), 10u);
  // W grew as long as that cost less than looking at every row.
  EXPECT_THAT(shards_[0]->asked().ws, ElementsAre(60, 240, 960, 3'840, 15'360, 0));
  EXPECT_EQ(shards_[0]->asked().paths.back(), Path::kExact);
}

// contract 2.4
TEST_F(FrontQueryTest, AnswersFromALargerWWhenTiesAreOpen) {
  Fill(30);
  AddIndex();
  QueryRequest request = Nearest(3);
  request.settings["vector.preselect_alpha"] = "1";
  request.ties = {.form = TieForm::kBucket, .width = 10};  // rows 1 to 9 tie
  const auto result = front_->Query(request, context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->plan.path, Path::kAnn) << PlanText(result->plan);
  EXPECT_TRUE(result->tie_closed);
  EXPECT_EQ(result->w_used, shards_[0]->asked().ws.back());
  EXPECT_GT(shards_[0]->asked().ws.size(), 1u);
}

TEST_F(FrontQueryTest, ExactQuestionsOfABatchAreAskedTogether) {
  Fill(30);
  AddIndex();
  std::vector<absl::StatusOr<QueryRequest>> batch;
  for (const float x : {3.1f, 7.9f, 20.2f}) {
    QueryRequest request = Nearest(2);
    request.path = Path::kExact;
    request.vector = {x, 0};
    batch.emplace_back(request);
  }
  batch.emplace_back(Nearest(1));  // by the graph
  batch.emplace_back(absl::InvalidArgumentError("not a question"));
  batch.push_back(batch[0]);  // needs columns later
  batch.back()->offset = 1;
  batch.push_back(batch[0]);  // is at fault
  batch.back()->vector = {1};
  const auto results = front_->QueryBatch(batch, context_);
  EXPECT_THAT(shards_[0]->asked().together, ElementsAre(3));
  ASSERT_EQ(results.size(), 7u);
  EXPECT_THAT(Ids(*results[0]), ElementsAre(3, 4));
  EXPECT_THAT(Ids(*results[1]), ElementsAre(8, 7));
  EXPECT_THAT(Ids(*results[2]), ElementsAre(20, 21));
  EXPECT_THAT(Ids(*results[3]), ElementsAre(1));
  EXPECT_EQ(results[4].status(), batch[4].status());
  EXPECT_THAT(Ids(*results[5]), ElementsAre(4, 2));
  EXPECT_THAT(results[6].status(), IsStatus(absl::StatusCode::kInvalidArgument, "components"));
}

TEST_F(FrontQueryTest, QuestionsAskedTogetherFailTogetherOrAreAskedAlone) {
  Fill(30);
  AddIndex();
  QueryRequest request = Nearest(2);
  request.path = Path::kExact;
  const std::vector<absl::StatusOr<QueryRequest>> batch(4, request);
  shards_[1]->fail_together = absl::AbortedError("the index was dropped");
  for (const auto& result : front_->QueryBatch(batch, context_)) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(Ids(*result), ElementsAre(1, 2));
  }
  shards_[1]->fail_together = absl::UnavailableError("gone");
  for (const auto& result : front_->QueryBatch(batch, context_)) {
    EXPECT_EQ(result.status(), shards_[1]->fail_together);
  }
}

TEST_F(FrontQueryTest, ALargeBatchIsAskedInParts) {
  Fill(30);
  AddIndex();
  QueryRequest request = Nearest(2);
  request.path = Path::kExact;
  std::vector<absl::StatusOr<QueryRequest>> batch(300, request);
  for (const auto& result : front_->QueryBatch(batch, context_)) EXPECT_TRUE(result.ok());
  EXPECT_THAT(shards_[2]->asked().together, ElementsAre(128, 128, 44));
  batch.resize(45);
  for (auto& large : batch) large->limit = 10'000;
  for (const auto& result : front_->QueryBatch(batch, context_)) EXPECT_TRUE(result.ok());
  EXPECT_THAT(shards_[2]->asked().together, ElementsAre(128, 128, 44, 20, 20, 5));
}

TEST_F(FrontQueryTest, ExplainAsksNoRows) {
  Fill(3);
  AddIndex();
  const auto plan = front_->Explain(Nearest(3), context_);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->path, Path::kAnn);
  EXPECT_EQ(shards_[0]->asked().queries, 0u);
}

TEST_F(FrontQueryTest, RefusalsNameTheField) {
  const auto refused = [&](auto change) {
    auto request = Nearest(3);
    change(request);
    return front_->Query(request, context_).status();
  };
  EXPECT_THAT(refused([](auto& q) { q.limit = 0; }), IsStatus(kInvalid, "limit is 0"));
  EXPECT_THAT(refused([](auto& q) { q.vector = {1}; }), IsStatus(kInvalid, "1 components"));
  EXPECT_THAT(refused([](auto& q) { q.columns = {"vek"}; }), IsStatus(kInvalid, "'vek'"));
  EXPECT_THAT(refused([](auto& q) { q.order_by = {{.column = "vec"}}; }),
              IsStatus(kInvalid, "vec"));
  EXPECT_THAT(refused([](auto& q) {
                q.settings = {{"vector.nope", "1"}};
              }),
              IsStatus(kInvalid, "vector.nope"));
  EXPECT_THAT(refused([](auto& q) { q.filter = *ParseFilter("x = 1"); }), IsStatus(kInvalid, "x"));
  EXPECT_THAT(refused([](auto& q) { q.index = "nope"; }),
              IsStatus(absl::StatusCode::kNotFound, "nope"));
  EXPECT_THAT(refused([](auto& q) { q.table = "nope"; }),
              IsStatus(absl::StatusCode::kNotFound, "nope"));
  EXPECT_EQ(shards_[0]->asked().queries, 0u);
}

// contract 8: the path of the field in the request.
TEST_F(FrontQueryTest, ViolationsNameTheExactField) {
  const auto field = [&](auto change) {
    auto request = Nearest(3);
    change(request);
    const auto violations = FieldViolations(front_->Query(request, context_).status());
    return violations.empty() ? "none" : violations[0].field;
  };
  EXPECT_EQ(field([](auto& q) { q.limit = 0; }), "limit");
  EXPECT_EQ(field([](auto& q) { q.offset = 100'001; }), "offset");
  EXPECT_EQ(field([](auto& q) { q.vector = {1}; }), "vector");
  EXPECT_EQ(field([](auto& q) { q.vector = {1, HUGE_VALF}; }), "vector");
  EXPECT_EQ(field([](auto& q) { q.metric = Metric::kCosine; }), "vector");
  EXPECT_EQ(field([](auto& q) { q.column = "size"; }), "column");
  EXPECT_EQ(field([](auto& q) { q.columns = {"id", "vek"}; }), "columns[1]");
  EXPECT_EQ(field([](auto& q) {
              q.order_by = {{.column = "size"}, {.column = "vec"}};
            }),
            "order_by[1].column");
  EXPECT_EQ(field([](auto& q) {
              q.settings = {{"vector.nope", "1"}};
            }),
            "settings[\"vector.nope\"]");
  EXPECT_EQ(field([](auto& q) { q.filter = *ParseFilter("size = 1 AND x = 1"); }),
            "filter.and.filters[1].comparison.column");
  EXPECT_EQ(field([](auto& q) { q.filter = *ParseFilter("NOT size IN (1, 'a')"); }),
            "filter.not.in.values");
  EXPECT_EQ(field([](auto& q) {
              q.filter = *ParseFilter("NOT x IS NULL");
              q.filter->from_text = true;
            }),
            "filter.text");
}

TEST_F(FrontQueryTest, OneFailedShardFailsTheQuery) {
  Fill(10);
  shards_[2]->fail_query = absl::UnavailableError("shard two is away");
  EXPECT_THAT(front_->Query(Nearest(3), context_).status(),
              IsStatus(absl::StatusCode::kUnavailable, "shard two is away"));
}

TEST_F(FrontQueryTest, ACancelledQueryAsksNobody) {
  context_.Cancel();
  EXPECT_THAT(front_->Query(Nearest(3), context_).status(),
              IsStatus(absl::StatusCode::kCancelled, ""));
  EXPECT_EQ(shards_[0]->asked().probes, 0u);
}

TEST_F(FrontQueryTest, QueriesAndWritesFromManyThreads) {
  Fill(50);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      CallContext context;
      for (int64_t i = 0; i < 25; ++i) {
        const auto written = front_->Upsert(
            {"docs", {Doc(1000 + t * 100 + i, Vector{9999, 0})}, OnInvalid::kError}, context);
        const auto result = front_->Query(Nearest(3), context);
        if (!written.ok() || !result.ok() || Ids(*result) != std::vector<RowId>{1, 2, 3}) {
          ++failures;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(*front_->Count("docs", std::nullopt, context_), 150u);
}

}  // namespace
}  // namespace ordinate
