#include "service/statement/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/statement/read.h"

namespace ordinate::statement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Refusal(std::string_view text) { return RefusalOf(ParseStatement(text)); }

ColumnName Column(std::string qualifier, std::string column) {
  return {std::move(qualifier), std::move(column)};
}
Literal Constant(Value value) { return {std::move(value)}; }
Literal Constant(int value) { return {Value(int64_t{value})}; }
Literal Constant(const char* text) { return {Value(std::string(text))}; }

// contract 7.2: the statements a user types first, word for word.
TEST(ParseStatement, ReadsTheStatementsOfTheContract) {
  const auto create = Read<CreateIndex>(
      "CREATE VECTOR INDEX idx_docs_body ON docs(body_embed) USING hnsw WITH (metric='cosine', "
      "dim=3, mode='batched')");
  EXPECT_EQ(create.index, "idx_docs_body");
  EXPECT_EQ(create.table, "docs");
  EXPECT_EQ(create.column, "body_embed");
  EXPECT_EQ(create.engine, Engine::kHnsw);
  EXPECT_THAT(create.options,
              ElementsAre(Option{"metric", Constant("cosine")}, Option{"dim", Constant(3)},
                          Option{"mode", Constant("batched")}));

  EXPECT_TRUE(Read<ShowIndex>("SHOW VECTOR INDEX STATUS").status);
  EXPECT_EQ(Read<ShowIndex>("SHOW VECTOR INDEX STATUS").index, "");
  EXPECT_EQ(Read<ShowIndexes>("SHOW VECTOR INDEXES").table, "");
  const auto alter = Read<AlterIndex>("ALTER VECTOR INDEX idx_docs_body SET MODE IMMEDIATE");
  EXPECT_EQ(alter.index, "idx_docs_body");
  EXPECT_EQ(alter.mode, FreshnessMode::kImmediate);
  const auto set = Read<Set>("SET vector.preselect_alpha = 8");
  EXPECT_EQ(set.name, "vector.preselect_alpha");
  EXPECT_EQ(set.value, "8");
}

TEST(ParseStatement, ReadsTheSelectOfTheContract) {
  const std::string head =
      "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
      "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') USING ";
  const Vector vector = {0.1F, 0.2F, 0.3F};
  for (const Path path : {Path::kAnn, Path::kExact}) {
    for (const bool limited : {true, false}) {
      const auto select = Read<Select>(head + (path == Path::kAnn ? "ANN" : "EXACT") + ", id DESC" +
                                       (limited ? " LIMIT 10" : ""));
      ASSERT_EQ(select.items.size(), 2);
      EXPECT_EQ(std::get<ColumnName>(select.items[0].what), Column("", "id"));
      EXPECT_EQ(
          std::get<Score>(select.items[1].what),
          (Score{Metric::kCosine, ScoreForm::kFunction, Column("", "body_embed"), vector, {}}));
      EXPECT_EQ(select.items[1].alias, "score");
      EXPECT_EQ(std::get<TableSource>(select.from).table, "docs");
      ASSERT_EQ(select.order_by.size(), 2);
      EXPECT_EQ(
          std::get<Score>(select.order_by[0].what),
          (Score{Metric::kL2, ScoreForm::kFunction, Column("docs", "body_embed"), vector, {}}));
      EXPECT_EQ(select.order_by[0].path, path);
      EXPECT_EQ(select.order_by[0].descending, std::nullopt);
      EXPECT_EQ(std::get<ColumnName>(select.order_by[1].what), Column("", "id"));
      EXPECT_EQ(select.order_by[1].descending, true);
      EXPECT_EQ(select.limit.has_value(), limited);
    }
  }
}

