#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "service/statement/function_rows.h"
#include "service/statement/translate.h"
#include "tests/statement/read.h"

namespace ordinate::statement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

FunctionSelect Function(std::string_view text) {
  const SelectRequest request = Accepted(ToRequest(Read<Select>(text)));
  const auto* const found = std::get_if<FunctionSelect>(&request);
  EXPECT_NE(found, nullptr) << text;
  return found == nullptr ? FunctionSelect() : *found;
}
std::string Refusal(std::string_view text) { return RefusalOf(ToRequest(Read<Select>(text))); }

const std::string kJoin =
    " FROM nearest_neighbors('docs','body_embed','[0.1,0.2,0.3]',10,'cosine',96) AS nn JOIN docs "
    "AS "
    "d ON d.__row_id = nn.row_id ";

// contract 7.2
TEST(TableFunction, JoinsBackToItsTable) {
  const FunctionSelect select =
      Function("SELECT d.id, nn.score" + kJoin + "ORDER BY nn.score DESC, d.id");
  EXPECT_EQ(select.query.table, "docs");
  EXPECT_EQ(select.query.column, "body_embed");
  EXPECT_EQ(select.query.vector, (Vector{0.1F, 0.2F, 0.3F}));
  EXPECT_EQ(select.query.limit, 10);
  EXPECT_EQ(select.query.metric, Metric::kCosine);
  EXPECT_THAT(select.query.settings, ElementsAre(Pair("vector.search.ef_search", "96")));
  EXPECT_THAT(select.query.columns, ElementsAre("id"));
  EXPECT_EQ(select.joined_table, "docs");
  EXPECT_THAT(select.projection,
              ElementsAre(OutputItem{"id", RowColumn{"id"}}, OutputItem{"score", ScoreOutput{}}));
  ASSERT_EQ(select.order_by.size(), 2);
  EXPECT_TRUE(std::holds_alternative<ScoreOutput>(select.order_by[0].by));
  EXPECT_TRUE(select.order_by[0].descending);
  EXPECT_EQ(std::get<RowColumn>(select.order_by[1].by).column, "id");
  EXPECT_FALSE(select.order_by[1].descending);
}

// contract 7.1
TEST(TableFunction, StandsAlone) {
  const FunctionSelect nearest =
      Function("SELECT * FROM nearest_neighbors('t', 'v', '[1]', 5) LIMIT 3 OFFSET 1");
  EXPECT_EQ(nearest.query.metric, std::nullopt);
  EXPECT_TRUE(nearest.query.settings.empty());
  EXPECT_THAT(nearest.projection,
              ElementsAre(OutputItem{"row_id", RowIdOutput{}}, OutputItem{"score", ScoreOutput{}},
                          OutputItem{"ord", OrdinalOutput{}}));
  EXPECT_EQ(nearest.limit, 3U);
  EXPECT_EQ(nearest.offset, 1);
  EXPECT_TRUE(nearest.joined_table.empty());
  EXPECT_THAT(
      Function("SELECT * FROM nearest_neighbors('t', 'v', '[1]', 5, NULL, 7)").query.settings,
      ElementsAre(Pair("vector.search.ef_search", "7")));

  const FunctionSelect search =
      Function("SELECT vs.ord AS n FROM vector_search('idx', '[1]', 10, 40, 'EXACT') AS vs");
  EXPECT_EQ(search.query.index, "idx");
  EXPECT_EQ(search.query.table, "");
  EXPECT_EQ(search.query.limit, 10);
  EXPECT_EQ(search.topk, 40U);
  EXPECT_EQ(search.query.path, Path::kExact);
  EXPECT_THAT(search.projection, ElementsAre(OutputItem{"n", OrdinalOutput{}}));
  EXPECT_EQ(Function("SELECT ord FROM vector_search('idx', '[1]', 10)").topk, std::nullopt);
  EXPECT_EQ(Function("SELECT ord FROM vector_search('idx', '[1]', 10)").query.path, Path::kAuto);
}

