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

#ifdef ORDINATE_WITH_HNSW
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