TEST(ParseStatement, ReadsTheJoinOfTheContract) {
  const auto select = Read<Select>(
      "SELECT d.id, nn.score FROM "
      "nearest_neighbors('docs','body_embed','[0.1,0.2,0.3]',10,'cosine',96) AS nn JOIN docs AS d "
      "ON d.__row_id = nn.row_id ORDER BY nn.score DESC, d.id");
  const auto& source = std::get<FunctionSource>(select.from);
  EXPECT_EQ(source.function, TableFunction::kNearestNeighbors);
  EXPECT_THAT(source.arguments,
              ElementsAre(Constant("docs"), Constant("body_embed"), Constant("[0.1,0.2,0.3]"),
                          Constant(10), Constant("cosine"), Constant(96)));
  EXPECT_EQ(source.alias, "nn");
  ASSERT_TRUE(select.join.has_value());
  EXPECT_EQ(select.join->table.table, "docs");
  EXPECT_EQ(select.join->table.alias, "d");
  EXPECT_EQ(select.join->left, Column("d", "__row_id"));
  EXPECT_EQ(select.join->right, Column("nn", "row_id"));
  ASSERT_EQ(select.order_by.size(), 2);
  EXPECT_EQ(std::get<ColumnName>(select.order_by[0].what), Column("nn", "score"));
  EXPECT_EQ(select.order_by[0].descending, true);
  EXPECT_EQ(std::get<ColumnName>(select.order_by[1].what), Column("d", "id"));
}

TEST(ParseStatement, ReadsTables) {
  const auto create = Read<CreateTable>(
      "create table docs (id INT64 primary key, body VECTOR(3) not null, any VECTOR null, "
      "price double, raw BYTES PAYLOAD, extra JSON)");
  EXPECT_EQ(create.table, "docs");
  const auto column = [](std::string name, DataType type) {
    ColumnDeclaration declaration;
    declaration.name = std::move(name);
    declaration.type = type;
    return declaration;
  };
  auto id = column("id", DataType::kInt64);
  id.primary_key = true;
  auto body = column("body", DataType::kVector);
  body.dim = 3;
  body.not_null = true;
  auto raw = column("raw", DataType::kBytes);
  raw.payload = true;
  EXPECT_THAT(create.columns, ElementsAre(id, body, column("any", DataType::kVector),
                                          column("price", DataType::kDouble), raw,
                                          column("extra", DataType::kJson)));
  EXPECT_THAT(create.key, ElementsAre());

  EXPECT_THAT(Read<CreateTable>("CREATE TABLE t (a INT64, b STRING, PRIMARY KEY (b, a))").key,
              ElementsAre("b", "a"));
  EXPECT_EQ(Read<DropTable>("DROP TABLE docs;").table, "docs");
  EXPECT_EQ(Read<ShowCreateTable>("SHOW CREATE TABLE docs").table, "docs");
  Read<ShowTables>("show tables");
}

TEST(ParseStatement, ReadsTheUsualNamesOfTypes) {
  const auto type = [](const std::string& name) {
    return Read<CreateTable>("CREATE TABLE t (a " + name + ")").columns.at(0).type;
  };
  EXPECT_EQ(type("bigint"), DataType::kInt64);
  EXPECT_EQ(type("INTEGER"), DataType::kInt64);
  EXPECT_EQ(type("uint64"), DataType::kUint64);
  EXPECT_EQ(type("TEXT"), DataType::kString);
  EXPECT_EQ(type("varchar"), DataType::kString);
  EXPECT_EQ(type("FLOAT"), DataType::kDouble);
  EXPECT_EQ(type("boolean"), DataType::kBool);
  EXPECT_EQ(type("timestamp"), DataType::kTimestamp);
}

TEST(ParseStatement, ReadsIndexes) {
  const auto create = Read<CreateIndex>("CREATE VECTOR INDEX f ON docs (body)");
  EXPECT_EQ(create.engine, std::nullopt);
  EXPECT_TRUE(create.options.empty());
  EXPECT_EQ(Read<CreateIndex>("CREATE VECTOR INDEX f ON t(b) USING FLAT").engine, Engine::kFlat);
  const auto mode =
      Read<AlterIndex>("ALTER VECTOR INDEX i SET MODE rebuild_only WITH (batch_interval = '5s')");
  EXPECT_EQ(mode.mode, FreshnessMode::kRebuildOnly);
  EXPECT_THAT(mode.options, ElementsAre(Option{"batch_interval", Constant("5s")}));
  const auto options =
      Read<AlterIndex>("ALTER VECTOR INDEX i SET (ef_search = 96, dim_policy = skip)");
  EXPECT_EQ(options.mode, std::nullopt);
  EXPECT_THAT(options.options, ElementsAre(Option{"ef_search", Constant(96)},
                                           Option{"dim_policy", Constant("skip")}));
  EXPECT_EQ(Read<RebuildIndex>("REBUILD VECTOR INDEX i").index, "i");
  EXPECT_THAT(Read<RebuildIndex>("REBUILD VECTOR INDEX i WITH (min_recall = 1)").gate,
              ElementsAre(Option{"min_recall", Constant(1)}));
  EXPECT_EQ(Read<CancelRebuild>("CANCEL REBUILD VECTOR INDEX i").index, "i");
  EXPECT_EQ(Read<DropIndex>("DROP VECTOR INDEX i").index, "i");
  EXPECT_EQ(Read<ShowCreateIndex>("SHOW CREATE VECTOR INDEX i").index, "i");
  EXPECT_EQ(Read<ShowIndexes>("SHOW VECTOR INDEXES ON docs").table, "docs");
  EXPECT_EQ(Read<ShowIndex>("SHOW VECTOR INDEX i").index, "i");
  EXPECT_FALSE(Read<ShowIndex>("SHOW VECTOR INDEX i").status);
  EXPECT_TRUE(Read<ShowIndex>("SHOW VECTOR INDEX i STATUS").status);
  EXPECT_EQ(Read<ShowIndex>("SHOW VECTOR INDEX").index, "");
  EXPECT_FALSE(Read<ShowIndex>("SHOW VECTOR INDEX").status);
  EXPECT_EQ(Read<ShowIndex>("SHOW VECTOR INDEX \"status\"").index, "status");
}