TEST(TableFunction, ReadsWhatTheJoinNeeds) {
  const FunctionSelect select =
      Function("SELECT nn.*, d.a AS x, vec_l2(d.v, '[1]')" + kJoin +
               "WHERE d.b = 1 AND NOT (c IN (2)) ORDER BY x, e DESC, ord");
  EXPECT_THAT(select.query.columns, ElementsAre("a", "b", "c", "e", "v"));
  EXPECT_EQ(FilterText(select.filter.value()), "b = 1 AND c NOT IN (2)");
  EXPECT_EQ(std::get<RowColumn>(select.order_by.at(0).by).column, "a");
  EXPECT_TRUE(select.order_by.at(1).nulls_first);
  EXPECT_THAT(Function("SELECT *" + kJoin).query.columns, ElementsAre("*"));
  EXPECT_EQ(Function("SELECT *" + kJoin).projection.size(), 4);
}

TEST(TableFunction, RefusesWrongCalls) {
  const auto call = [](const std::string& arguments) {
    return Refusal("SELECT ord FROM nearest_neighbors(" + arguments + ")");
  };
  const std::string usage =
      "; the call is nearest_neighbors('table', 'column', '[...]', k [, 'metric' [, ef_search]])";
  EXPECT_EQ(call("'t'"),
            "nearest_neighbors, argument 2 (the column) is missing, expected a 'string'" + usage);
  EXPECT_EQ(call("1, 'v', '[1]', 5"),
            "nearest_neighbors, argument 1 (the table) is 1, expected a 'string'" + usage);
  EXPECT_EQ(
      call("'t', 'v', '[1]', 0"),
      "nearest_neighbors, argument 4 (k) is 0, expected a whole number from 1 to 10000" + usage);
  EXPECT_THAT(call("'t', 'v', '[x]', 5"),
              HasSubstr("argument 3 (the vector): statement: line 1, column 2: found x"));
  EXPECT_THAT(call("'t', 'v', '[1]', 5, 'dot'"),
              HasSubstr("(the metric) is \"dot\", expected one of 'l2', 'cosine', 'ip'"));
  EXPECT_THAT(call("'t', 'v', '[1]', 5, 'l2', 10001"), HasSubstr("from 1 to 10000"));
  EXPECT_THAT(call("'t', 'v', '[1]', 5, 'l2', 10, 1"), HasSubstr("has 7 arguments"));
  EXPECT_THAT(Refusal("SELECT ord FROM vector_search('i', '[1]', 5, 6, 'fast')"),
              HasSubstr("argument 5 (the engine) is \"fast\", expected one of 'ann', 'exact'"));
}

TEST(TableFunction, RefusesWrongNamesAndClauses) {
  const std::string alone = " FROM vector_search('i', '[1]', 5) AS vs ";
  EXPECT_EQ(Refusal("SELECT id" + alone),
            "a table function has no column \"id\"; expected row_id, score or ord");
  EXPECT_THAT(Refusal("SELECT nn.id" + kJoin), HasSubstr("expected row_id, score or ord"));
  EXPECT_THAT(Refusal("SELECT x.id" + kJoin), HasSubstr("FROM names no \"x\""));
  EXPECT_THAT(Refusal("SELECT ord" + alone + "WHERE a = 1"), HasSubstr("WHERE needs the JOIN"));
  EXPECT_THAT(Refusal("SELECT d.id" + kJoin + "WHERE nn.score > 1"),
              HasSubstr("FROM names no \"nn\""));
  EXPECT_THAT(Refusal("SELECT d.id" + kJoin + "WHERE d.v <-> '[1]' < 1"),
              HasSubstr("a bound on a score"));
  EXPECT_THAT(Refusal("SELECT vec_l2(v, '[1]')" + alone), HasSubstr("needs the JOIN"));
  EXPECT_THAT(Refusal("SELECT COUNT(*)" + alone), HasSubstr("COUNT(*)"));
  EXPECT_THAT(Refusal("SELECT ord" + alone + "ORDER BY v <-> '[1]'"),
              HasSubstr("ORDER BY takes columns"));
  EXPECT_THAT(Refusal("SELECT ord" + alone + "ORDER BY score USING ANN"), HasSubstr("USING"));
  EXPECT_THAT(Refusal("SELECT ord" + alone + "GROUP BY a ROWS 1"), HasSubstr("GROUP BY"));
  EXPECT_THAT(
      Refusal(
          "SELECT ord FROM vector_search('i', '[1]', 5) AS vs JOIN docs AS d ON d.id = vs.row_id"),
      HasSubstr("JOIN takes ON d.__row_id = nn.row_id"));
  EXPECT_THAT(
      Refusal("SELECT ord FROM nearest_neighbors('t', 'v', '[1]', 5) AS nn JOIN docs AS d ON "
              "nn.row_id = d.__row_id"),
      HasSubstr("JOIN is with table \"docs\"; expected \"t\""));
}

