// contract 3.3: every matching row, once.
#include <set>

#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/order_oracle.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'126;
constexpr uint32_t kDim = 6;

class Stream : public ::testing::Test {
 protected:
  Stream() : node_({.shards = 2, .threads = 2}), rows_(RandomRows(kSeed, 4'000, kDim)) {}
  void SetUp() override {
    table_ = *node_.front().CreateTable(ParityTable(kDim));
    LoadRows(node_.front(), "items", rows_);
    std::mt19937_64 random(kSeed + 1);
    request_.table = "items";
    request_.column = "v";
    request_.vector = RandomVector(random, kDim);
    request_.limit = 100;
  }
  std::vector<OracleAnswer> Expected() {
    QueryRequest whole = request_;
    whole.limit = 0;
    return OrderOracle(table_, rows_).Answer(whole);
  }

  Node node_;
  std::vector<OracleRow> rows_;
  TableDef table_;
  QueryRequest request_;
};

TEST_F(Stream, StrictIsTheWholeOrder) {
  Plan plan;
  ExpectEqual(AskStream(node_.front(), request_, StreamOrder::kStrict, nullptr, &plan), Expected());
  EXPECT_EQ(plan.path, Path::kExact);
  EXPECT_EQ(plan.reason, Reason::kNoLimit);
}

TEST_F(Stream, OffsetSkipsRowsOfTheWholeOrder) {
  request_.offset = 150;
  ExpectEqual(AskStream(node_.front(), request_, StreamOrder::kStrict), Expected());
}

TEST_F(Stream, EverythingComesFromTheSnapshotOfItsStart) {
  const auto expected = Expected();
  const CallContext context;
  auto stream = node_.front().OpenStream(request_, StreamOrder::kStrict, context);
  ASSERT_TRUE(stream.ok()) << stream.status();
  LoadRows(node_.front(), "items", RandomRows(kSeed + 2, 1'000, kDim));
  Answer answer;
  while (true) {
    const auto page = (*stream)->Next(context);
    ASSERT_TRUE(page.ok()) << page.status();
    Append(page->ranked, answer);
    if (page->last) break;
  }
  ExpectEqual(answer, expected);
}

// However many pages others ask for while its reader pauses.
TEST_F(Stream, KeepsItsSnapshot) {
  const auto expected = Expected();
  const CallContext context;
  auto stream = node_.front().OpenStream(request_, StreamOrder::kStrict, context);
  ASSERT_TRUE(stream.ok()) << stream.status();
  Answer answer;
  for (bool last = false; !last;) {
    const auto page = (*stream)->Next(context);
    ASSERT_TRUE(page.ok()) << page.status();
    Append(page->ranked, answer);
    last = page->last;
    if (answer.size() > 100) continue;
    QueryRequest paged = request_;
    paged.paged = true;
    for (int i = 0; i < 300; ++i) AskFor(node_.front(), paged);
  }
  ExpectEqual(answer, expected);
}

TEST_F(Stream, ACancelledCallEndsIt) {
  CallContext context;
  auto stream = node_.front().OpenStream(request_, StreamOrder::kStrict, context);
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_TRUE((*stream)->Next(context).ok());
  const CallContext ended(std::chrono::steady_clock::time_point::max(), [] { return true; });
  // Another question under the ended context is not even begun.
  EXPECT_TRUE(
      absl::IsCancelled(node_.front().OpenStream(request_, StreamOrder::kStrict, ended).status()));
}

// contract 8: memory is bounded however wide the keys are, and no row is left out for it.
TEST(WideKeys, AreRankedInPartsByAStreamAndRefusedInOneAnswer) {
  std::vector<OracleRow> rows = RandomRows(kSeed, 600, kDim);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].cells[1] = Value(std::string(100'000, static_cast<char>('a' + i % 7)));
  }
  Node node({.shards = 2, .threads = 2, .max_answer_bytes = 8u << 20});
  const auto table = node.front().CreateTable(ParityTable(kDim));
  ASSERT_TRUE(table.ok());
  LoadRows(node.front(), "items", rows);
  std::mt19937_64 random(kSeed);
  QueryRequest request;
  request.table = "items";
  request.column = "v";
  request.vector = RandomVector(random, kDim);
  request.order_by = {{"grp", false, false}};
  request.limit = 50;
  QueryRequest whole = request;
  whole.limit = 0;
  ExpectEqual(AskStream(node.front(), request, StreamOrder::kStrict),
              OrderOracle(*table, rows).Answer(whole));
  EXPECT_EQ(AskFor(node.front(), request).ranked.size(), 50u);  // 5 MB of keys
  request.limit = 500;                                          // 50 MB
  const CallContext context;
  const absl::Status refused = node.front().Query(request, context).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  request.group_by = GroupBy{"price", 500};
  request.limit = 20;
  EXPECT_TRUE(absl::IsResourceExhausted(node.front().Query(request, context).status()));
}

// What is asked counts, and how it ended.
class Observed : public ::testing::Test {
 protected:
  struct Kept final : QueryObserver {
    std::vector<absl::StatusCode> codes;
    void OnQuery(const QueryRequest&, const absl::StatusOr<QueryResult>& result, int64_t) override {
      codes.push_back(result.status().code());
    }
  };
  Kept observer_;
  Node node_{{.shards = 2, .threads = 2, .observer = &observer_}};
};

TEST_F(Observed, AStreamIsCountedByHowItEnded) {
  ASSERT_TRUE(node_.front().CreateTable(ParityTable(kDim)).ok());
  LoadRows(node_.front(), "items", RandomRows(kSeed, 500, kDim));
  std::mt19937_64 random(kSeed);
  QueryRequest request;
  request.table = "items";
  request.column = "v";
  request.vector = RandomVector(random, kDim);
  request.limit = 100;
  const CallContext context;
  const auto open = [&] {
    return *node_.front().OpenStream(request, StreamOrder::kStrict, context);
  };
  { const auto explained = open(); }
  EXPECT_TRUE(observer_.codes.empty());
  {
    const auto left = open();
    ASSERT_TRUE(left->Next(context).ok());
  }
  ASSERT_EQ(observer_.codes.size(), 1u);
  EXPECT_EQ(observer_.codes[0], absl::StatusCode::kCancelled);
  AskStream(node_.front(), request, StreamOrder::kStrict);
  ASSERT_EQ(observer_.codes.size(), 2u);
  EXPECT_EQ(observer_.codes[1], absl::StatusCode::kOk);
}

#ifdef ORDINATE_WITH_HNSW
// contract 3.3, 2.5: STRICT takes the n nearest by the EXACT path.
TEST_F(Stream, StrictWithinKIsExact) {
  MakeIndex(node_, "hnsw", Engine::kHnsw, Metric::kL2);
  request_.ties = {.form = TieForm::kWithinK, .n = 250};
  request_.order_by = {{"price", false, false}};
  request_.settings = {{"vector.preselect_alpha", "1"}, {"vector.search.ef_search", "1"}};
  Plan plan;
  ExpectEqual(AskStream(node_.front(), request_, StreamOrder::kStrict, nullptr, &plan), Expected());
  EXPECT_EQ(plan.path, Path::kExact);
  EXPECT_EQ(plan.reason, Reason::kNoLimit);
  request_.path = Path::kAnn;
  AskStream(node_.front(), request_, StreamOrder::kRelaxed, nullptr, &plan);
  EXPECT_EQ(plan.path, Path::kAnn);
}

// contract 3.5: never silent.
TEST_F(Stream, RelaxedThatWouldPreselectMostOfTheIndexSaysThatItScans) {
  MakeIndex(node_, "hnsw", Engine::kHnsw, Metric::kL2);
  request_.limit = 1'000;
  request_.path = Path::kAnn;
  Plan plan;
  ExpectEqual(AskStream(node_.front(), request_, StreamOrder::kRelaxed, nullptr, &plan),
              Expected());
  EXPECT_EQ(plan.path, Path::kExact);
  EXPECT_EQ(plan.reason, Reason::kWNearRowCount);
}

// Each row once; those the index's head has put too early or late are counted.
TEST_F(Stream, RelaxedHasEveryRowOnceAndCountsTheLateOnes) {
  MakeIndex(node_, "hnsw", Engine::kHnsw, Metric::kL2);
  for (const char* ef : {"100", "1000"}) {
    request_.settings = {{"vector.search.ef_search", ef}, {"vector.preselect_alpha", "1"}};
    uint64_t late = 0;
    const Answer answer = AskStream(node_.front(), request_, StreamOrder::kRelaxed, &late);
    const auto expected = Expected();
    std::set<RowId> wanted, seen;
    for (const OracleAnswer& row : expected) wanted.insert(row.id);
    for (const auto& row : answer) EXPECT_TRUE(seen.insert(row.first).second) << row.first;
    EXPECT_EQ(seen, wanted);
    uint64_t counted = 0;
    double worst = -1;
    for (const auto& row : answer) {
      if (*row.second < worst) ++counted;
      worst = std::max(worst, *row.second);
    }
    // Ties are decided by row id, which this count does not see.
    EXPECT_GE(late, counted);
    EXPECT_LE(late, counted + 50);
  }
}

TEST_F(Stream, RelaxedOnASmallTableIsStrict) {
  uint64_t late = 1;
  ExpectEqual(AskStream(node_.front(), request_, StreamOrder::kRelaxed, &late), Expected());
  EXPECT_EQ(late, 0u);
}
#endif

}  // namespace
}  // namespace ordinate