TEST(ParseStatement, ReadsSettings) {
  EXPECT_EQ(Read<Set>("SET vector.preselect_alpha = 2.5").value, "2.5");
  EXPECT_EQ(Read<Set>("SET vector.preselect_alpha = '2.5'").value, "2.5");
  EXPECT_EQ(Read<Set>("SET a = high").value, "high");
  EXPECT_EQ(Read<ShowSetting>("SHOW vector.search.ef_search").name, "vector.search.ef_search");
  EXPECT_EQ(Read<ShowSetting>("SHOW alpha").name, "alpha");
  EXPECT_EQ(Read<ShowSetting>("SHOW ALL").name, "");
}

TEST(ParseStatement, ReadsRows) {
  const auto insert = Read<Insert>(
      "INSERT INTO docs (id, \"body\") VALUES (1, '[0.1,0.2]'), (NULL, TRUE), (false, -1.5e3), "
      "(x'00fF', TIMESTAMP '1970-01-01T00:00:01Z'), (X'', DOUBLE '-Infinity'), "
      "(18446744073709551615, -9223372036854775808), ('it''s', .5)");
  EXPECT_EQ(insert.table, "docs");
  EXPECT_THAT(insert.columns, ElementsAre("id", "body"));
  EXPECT_THAT(insert.rows,
              ElementsAre(ElementsAre(Constant(1), Constant("[0.1,0.2]")),
                          ElementsAre(Literal(), Constant(Value(true))),
                          ElementsAre(Constant(Value(false)), Constant(Value(-1500.0))),
                          ElementsAre(Literal{Value(std::string("\0\xff", 2)), true},
                                      Constant(Value(Timestamp{1'000'000}))),
                          ElementsAre(Literal{Value(""), true}, Constant(Value(-HUGE_VAL))),
                          ElementsAre(Constant(Value(UINT64_MAX)), Constant(Value(INT64_MIN))),
                          ElementsAre(Constant("it's"), Constant(Value(0.5)))));
  EXPECT_TRUE(Read<Insert>("INSERT INTO docs VALUES (1)").columns.empty());

  const auto update =
      Read<Update>("UPDATE docs SET name = 'y', \"body\" = NULL, n = -2 WHERE id = 3 AND n > 1");
  EXPECT_EQ(update.table, "docs");
  EXPECT_THAT(update.assignments,
              ElementsAre(Assignment{"name", Constant("y")}, Assignment{"body", Literal()},
                          Assignment{"n", Constant(-2)}));
  EXPECT_EQ(FilterText(update.where.filter.value()), "id = 3 AND n > 1");

  const auto erase = Read<Delete>("DELETE FROM docs WHERE id IN (1, 2) AND name = 'x'");
  EXPECT_EQ(erase.table, "docs");
  EXPECT_EQ(FilterText(erase.where.filter.value()), "id IN (1, 2) AND name = 'x'");
}