// Five rows of a table (id INT64 key, a INT64, v VECTOR), as a query answers with them: ids 10 to
// 14 in the order of the score, of which 11 and 12 tie; 13 has no a.
class FunctionRows : public testing::Test {
 protected:
  FunctionRows() {
    table_ = Accepted(
        ToTable(Read<CreateTable>("CREATE TABLE t (id INT64 PRIMARY KEY, a INT64, v VECTOR)")));
    answer_.columns = {1};
    const double scores[] = {0.9, 0.8, 0.8, 0.7, 0.6};
    const Value as[] = {int64_t{3}, int64_t{1}, int64_t{2}, Value(), int64_t{2}};
    for (RowId i = 0; i < 5; ++i) {
      answer_.ranked.push_back({.score = scores[i], .keys = {}, .id = 10 + i});
      answer_.rows.push_back({.id = 10 + i, .version = 0, .cells = {as[i]}});
    }
  }

  std::vector<uint32_t> Arrange(const std::string& clauses) {
    return Accepted(ArrangeFunctionRows(Select(clauses), table_, answer_));
  }
  FunctionSelect Select(const std::string& clauses) {
    return Function(
        "SELECT nn.ord FROM nearest_neighbors('t', 'v', '[1]', 5) AS nn JOIN t AS d ON d.__row_id "
        "= "
        "nn.row_id " +
        clauses);
  }

  TableDef table_;
  QueryResult answer_;
};

TEST_F(FunctionRows, KeepTheirOrderUnlessToldOtherwise) {
  EXPECT_THAT(Arrange(""), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Arrange("LIMIT 2 OFFSET 1"), ElementsAre(1, 2));
  EXPECT_THAT(Arrange("LIMIT 9 OFFSET 4"), ElementsAre(4));
  EXPECT_THAT(Arrange("OFFSET 9"), ElementsAre());
}

TEST_F(FunctionRows, AreSortedAsWritten) {
  EXPECT_THAT(Arrange("ORDER BY nn.score DESC, d.a DESC"), ElementsAre(0, 2, 1, 3, 4));
  EXPECT_THAT(Arrange("ORDER BY nn.score, d.a"), ElementsAre(4, 3, 1, 2, 0));
  EXPECT_THAT(Arrange("ORDER BY a"), ElementsAre(1, 2, 4, 0, 3));
  EXPECT_THAT(Arrange("ORDER BY a NULLS FIRST, ord DESC"), ElementsAre(3, 1, 4, 2, 0));
  EXPECT_THAT(Arrange("ORDER BY a DESC"), ElementsAre(3, 0, 2, 4, 1));
  EXPECT_THAT(Arrange("ORDER BY d.__row_id DESC LIMIT 2"), ElementsAre(4, 3));
  EXPECT_THAT(Arrange("ORDER BY row_id"), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(FunctionRows, AreFilteredBeforeTheCut) {
  EXPECT_THAT(Arrange("WHERE d.a = 2 ORDER BY nn.score"), ElementsAre(4, 2));
  EXPECT_THAT(Arrange("WHERE a >= 2 LIMIT 2"), ElementsAre(0, 2));
  EXPECT_THAT(Arrange("WHERE a IS NULL"), ElementsAre(3));
  EXPECT_THAT(RefusalOf(ArrangeFunctionRows(Select("WHERE b = 1"), table_, answer_)),
              HasSubstr("b"));
  EXPECT_THAT(RefusalOf(ArrangeFunctionRows(Select("ORDER BY v"), table_, answer_)),
              HasSubstr("v"));
}

}  // namespace
}  // namespace ordinate::statement
