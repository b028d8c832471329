// contract 2.6: pages that follow one another, and snapshots that are gone.
#include <set>

#include "gtest/gtest.h"
#include "service/front/query_token.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'125;
constexpr uint32_t kDim = 6;

class Pages : public ::testing::Test {
 protected:
  Pages() : node_({.shards = 2, .threads = 2}), rows_(RandomRows(kSeed, 3'000, kDim)) {}
  void SetUp() override {
    table_ = *node_.front().CreateTable(ParityTable(kDim));
    LoadRows(node_.front(), "items", rows_);
    std::mt19937_64 random(kSeed + 1);
    request_.table = "items";
    request_.column = "v";
    request_.vector = RandomVector(random, kDim);
    request_.order_by = {{"price", true, false}};
    request_.limit = 25;
    request_.paged = true;
  }

  Answer Expected(size_t rows) {
    QueryRequest whole = request_;
    whole.limit = rows;
    Answer answer;
    for (const OracleAnswer& row : OrderOracle(table_, rows_).Answer(whole)) {
      answer.emplace_back(row.id, row.score);
    }
    return answer;
  }
  absl::Status Refused(const QueryRequest& request) {
    const CallContext context;
    return node_.front().Query(request, context).status();
  }

  Node node_;
  std::vector<OracleRow> rows_;
  TableDef table_;
  QueryRequest request_;
};

TEST_F(Pages, FollowOneAnotherToTheEnd) {
  EXPECT_EQ(AskPages(node_.front(), request_, SIZE_MAX), Expected(10'000));
}

// Rows written between two pages are not part of the answer.
TEST_F(Pages, AreReadFromOneSnapshot) {
  const Answer before = Expected(75);
  const QueryResult first = AskFor(node_.front(), request_);
  std::vector<OracleRow> changed = RandomRows(kSeed + 2, 3'000, kDim);
  for (size_t i = 0; i < rows_.size(); ++i) {
    changed[i].id = rows_[i].id;
    changed[i].cells[0] = rows_[i].cells[0];
  }
  LoadRows(node_.front(), "items", changed);
  Answer answer;
  Append(first.ranked, answer);
  QueryRequest next = request_;
  next.page_token = first.next_page_token;
  const QueryResult second = AskFor(node_.front(), next);
  Append(second.ranked, answer);
  next.page_token = second.next_page_token;
  Append(AskFor(node_.front(), next).ranked, answer);
  EXPECT_EQ(answer, before);
  EXPECT_EQ(first.visible_seq, second.visible_seq);
}

TEST_F(Pages, TheSamePageCanBeAskedForAgain) {
  QueryRequest next = request_;
  next.page_token = AskFor(node_.front(), request_).next_page_token;
  EXPECT_EQ(Ask(node_.front(), next), Ask(node_.front(), next));
}

#ifdef ORDINATE_WITH_HNSW
// On the ANN path as well: no row twice, and each page after the one before.
TEST_F(Pages, OfTheIndexHaveNoRowTwice) {
  MakeIndex(node_, "hnsw", Engine::kHnsw, Metric::kL2);
  const QueryResult first = AskFor(node_.front(), request_);
  EXPECT_EQ(first.plan.path, Path::kAnn) << PlanText(first.plan);
  const Answer answer = AskPages(node_.front(), request_, SIZE_MAX);
  std::set<RowId> seen;
  for (const auto& row : answer) EXPECT_TRUE(seen.insert(row.first).second) << row.first;
  EXPECT_EQ(seen.size(), Expected(10'000).size());
}
#endif

TEST_F(Pages, AfterARestartTheSnapshotIsGone) {
  QueryRequest next = request_;
  next.page_token = AskFor(node_.front(), request_).next_page_token;
  node_.Restart();
  const absl::Status lost = Refused(next);
  EXPECT_TRUE(absl::IsFailedPrecondition(lost)) << lost;
  EXPECT_NE(lost.message().find("on_lost_snapshot"), std::string::npos) << lost;
  next.on_lost_snapshot = OnLostSnapshot::kLatest;
  Answer answer = Expected(50);
  answer.erase(answer.begin(), answer.begin() + 25);
  EXPECT_EQ(Ask(node_.front(), next), answer);
}

TEST_F(Pages, ATokenOfAnotherQuestionIsRefused) {
  QueryRequest next = request_;
  next.page_token = AskFor(node_.front(), request_).next_page_token;
  QueryRequest other = next;
  other.vector[0] += 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Refused(other)));
  other = next;
  other.order_by.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(Refused(other)));
  other = next;
  other.page_token[other.page_token.size() / 2] ^= 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Refused(other)));
  other.page_token = std::string(1 << 20, 'A');
  EXPECT_TRUE(absl::IsInvalidArgument(Refused(other)));
  other = next;
  other.limit = 7;  // the size of a page may change
  other.columns = {"price"};
  EXPECT_TRUE(Refused(other).ok());
}

// The row asked by, and the index, are those of the first page.
TEST_F(Pages, GoOnWhenTheRowAskedByHasChangedOrIsGone) {
  const OracleRow& row = rows_[1];
  request_.like = LikeRow{.key = {row.cells[0]}, .row_id = 0};
  request_.vector.clear();
  const Answer whole = AskPages(node_.front(), request_, SIZE_MAX);
  const QueryResult first = AskFor(node_.front(), request_);
  QueryRequest next = request_;
  next.page_token = first.next_page_token;
  OracleRow changed = row;
  changed.cells[4] = Vector(kDim, 0.25f);
  LoadRows(node_.front(), "items", {changed});
  const auto rest = [&] {
    Answer answer;
    Append(first.ranked, answer);
    QueryRequest page = next;
    while (!page.page_token.empty()) {
      const QueryResult result = AskFor(node_.front(), page);
      Append(result.ranked, answer);
      page.page_token = result.next_page_token;
    }
    return answer;
  };
  EXPECT_EQ(rest(), whole);
  const CallContext context;
  ASSERT_TRUE(node_.front().Delete("items", {{.cells = {row.cells[0]}}}, context).ok());
  EXPECT_EQ(rest(), whole);
  QueryRequest of_another = next;
  of_another.like->key = {rows_[2].cells[0]};
  EXPECT_TRUE(absl::IsInvalidArgument(Refused(of_another))) << Refused(of_another);
}

TEST_F(Pages, GoOnFromTheirIndexWhenAnotherIsMade) {
  QueryRequest next = request_;
  next.page_token = AskFor(node_.front(), request_).next_page_token;
  const Answer from_rows = Ask(node_.front(), next);
  MakeIndex(node_, "zz", Engine::kFlat, Metric::kL2);
  EXPECT_EQ(Ask(node_.front(), next), from_rows);
  next.page_token = AskFor(node_.front(), request_).next_page_token;
  MakeIndex(node_, "aa", Engine::kFlat, Metric::kL2);  // which resolves before it
  EXPECT_EQ(AskFor(node_.front(), next).plan.index, "zz");
  ASSERT_TRUE(node_.front().DropIndex("zz").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Refused(next))) << Refused(next);
  next.on_lost_snapshot = OnLostSnapshot::kLatest;
  EXPECT_EQ(AskFor(node_.front(), next).plan.index, "aa");
}

#ifdef ORDINATE_WITH_HNSW
// contract 2.5: the n are chosen once, however many pages they take.
TEST_F(Pages, InsideWithinKAreThoseOfOneAnswer) {
  MakeIndex(node_, "hnsw", Engine::kHnsw, Metric::kL2);
  request_.ties = {.form = TieForm::kWithinK, .n = 100};
  request_.settings = {{"vector.preselect_alpha", "1"}, {"vector.search.ef_search", "1"}};
  request_.path = Path::kAnn;
  std::mt19937_64 random(kSeed + 3);
  for (size_t i = 0; i < 20; ++i) {
    request_.vector = RandomVector(random, kDim);
    QueryRequest whole = request_;
    whole.limit = 100;
    EXPECT_EQ(AskPages(node_.front(), request_, SIZE_MAX), Ask(node_.front(), whole));
  }
}
#endif

// A token can be forged; a page however deep must end.
TEST_F(Pages, FarBeyondAnyTableAreRefusedOrExact) {
  MakeIndex(node_, "flat", Engine::kFlat, Metric::kL2);
  const uint32_t index_id = node_.front().FindIndex("flat")->index.id;
  for (const uint64_t before : {uint64_t{1} << 40, uint64_t{1} << 63}) {
    QueryCursor cursor{
        .rows_before = before, .last = {}, .snapshot_ids = {1, 1}, .index_id = index_id};
    cursor.last.score = 0.5;
    cursor.last.keys = {int64_t{1}};
    const auto keys = BindSortKeys(request_.order_by, table_);
    QueryRequest next = request_;
    next.on_lost_snapshot = OnLostSnapshot::kLatest;
    next.page_token = *MakeQueryToken(table_, QueryFingerprint(next, table_), *keys, cursor);
    const absl::Status status = Refused(next);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  }
}

// What is given out is bounded: the page used longest ago goes first.
TEST_F(Pages, TooManyHeldSnapshotsGiveWay) {
  QueryRequest next = request_;
  next.page_token = AskFor(node_.front(), request_).next_page_token;
  for (int i = 0; i < 300; ++i) AskFor(node_.front(), request_);
  EXPECT_TRUE(absl::IsFailedPrecondition(Refused(next)));
}

}  // namespace
}  // namespace ordinate