TEST(ParseStatement, ReadsScores) {
  const auto score = [](const std::string& text) {
    const auto select = Read<Select>("SELECT a FROM t ORDER BY " + text);
    return std::get<Score>(select.order_by.at(0).what);
  };
  const Vector one = {1};
  const auto of = [&](Metric metric, ScoreForm form) {
    return Score{metric, form, Column("", "v"), one, {}};
  };
  EXPECT_EQ(score("vec_l2(v, '[1]')"), of(Metric::kL2, ScoreForm::kFunction));
  EXPECT_EQ(score("COSINE_SIM (v , '[1]' )"), of(Metric::kCosine, ScoreForm::kFunction));
  EXPECT_EQ(score("vec_ip(v,'[1]')"), of(Metric::kIp, ScoreForm::kFunction));
  EXPECT_EQ(score("v <-> '[1]'"), of(Metric::kL2, ScoreForm::kOperator));
  EXPECT_EQ(score("v<=>'[1]'"), of(Metric::kCosine, ScoreForm::kOperator));
  EXPECT_EQ(score("v <#> '[1]'"), of(Metric::kIp, ScoreForm::kOperator));
  EXPECT_EQ(score("a.v <-> ROW 42").row, 42U);
  EXPECT_EQ(score("vec_l2(a.v, row 18446744073709551615)").row, UINT64_MAX);
  EXPECT_EQ(score("a.v <-> ' [ 1 , -2.5e-1,+3 ] '").vector, (Vector{1, -0.25F, 3}));
  // Names of functions are names where no parenthesis follows.
  EXPECT_EQ(std::get<ColumnName>(Read<Select>("SELECT vec_l2 FROM t").items.at(0).what),
            Column("", "vec_l2"));
}

TEST(ParseStatement, ReadsOrder) {
  const auto item = [](const std::string& text) {
    return Read<Select>("SELECT a FROM t ORDER BY v <-> '[1]' " + text).order_by.at(0);
  };
  EXPECT_EQ(item("ASC").descending, false);
  EXPECT_EQ(item("DESC").descending, true);
  EXPECT_EQ(item("").ties, std::nullopt);
  EXPECT_EQ(item("TIES").ties, TieRule());
  EXPECT_EQ(item("BUCKET(0.5)").ties, (TieRule{.form = TieForm::kBucket, .width = 0.5}));
  EXPECT_EQ(item("DESC within_k(20)").ties, (TieRule{.form = TieForm::kWithinK, .n = 20}));
  EXPECT_EQ(item("NULLS LAST").nulls_first, false);
  EXPECT_EQ(item("NULLS FIRST").nulls_first, true);
  EXPECT_EQ(item("USING EXACT").path, Path::kExact);
  EXPECT_EQ(item("USING EXACT STRICT").strictness, Strictness::kStrict);
  EXPECT_EQ(item("USING ANN RELAXED").strictness, Strictness::kRelaxed);
}

TEST(ParseStatement, ReadsTheClausesOfSelect) {
  const auto select = Read<Select>(
      "SELECT *, a.*, COUNT(*) AS n FROM docs AS a WHERE a.x = 1 GROUP BY a.section ROWS 3 ORDER "
      "BY "
      "a.v <-> '[1]', b LIMIT 5 OFFSET 2");
  ASSERT_EQ(select.items.size(), 3);
  EXPECT_EQ(std::get<Star>(select.items[0].what).qualifier, "");
  EXPECT_EQ(std::get<Star>(select.items[1].what).qualifier, "a");
  EXPECT_TRUE(std::holds_alternative<CountStar>(select.items[2].what));
  EXPECT_EQ(select.items[2].alias, "n");
  EXPECT_EQ(std::get<TableSource>(select.from).alias, "a");
  EXPECT_EQ(select.group_by->column, Column("a", "section"));
  EXPECT_EQ(select.group_by->rows, 3U);
  EXPECT_EQ(select.limit, 5U);
  EXPECT_EQ(select.offset, 2U);
  EXPECT_FALSE(Read<Select>("SELECT a FROM t OFFSET 3").limit.has_value());

  const auto search = Read<Select>("SELECT score FROM vector_search('i', '[1]', 5, 40, 'ann')");
  EXPECT_EQ(std::get<FunctionSource>(search.from).function, TableFunction::kVectorSearch);
  EXPECT_EQ(std::get<FunctionSource>(search.from).arguments.size(), 5);

  EXPECT_FALSE(Read<Explain>("EXPLAIN SELECT a FROM t").analyze);
  EXPECT_TRUE(Read<Explain>("EXPLAIN ANALYZE SELECT a FROM t").analyze);
  EXPECT_EQ(Read<Explain>("EXPLAIN SELECT a FROM t LIMIT 7").select.limit, 7U);
}

