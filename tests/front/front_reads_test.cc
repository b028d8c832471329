#include <random>

#include "service/front/page_token.h"
#include "tests/front/front_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

TEST_F(FrontTest, GetsInTheOrderAskedAndLeavesOutMissingRows) {
  Fill(9);
  const auto result = front_->Get(
      "docs", {{.cells = {int64_t{8}}}, {.row_id = 3}, {.row_id = 77}, {.cells = {int64_t{5}}}},
      {"size", "id"}, context_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Ids(*result), ElementsAre(8, 3, 5));
  EXPECT_THAT(result->columns, ElementsAre(2, 0));
  EXPECT_EQ(std::get<int64_t>(result->rows[0].cells[0]), 8);
}

TEST_F(FrontTest, RefusesMalformedKeys) {
  const auto get = [&](KeyInput key) {
    return front_->Get("docs", {std::move(key)}, {}, context_).status();
  };
  EXPECT_THAT(get({.cells = {std::string("x")}}), IsStatus(kInvalid, "key 0: column 'id'"));
  EXPECT_THAT(get({.cells = {int64_t{1}, int64_t{2}}}), IsStatus(kInvalid, "2 key cells"));
  EXPECT_THAT(front_->Get("docs", {}, {}, context_).status(), IsStatus(kInvalid, "0 keys"));
  EXPECT_THAT(front_->Get("log", {{.cells = {int64_t{1}}}}, {}, context_).status(),
              IsStatus(kInvalid, "has no primary key"));
}

TEST_F(FrontTest, NamesUnknownTablesAndColumns) {
  EXPECT_THAT(front_->Get("dosc", {{.row_id = 1}}, {}, context_).status(),
              IsStatus(absl::StatusCode::kNotFound, "no table 'dosc'; did you mean 'docs'?"));
  EXPECT_THAT(front_->Get("docs", {{.row_id = 1}}, {"sise"}, context_).status(),
              IsStatus(kInvalid, "no column 'sise'; did you mean 'size'?"));
}

// Pages of every size, with shards that stop early wherever they like, give every row once.
TEST_F(FrontTest, ScansEveryRowOnceInRowIdOrder) {
  const uint32_t seed = 20240611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Fill(200);
  for (int round = 0; round < 20; ++round) {
    for (const auto& shard : shards_) shard->scan_rows = 1 + random() % 50;
    const uint32_t page_size = 1 + random() % 80;
    std::vector<RowId> seen;
    std::string token;
    do {
      const auto page = front_->Scan("docs", std::nullopt, {"id"}, page_size, token, context_);
      ASSERT_TRUE(page.ok()) << page.status();
      ASSERT_LE(page->rows.size(), page_size);
      for (const RowId id : Ids(*page)) seen.push_back(id);
      token = page->next_page_token;
    } while (!token.empty());
    ASSERT_EQ(seen.size(), 200u);
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i + 1);
  }
}

TEST_F(FrontTest, ScansAndCountsWithAFilter) {
  Fill(20);
  const auto filter = ParseFilter("size > 17");
  ASSERT_TRUE(filter.ok()) << filter.status();
  const auto page = front_->Scan("docs", *filter, {}, 0, "", context_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(Ids(*page), ElementsAre(18, 19, 20));
  EXPECT_EQ(*front_->Count("docs", *filter, context_), 3u);
  EXPECT_THAT(front_->Count("docs", *ParseFilter("nope = 1"), context_).status(),
              IsStatus(kInvalid, "nope"));
}

TEST_F(FrontTest, RefusesPageTokensThatAreNotOurs) {
  const auto scan = [&](const std::string& token) {
    return front_->Scan("docs", std::nullopt, {}, 10, token, context_).status();
  };
  const std::string good = MakePageToken(docs_.id, 5);
  EXPECT_TRUE(scan(good).ok());
  EXPECT_THAT(scan("hello"), IsStatus(kInvalid, "not one this server gave"));
  EXPECT_THAT(scan(std::string(1 << 20, 'A')), IsStatus(kInvalid, "not one this server gave"));
  EXPECT_THAT(scan(MakePageToken(log_.id, 5)), IsStatus(kInvalid, "another table than 'docs'"));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'Q' : 'A';
    EXPECT_THAT(scan(bad), IsStatus(kInvalid, "page_token")) << i;
  }
  EXPECT_THAT(front_->Scan("docs", std::nullopt, {}, 10'001, "", context_).status(),
              IsStatus(kInvalid, "page_size is 10001"));
}

// contract 8: each shard's part is within the bound, and the whole is not.
TEST_F(FrontTest, AnAnswerOverTheBoundIsRefused) {
  max_answer_bytes_ = 1'000;
  Start(3);
  const Value text = std::string(400, 'x');
  ASSERT_TRUE(
      Upsert({Doc(1, Vector{1, 0}, text), Doc(2, Vector{2, 0}, text), Doc(3, Vector{3, 0}, text)})
          .ok());
  const auto get = [&](std::vector<KeyInput> keys) {
    return front_->Get("docs", std::move(keys), {"section"}, context_).status();
  };
  const auto over =
      IsStatus(absl::StatusCode::kResourceExhausted, "the answer is over the limit of 1000 bytes");
  EXPECT_TRUE(get({{.row_id = 1}, {.row_id = 2}}).ok());
  EXPECT_THAT(get({{.row_id = 1}, {.row_id = 2}, {.row_id = 3}}), over);
  QueryRequest query = Nearest(2);
  query.columns = {"section"};
  EXPECT_TRUE(front_->Query(query, context_).ok());
  query.limit = 3;
  EXPECT_THAT(front_->Query(query, context_).status(), over);
}

TEST_F(FrontTest, CountsRowsOfATable) {
  Fill(7);
  const auto info = front_->GetTable("docs", context_);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rows, 7u);
}

}  // namespace
}  // namespace ordinate