Where Conditions(const std::string& text) {
  return Read<Select>("SELECT a FROM t WHERE " + text + " LIMIT 1").where.value_or(Where());
}
std::string ConditionText(const std::string& text) {
  const Where where = Conditions(text);
  return where.filter.has_value() ? FilterText(*where.filter) : "none";
}

TEST(ParseStatement, ReadsConditions) {
  EXPECT_EQ(ConditionText("a = 1 /* AND */ AND -- b\n b = ' limit ''x' OR \"limit\" IS NULL"),
            "(a = 1 AND b = ' limit ''x') OR limit IS NULL");
  EXPECT_EQ(ConditionText("t.a = 1 AND \"t\".\"b\" < 1.5 AND u . c IN (1)"),
            "a = 1 AND b < 1.5 AND c IN (1)");
  EXPECT_THAT(Conditions("t.a = 1 AND \"t\".b < 1.5 AND u.c IN (1)").qualifiers,
              ElementsAre("t", "u"));
  EXPECT_EQ(ConditionText("a = 't.b' AND c = TIMESTAMP '2024-01-31T12:00:00Z'"),
            "a = 't.b' AND c = TIMESTAMP '2024-01-31T12:00:00Z'");
  EXPECT_FALSE(Read<Select>("SELECT a FROM t").where.has_value());
}

// contract 3.6: bounds on the score stand among the conditions.
TEST(ParseStatement, TakesBoundsOnTheScoreOutOfTheConditions) {
  const Score score{Metric::kL2, ScoreForm::kFunction, Column("", "v"), {1}, {}};
  const std::string bound = "vec_l2(v, '[1]') <= 0.5";
  EXPECT_EQ(ConditionText(bound), "none");
  EXPECT_THAT(Conditions(bound).bounds, ElementsAre(ScoreBound{score, CompareOp::kLe, 0.5}));
  EXPECT_EQ(ConditionText(bound + " AND a = 1"), "a = 1");
  EXPECT_EQ(ConditionText("a = 1 AND " + bound), "a = 1");
  EXPECT_EQ(ConditionText("a = 1 AND " + bound + " AND b = 2"), "a = 1 AND b = 2");
  EXPECT_EQ(ConditionText(bound + " AND " + bound), "none");
  EXPECT_EQ(ConditionText(bound + " AND " + bound + " AND (a = 1 OR b = 2)"), "a = 1 OR b = 2");
  EXPECT_EQ(ConditionText("a = 1 AND " + bound + " AND " + bound), "a = 1");
  const Where both = Conditions("t.v <-> '[1]' > 1e-3 AND v <=> ROW 7 < -2 AND a IN (1, 2)");
  ASSERT_EQ(both.bounds.size(), 2);
  EXPECT_EQ(both.bounds[0].score.column, Column("t", "v"));
  EXPECT_EQ(both.bounds[0].op, CompareOp::kGt);
  EXPECT_EQ(both.bounds[0].bound, 1e-3);
  EXPECT_EQ(both.bounds[1].score.metric, Metric::kCosine);
  EXPECT_EQ(both.bounds[1].score.row, 7U);
  EXPECT_EQ(both.bounds[1].op, CompareOp::kLt);
  EXPECT_EQ(both.bounds[1].bound, -2);
  EXPECT_EQ(FilterText(both.filter.value()), "a IN (1, 2)");
}

TEST(ParseStatement, RefusesBoundsWhereTheyAreNoConjuncts) {
  const std::string bound = "v <-> '[1]' < 1";
  const std::string where = "SELECT a FROM t WHERE ";
  const std::string problem =
      "a bound on a score stands alone or is joined by AND to the other conditions, outside "
      "parentheses, OR and NOT";
  EXPECT_EQ(Refusal(where + "a = 1 OR " + bound), "statement: line 1, column 32: " + problem);
  EXPECT_EQ(Refusal(where + bound + " OR a = 1"), "statement: line 1, column 39: " + problem);
  EXPECT_EQ(Refusal(where + "NOT " + bound), "statement: line 1, column 27: " + problem);
  EXPECT_EQ(Refusal(where + "(" + bound + ")"),
            "statement: line 1, column 39: found ), expected AND or the end of the conditions");
  EXPECT_EQ(Refusal(where + "(a = 1 AND " + bound + " AND b = 1)"),
            "statement: line 1, column 34: " + problem);
  EXPECT_EQ(Refusal(where + "a BETWEEN 1 AND " + bound),
            "statement: line 1, column 39: " + problem);
  EXPECT_EQ(Refusal(where + bound + " b = 1"),
            "statement: line 1, column 39: found b, expected AND or the end of the conditions");
  EXPECT_THAT(Refusal(where + bound + " AND"), HasSubstr("found the end, expected a condition"));
  EXPECT_THAT(Refusal(where + "a = 1 AND " + bound + " AND LIMIT 3"),
              HasSubstr("column 53: found LIMIT, expected a condition"));
  EXPECT_EQ(Refusal(where + "v <-> '[1]' = 1"),
            "statement: line 1, column 35: found =, expected <=, >=, < or >");
  EXPECT_EQ(Refusal(where + "v <-> '[1]' < a"),
            "statement: line 1, column 37: found a, expected a number");
}

TEST(ParseStatement, ReadsBlanksCommentsAndCase) {
  Read<ShowTables>("\t\n show /* a ; ' \" */ -- b\r\n TaBlEs ; -- done");
  EXPECT_EQ(Read<DropTable>("DROP TABLE/**/Docs").table, "Docs");
  EXPECT_EQ(Read<DropTable>("DROP TABLE \"a\"\"b.c -- \"").table, "a\"b.c -- ");
  EXPECT_EQ(Read<DropTable>("DROP TABLE \"select\"").table, "select");
  EXPECT_EQ(Read<DropTable>("DROP TABLE selects").table, "selects");
}

TEST(ParseStatement, SaysWhatWasFoundAndExpectedWhere) {
  EXPECT_EQ(Refusal(""),
            "statement: line 1, column 1: found the end, expected SELECT, INSERT, UPDATE, DELETE, "
            "CREATE, ALTER, REBUILD, CANCEL, DROP, SHOW, SET or EXPLAIN");
  EXPECT_EQ(Refusal("CREATE\n  FOO"),
            "statement: line 2, column 3: found FOO, expected TABLE or VECTOR");
  EXPECT_EQ(Refusal("DROP TABLE a b"), "statement: line 1, column 14: found b, expected the end");
  EXPECT_EQ(Refusal("DROP TABLE a; DROP TABLE b"),
            "statement: line 1, column 15: found DROP, expected the end");
  EXPECT_EQ(Refusal("DROP TABLE select"),
            "statement: line 1, column 12: found select, expected a table name");
  EXPECT_EQ(Refusal("DROP TABLE \"a"),
            "statement: line 1, column 14: found the end, expected \" to end the name");
  EXPECT_EQ(Refusal("DROP /* TABLE"),
            "statement: line 1, column 14: found the end, expected */ to end the comment");
  EXPECT_EQ(
      Refusal("SHOW 5"),
      "statement: line 1, column 6: found 5, expected TABLES, CREATE, VECTOR, ALL or the name "
      "of a setting");
  EXPECT_EQ(Refusal("SHOW VECTOR i"),
            "statement: line 1, column 13: found i, expected INDEXES or INDEX");
  EXPECT_EQ(Refusal("SET a 5"), "statement: line 1, column 7: found 5, expected =");
  EXPECT_EQ(Refusal("CREATE VECTOR INDEX i ON t(v) USING ivf"),
            "statement: line 1, column 37: found ivf, expected HNSW or FLAT");
  EXPECT_EQ(Refusal("CREATE VECTOR INDEX i ON t(v) WITH (m 3)"),
            "statement: line 1, column 39: found 3, expected =");
  EXPECT_EQ(Refusal("ALTER VECTOR INDEX i SET MODE fast"),
            "statement: line 1, column 31: found fast, expected IMMEDIATE, BATCHED, ASYNC or "
            "REBUILD_ONLY");
  EXPECT_EQ(Refusal("ALTER VECTOR INDEX i SET ef = 3"),
            "statement: line 1, column 26: found ef, expected MODE or (");
  EXPECT_EQ(
      Refusal("CREATE TABLE t (a FOO)"),
      "statement: line 1, column 19: found FOO, expected a type: BOOL, INT64, UINT64, DOUBLE, "
      "STRING, TIMESTAMP, VECTOR, BYTES or JSON");
  EXPECT_EQ(Refusal("CREATE TABLE t (a INT64(3))"),
            "statement: line 1, column 25: INT64 takes no number; only VECTOR has a dim");
  EXPECT_EQ(Refusal("CREATE TABLE t (a VECTOR(0))"),
            "statement: line 1, column 26: the dim is 0; the range is 1 to 16384");
  EXPECT_EQ(Refusal("CREATE TABLE t (a INT64 NOT b)"),
            "statement: line 1, column 29: found b, expected NULL");
  EXPECT_EQ(
      Refusal("CREATE TABLE t (a INT64 b)"),
      "statement: line 1, column 25: found b, expected (, PRIMARY, NOT, NULL, PAYLOAD, , or )");
  EXPECT_EQ(Refusal("INSERT INTO t VALUES (a)"),
            "statement: line 1, column 23: found a, expected a value: a number, a 'string', TRUE, "
            "FALSE, NULL, TIMESTAMP '...' or x'...'");
  EXPECT_EQ(Refusal("INSERT INTO t SELECT"),
            "statement: line 1, column 15: found SELECT, expected ( or VALUES");
  EXPECT_EQ(Refusal("INSERT INTO t VALUES (x'0g')"),
            "statement: line 1, column 26: found g, expected pairs of hexadecimal digits, then '");
  EXPECT_EQ(Refusal("INSERT INTO t VALUES (x'000')"),
            "statement: line 1, column 23: the bytes have 3 hexadecimal digits; expected two for "
            "each byte");
  EXPECT_EQ(Refusal("INSERT INTO t VALUES ('a"),
            "statement: line 1, column 25: found the end, expected ' to end the string");
  for (const std::string time : {"0000-12-31T23:59:59.999999Z", "10000-01-01T00:00:00Z"}) {
    EXPECT_THAT(Refusal("INSERT INTO t VALUES (TIMESTAMP '" + time + "')"),
                ::testing::HasSubstr("the time is not of the years 1 to 9999"));
  }
  EXPECT_EQ(Refusal("INSERT INTO t VALUES (TIMESTAMP 'now')"),
            "statement: line 1, column 33: found \"now\", expected an RFC 3339 time, such as "
            "'2024-01-31T12:00:00Z'");
}

TEST(ParseStatement, SaysWhatIsWrongWithASelect) {
  EXPECT_EQ(Refusal("SELECT FROM t"),
            "statement: line 1, column 8: found FROM, expected *, vec_l2(...), "
            "cosine_sim(...), vec_ip(...) or a column name");
  EXPECT_EQ(Refusal("SELECT a, b\nFROM docs\nWHER c = 1"),
            "statement: line 3, column 1: found WHER, expected AS, JOIN, WHERE, GROUP, ORDER, "
            "LIMIT, OFFSET or the end");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY vec_l2(v)"),
            "statement: line 1, column 34: found ), expected ,");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY vec_l2(v, 5)"),
            "statement: line 1, column 36: found 5, expected a vector such as '[0.1, 0.2]' or ROW");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY v <-> '[1,]'"),
            "statement: line 1, column 36: found ], expected a number");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY v <-> '1'"),
            "statement: line 1, column 33: found 1, expected [");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY v <-> '[1 -- 2]'"),
            "statement: line 1, column 36: found -, expected , or ]");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY v <-> '[1e39]'"),
            "statement: line 1, column 34: the component is beyond f32; expected at most 3.4e38");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY v <-> ROW -1"),
            "statement: line 1, column 36: found -, expected a row id");
  EXPECT_EQ(Refusal("SELECT a FROM t ORDER BY v USING INDEX"),
            "statement: line 1, column 34: found INDEX, expected ANN or EXACT");
  EXPECT_EQ(Refusal("SELECT a FROM t LIMIT x"),
            "statement: line 1, column 23: found x, expected a whole number");
  EXPECT_EQ(Refusal("SELECT a FROM t LIMIT 1.5"),
            "statement: line 1, column 23: found 1, expected a whole number");
  EXPECT_EQ(Refusal("SELECT a FROM t LIMIT 1 LIMIT 2"),
            "statement: line 1, column 25: found LIMIT, expected OFFSET or the end");
  EXPECT_EQ(Refusal("SELECT a FROM t GROUP BY b ORDER BY c"),
            "statement: line 1, column 28: found ORDER, expected ROWS");
}

TEST(ParseStatement, PlacesTheErrorsOfConditions) {
  EXPECT_EQ(Refusal("SELECT a FROM t\nWHERE a = ORDER BY b"),
            "statement: line 2, column 11: found ORDER, expected a value: a number, a 'string', "
            "TRUE, FALSE, NULL or TIMESTAMP '...'");
  EXPECT_THAT(Refusal("SELECT a FROM t WHERE"),
              HasSubstr("line 1, column 22: found the end, expected a condition"));
  EXPECT_THAT(Refusal("SELECT a FROM t WHERE /* x\n */ t.a ="),
              HasSubstr("line 2, column 10: found the end, expected a value"));
  EXPECT_THAT(Refusal("DELETE FROM t WHERE a = 1 b"),
              HasSubstr("line 1, column 27: found b, expected AND, OR or the end"));
  EXPECT_THAT(Refusal("DELETE FROM t WHERE a.b.c = 1"), HasSubstr("statement: line 1, column "));
  EXPECT_EQ(Refusal("DELETE FROM t"),
            "statement: line 1, column 14: found the end, expected WHERE");
  EXPECT_THAT(Refusal("DELETE FROM t WHERE a = 'x"),
              HasSubstr("column 27: found the end, expected ' to end the string"));
}

TEST(ParseVector, ReadsComponents) {
  EXPECT_EQ(*ParseVector("[0.5,-1e2, 3]"), (Vector{0.5F, -100, 3}));
  EXPECT_EQ(*ParseVector(" [ 1 ] "), (Vector{1}));
  EXPECT_EQ(MessageOf(ParseVector("[]").status()),
            "statement: line 1, column 2: found ], expected a number");
  EXPECT_EQ(MessageOf(ParseVector("[NaN]").status()),
            "statement: line 1, column 2: found NaN, expected a number");
  EXPECT_EQ(MessageOf(ParseVector("[1] 2").status()),
            "statement: line 1, column 5: found 2, expected the end");
  EXPECT_FALSE(ParseVector("").ok());
  EXPECT_FALSE(ParseVector("[3.5e38]").ok());
  EXPECT_EQ(ParseVector("[3.4028234e38]")->at(0), 3.4028234e38F);
}

TEST(SplitStatements, CutsAtSemicolonsOutsideQuotesAndComments) {
  const auto texts = [](std::string_view text) {
    std::vector<std::string> pieces;
    for (const StatementText& piece : SplitStatements(text)) pieces.emplace_back(piece.text);
    return pieces;
  };
  EXPECT_THAT(texts(""), ElementsAre());
  EXPECT_THAT(texts("a"), ElementsAre("a"));
  EXPECT_THAT(texts("a; b ;;c"), ElementsAre("a", "b ", "c"));
  EXPECT_THAT(texts("'x;''y;' ; \"a;b\" ; -- c;\n d /* ; */ e"),
              ElementsAre("'x;''y;' ", "\"a;b\" ", "d /* ; */ e"));
  EXPECT_THAT(texts("a; -- the end;\n /* ; */ "), ElementsAre("a"));
  EXPECT_THAT(texts("a; /* b; c"), ElementsAre("a", "/* b; c")) << "for the parser to refuse";
  EXPECT_THAT(texts("'a;b"), ElementsAre("'a;b"));
  EXPECT_THAT(texts("a /* ;"), ElementsAre("a /* ;"));
  EXPECT_EQ(SplitStatements("a;\n\n-- x\n b").at(1).line, 4U);
}

TEST(NameText, QuotesWhatIsNoPlainName) {
  EXPECT_EQ(NameText("docs"), "docs");
  EXPECT_EQ(NameText("_a1"), "_a1");
  EXPECT_EQ(NameText("a-b"), "\"a-b\"");
  EXPECT_EQ(NameText("a.b"), "\"a.b\"");
  EXPECT_EQ(NameText("Order"), "\"Order\"");
  EXPECT_EQ(NameText("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(NameText(""), "\"\"");
  EXPECT_EQ(NameText("NOT/* no end"), "\"NOT/* no end\"");
}

}  // namespace
}  // namespace ordinate::statement
