// Statements run against a whole server: what the text says is what happens (contract 7.2).
#include "service/statement/executor.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"
#include "tests/statement/kept.h"
#include "tests/support/node.h"

namespace ordinate::statement {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kCreateTable[] =
    "CREATE TABLE docs (id INT64 PRIMARY KEY, title STRING, body_embed VECTOR(3))";
constexpr char kCreateIndex[] =
    "CREATE VECTOR INDEX idx_docs_body ON docs(body_embed) USING hnsw WITH (metric='cosine', "
    "dim=3, mode='batched')";

class Executor : public ::testing::Test {
 protected:
  Executor() : node_(Node::Setup{.shards = 2}) {}

  absl::Status Try(std::string_view statement, Kept& kept) {
    return Execute(node_.front(), statement, settings_, kept, context_);
  }
  Kept Do(std::string_view statement) {
    Kept kept;
    const absl::Status status = Try(statement, kept);
    EXPECT_EQ(status, absl::OkStatus()) << statement;
    EXPECT_EQ(kept.done, 1) << statement;
    return kept;
  }
  absl::Status Refused(std::string_view statement) {
    Kept kept;
    const absl::Status status = Try(statement, kept);
    EXPECT_FALSE(status.ok()) << statement;
    EXPECT_EQ(kept.done, 0) << statement;
    return status;
  }

  // Five documents: 1 is the query vector's direction; 4 and 5 are one vector; 3 is far off.
  void FillDocs() {
    Do(kCreateTable);
    EXPECT_EQ(Do("INSERT INTO docs (id, title, body_embed) VALUES (1, 'a', '[0.1,0.2,0.3]'), "
                 "(2, 'b', '[0.3,0.2,0.1]'), (3, 'c', '[-1,0,0]'), (4, 'd', '[0.1,0.2,0.4]'), "
                 "(5, 'e', '[0.1,0.2,0.4]')")
                  .summary.message,
              "5 rows written");
  }
  void FillMany(int rows) {
    Do("CREATE TABLE many (id INT64 PRIMARY KEY, v VECTOR(2))");
    for (int begin = 0; begin < rows; begin += 500) {
      std::string insert = "INSERT INTO many VALUES ";
      for (int i = begin; i < begin + 500; ++i) {
        insert += Concat(i == begin ? "" : ", ", "(", i, ", '[", i, ", 0]')");
      }
      Do(insert);
    }
  }

  Node node_;
  CallContext context_;
  std::map<std::string, std::string> settings_;
};

TEST_F(Executor, TheLifeOfAnIndex) {
  FillDocs();
  EXPECT_EQ(Do(kCreateIndex).summary.message,
            "index 'idx_docs_body' created; its build is running");
  node_.WaitForIndex("idx_docs_body");

  for (const char* show : {"SHOW VECTOR INDEX STATUS", "SHOW VECTOR INDEXES", "SHOW VECTOR INDEX",
                           "SHOW VECTOR INDEX idx_docs_body", "SHOW VECTOR INDEXES ON docs"}) {
    const Kept shown = Do(show);
    EXPECT_EQ(shown.Only("index"), "idx_docs_body") << show;
    EXPECT_EQ(shown.Only("table"), "docs");
    EXPECT_EQ(shown.Only("column"), "body_embed");
    EXPECT_EQ(shown.Only("state"), "READY");
    EXPECT_EQ(shown.Only("metric"), "COSINE");
    EXPECT_EQ(shown.Only("engine"), "HNSW");
    EXPECT_EQ(shown.Only("dim"), "3");
    EXPECT_EQ(shown.Only("mode"), "BATCHED");
    EXPECT_EQ(shown.Only("rows_total"), "5");
    EXPECT_EQ(shown.Only("rows_indexed"), "5");
    EXPECT_THAT(shown.Only("visible_seq"), StartsWith("{\"0\":"));
  }

  Do("ALTER VECTOR INDEX idx_docs_body SET (batch_interval = '1h')");
  EXPECT_THAT(Do("INSERT INTO docs VALUES (6, 'f', '[1,1,1]')").summary.notices, IsEmpty());
  EXPECT_EQ(Do("SHOW VECTOR INDEX STATUS").Only("rows_pending"), "1");
  EXPECT_EQ(Do("ALTER VECTOR INDEX idx_docs_body SET MODE IMMEDIATE").summary.message,
            "index 'idx_docs_body' altered");
  const Kept altered = Do("SHOW VECTOR INDEX STATUS");
  EXPECT_EQ(altered.Only("mode"), "IMMEDIATE");
  EXPECT_EQ(altered.Only("rows_pending"), "0");
  EXPECT_EQ(altered.Only("rows_indexed"), "6");

  Do("ALTER VECTOR INDEX idx_docs_body SET (ef_search = 96)");
  EXPECT_EQ(Do("SHOW VECTOR INDEX STATUS").Only("ef_search"), "96");
  Do("REBUILD VECTOR INDEX idx_docs_body");
  EXPECT_EQ(node_.WaitForIndex("idx_docs_body").total.generation, 2u);
  Do("REBUILD VECTOR INDEX idx_docs_body WITH (min_recall = 1, k = 3, samples = 4)");
  EXPECT_EQ(node_.WaitForIndex("idx_docs_body").total.generation, 3u);
  EXPECT_TRUE(
      absl::IsInvalidArgument(Refused("REBUILD VECTOR INDEX idx_docs_body WITH (min_recall = 2)")));
  EXPECT_TRUE(absl::IsFailedPrecondition(Refused("CANCEL REBUILD VECTOR INDEX idx_docs_body")));
  Do("DROP VECTOR INDEX idx_docs_body");
  EXPECT_THAT(Do("SHOW VECTOR INDEXES").rows, IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(Refused("DROP VECTOR INDEX idx_docs_body")));
}

// contract 1.1
TEST_F(Executor, AddsAColumnThatOlderRowsReadNullIn) {
  FillDocs();
  EXPECT_EQ(Do("ALTER TABLE docs ADD COLUMN lang STRING").summary.message,
            "column 'lang' added to table 'docs'");
  Do("ALTER TABLE docs ADD COLUMN other VECTOR(2);");
  Do("UPDATE docs SET lang = 'de', other = '[1,2]' WHERE id = 1");
  EXPECT_EQ(Do("SELECT id FROM docs WHERE lang = 'de'").Only("id"), "1");
  EXPECT_EQ(Do("SELECT COUNT(*) FROM docs WHERE lang IS NULL").Only("count"), "4");
  EXPECT_THAT(Do("SHOW CREATE TABLE docs").Only("statement"), HasSubstr("other VECTOR(2)"));
  for (const char* column : {"a INT64 NOT NULL", "a INT64 PRIMARY KEY", "__a INT64"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Refused(Concat("ALTER TABLE docs ADD COLUMN ", column))))
        << column;
  }
  EXPECT_TRUE(absl::IsAlreadyExists(Refused("ALTER TABLE docs ADD COLUMN lang INT64")));
  EXPECT_TRUE(absl::IsNotFound(Refused("ALTER TABLE dogs ADD COLUMN lang INT64")));
}

// contract 1.7, 5.1
TEST_F(Executor, UpdatesRowsByKeyAndByCondition) {
  FillDocs();
  EXPECT_EQ(Do("UPDATE docs SET title = 'new' WHERE id IN (1, 99)").summary.message,
            "1 row updated");
  EXPECT_EQ(Do("SELECT title FROM docs WHERE id = 1").Only("title"), "new");
  const Kept all = Do("UPDATE docs SET title = NULL WHERE id >= 2");
  EXPECT_EQ(all.summary.message, "4 rows updated");
  EXPECT_EQ(all.summary.wrote, ExecutionSummary::Wrote::kUpdates);
  EXPECT_EQ(Do("SELECT COUNT(*) FROM docs WHERE title IS NULL").rows[0][0], Value(uint64_t{4}));
  EXPECT_EQ(Do("SELECT COUNT(*) FROM docs WHERE title = 'new'").rows[0][0], Value(uint64_t{1}));
}

TEST_F(Executor, ARequestIdMakesAWriteSafeToRetry) {
  FillDocs();
  const auto run = [&](const std::string& statement, const std::string& id) {
    Kept kept;
    const absl::Status status = Execute(node_.front(), statement, {}, kept, context_, id);
    return std::make_pair(status, kept.summary.message);
  };
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run("DELETE FROM docs WHERE title IS NOT NULL AND id < 3", "d").second,
              "2 rows deleted");
  }
  const absl::Status other = run("DELETE FROM docs WHERE id < 5", "d").first;
  ASSERT_TRUE(absl::IsInvalidArgument(other)) << other;
  EXPECT_EQ(FieldViolations(other).at(0).field, "request_id");
  const absl::Status read = run("SELECT id FROM docs", "x").first;
  EXPECT_EQ(FieldViolations(read).at(0).field, "request_id");
}

// contract 6.1
TEST_F(Executor, WhatShowCreateSaysMakesTheSameAgain) {
  Do(kCreateTable);
  Do(kCreateIndex);
  node_.WaitForIndex("idx_docs_body");
  const std::string index = Do("SHOW CREATE VECTOR INDEX idx_docs_body").Only("statement");
  const std::string table = Do("SHOW CREATE TABLE docs").Only("statement");
  Do("DROP VECTOR INDEX idx_docs_body");
  Do("DROP TABLE docs");
  EXPECT_THAT(Do("SHOW TABLES").rows, IsEmpty());
  Do(table);
  Do(index);
  node_.WaitForIndex("idx_docs_body");
  EXPECT_EQ(Do("SHOW CREATE VECTOR INDEX idx_docs_body").Only("statement"), index);
  EXPECT_EQ(Do("SHOW CREATE TABLE docs").Only("statement"), table);
  EXPECT_EQ(Do("SHOW TABLES").Only("table"), "docs");
}

// contract 6.1: what an engine has nothing for is refused, now and later.
TEST_F(Executor, AFlatIndexTakesNoOptionsOfTheGraph) {
  FillDocs();
  Do("CREATE VECTOR INDEX f ON docs(body_embed) USING flat");
  node_.WaitForIndex("f");
  for (const char* alter :
       {"ALTER VECTOR INDEX f SET (ef_search = 96)",
        "ALTER VECTOR INDEX f SET MODE BATCHED WITH (batch_rows = 5, ef_search = 96)"}) {
    const absl::Status refused = Refused(alter);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_THAT(std::string(MessageOf(refused)),
                HasSubstr("option ef_search does not apply to FLAT"));
  }
  EXPECT_EQ(Do("SHOW VECTOR INDEX f").Only("mode"), "IMMEDIATE") << "nothing of it was applied";
  Do("ALTER VECTOR INDEX f SET MODE BATCHED WITH (batch_rows = 5)");
  EXPECT_EQ(Do("SHOW VECTOR INDEX f").Only("mode"), "BATCHED");
  EXPECT_TRUE(absl::IsNotFound(Refused("ALTER VECTOR INDEX g SET (ef_search = 96)")));
}

constexpr char kNearest[] =
    "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
    "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') ";

TEST_F(Executor, RowsByDistanceThenByKey) {
  FillDocs();
  Do("CREATE VECTOR INDEX by_l2 ON docs(body_embed) USING hnsw WITH (metric='l2')");
  node_.WaitForIndex("by_l2");
  // 4 and 5 tie, and id DESC decides.
  for (const char* tail : {"USING ANN, id DESC LIMIT 10", "USING ANN, id DESC",
                           "USING EXACT, id DESC LIMIT 10", "USING EXACT, id DESC", ", id DESC"}) {
    const Kept found = Do(Concat(kNearest, tail));
    EXPECT_THAT(found.names, ElementsAre("id", "score"));
    EXPECT_THAT(found.Column("id"), ElementsAre("1", "5", "4", "2", "3")) << tail;
    EXPECT_EQ(found.summary.message, "5 rows");
    EXPECT_THAT(found.summary.visible_seq, SizeIs(2));
    ASSERT_THAT(found.rows, SizeIs(5));
    EXPECT_NEAR(std::get<double>(found.rows[0][1]), 1, 1e-9);
    EXPECT_NEAR(std::get<double>(found.rows[4][1]), -1 / std::sqrt(14.0), 1e-6);
  }
  EXPECT_THAT(Do(Concat(kNearest, "USING ANN, id DESC LIMIT 10")).summary.plan, StartsWith("ANN"));
  EXPECT_THAT(Do(Concat(kNearest, "USING EXACT LIMIT 2 OFFSET 1")).Column("id"),
              ElementsAre("4", "5"));
  EXPECT_THAT(Do("SELECT id FROM docs WHERE id > 1 ORDER BY body_embed <-> '[0.1,0.2,0.3]' LIMIT 2")
                  .Column("id"),
              ElementsAre("4", "5"));
}

TEST_F(Executor, ATableFunctionJoinedWithItsTable) {
  FillDocs();
  Do(kCreateIndex);
  node_.WaitForIndex("idx_docs_body");
  const Kept joined = Do(
      "SELECT d.id, nn.score FROM nearest_neighbors('docs','body_embed','[0.1,0.2,0.3]',10,"
      "'cosine',96) AS nn JOIN docs AS d ON d.__row_id = nn.row_id ORDER BY nn.score DESC, d.id");
  EXPECT_THAT(joined.Column("id"), ElementsAre("1", "4", "5", "2", "3"));
  EXPECT_NEAR(std::get<double>(joined.rows[0][1]), 1, 1e-9);

  // Table, column and metric are the index's.
  const Kept searched = Do("SELECT * FROM vector_search('idx_docs_body', '[0.1,0.2,0.3]', 3)");
  EXPECT_THAT(searched.names, ElementsAre("row_id", "score", "ord"));
  EXPECT_THAT(searched.Column("ord"), ElementsAre("0", "1", "2"));
  EXPECT_NEAR(std::get<double>(searched.rows[0][1]), 1, 1e-9);
  const Kept plan =
      Do("EXPLAIN SELECT * FROM vector_search('idx_docs_body', '[0.1,0.2,0.3]', 3, 4, 'ann')");
  EXPECT_THAT(plan.Column("plan"), Contains("w: 4"));
  EXPECT_THAT(std::string(MessageOf(Refused("SELECT * FROM vector_search('idx_docs_body', "
                                            "'[1,0,0]', 3) AS s JOIN other AS o ON o.__row_id = "
                                            "s.row_id"))),
              HasSubstr("expected 'docs'"));
}

TEST_F(Executor, RowsWithoutAScore) {
  FillDocs();
  EXPECT_EQ(Do("SELECT COUNT(*) FROM docs WHERE id >= 3").Only("count"), "3");
  const Kept all = Do("SELECT title, id FROM docs WHERE id >= 3");
  EXPECT_THAT(all.Column("title"), ::testing::UnorderedElementsAre("c", "d", "e"));
  EXPECT_THAT(Do("SELECT * FROM docs").names, ElementsAre("id", "title", "body_embed"));
  EXPECT_THAT(Do("SELECT __row_id FROM docs LIMIT 2").rows, SizeIs(2));
  EXPECT_THAT(Do("SELECT id FROM docs LIMIT 10 OFFSET 4").rows, SizeIs(1));
  const Kept none = Do("SELECT id FROM docs WHERE id > 99");
  EXPECT_EQ(none.headers, 1);
  EXPECT_THAT(none.rows, IsEmpty());
}

TEST_F(Executor, LongAnswersComeInPages) {
  FillMany(2500);
  const Kept scanned = Do("SELECT id FROM many LIMIT 2400 OFFSET 50");
  EXPECT_THAT(scanned.rows, SizeIs(2400));
  EXPECT_GE(scanned.pages, 3);
  for (const char* tail : {"", " LIMIT 2500"}) {
    const Kept ranked = Do(Concat("SELECT id FROM many ORDER BY vec_l2(v, '[0, 0]')", tail));
    ASSERT_THAT(ranked.rows, SizeIs(2500)) << tail;
    EXPECT_EQ(ranked.pages, 3);
    for (int64_t i = 0; i < 2500; ++i) {
      ASSERT_EQ(std::get<int64_t>(ranked.rows[static_cast<size_t>(i)][0]), i);
    }
  }
  // A reader that wants no more ends the statement.
  Kept kept;
  kept.fail_at_page = 2;
  EXPECT_TRUE(absl::IsCancelled(Try("SELECT id FROM many ORDER BY vec_l2(v, '[0, 0]')", kept)));
  EXPECT_EQ(kept.pages, 2);
}

// contract 1.7
TEST_F(Executor, DeletesByKeyAndByCondition) {
  FillDocs();
  EXPECT_EQ(Do("DELETE FROM docs WHERE id IN (1, 77)").summary.message, "1 row deleted");
  const Kept deleted = Do("DELETE FROM docs WHERE title >= 'd'");
  EXPECT_EQ(deleted.summary.rows, 2u);
  EXPECT_THAT(Do("SELECT id FROM docs").Column("id"), ::testing::UnorderedElementsAre("2", "3"));
  EXPECT_EQ(Do("DELETE FROM docs WHERE title = 'zz'").summary.message, "0 rows deleted");
}

TEST_F(Executor, SettingsAreTheCallersToKeep) {
  EXPECT_EQ(Do("SHOW vector.preselect_alpha").Only("value"), "6");
  const Kept set = Do("SET vector.preselect_alpha = 8");
  EXPECT_THAT(set.summary.settings, ElementsAre(Pair("vector.preselect_alpha", "8")));
  EXPECT_EQ(Do("SHOW vector.preselect_alpha").Only("value"), "6") << "the server keeps no session";
  settings_ = set.summary.settings;
  EXPECT_EQ(Do("SHOW vector.preselect_alpha").Only("value"), "8");
  EXPECT_THAT(Do("SHOW ALL").Column("name"), Contains("vector.search.ef_search"));

  FillDocs();
  Do("CREATE VECTOR INDEX by_l2 ON docs(body_embed)");
  node_.WaitForIndex("by_l2");
  EXPECT_THAT(
      Do("EXPLAIN SELECT id FROM docs ORDER BY vec_l2(body_embed, '[0,0,1]') USING ANN LIMIT 10")
          .Column("plan"),
      Contains("alpha: 8"));

  EXPECT_THAT(FieldViolations(Refused("SET vector.preselect_alpha = 800")),
              ElementsAre(::testing::Field(&FieldViolation::field, "statement")));
  settings_ = {{"vector.speed", "9"}};
  EXPECT_THAT(FieldViolations(Refused("SHOW ALL")),
              ElementsAre(::testing::Field(&FieldViolation::field, "settings[\"vector.speed\"]")));
}

// The statements of the design, letter by letter and one after the other.
TEST_F(Executor, TheStatementsOfTheDesign) {
  FillDocs();
  Do("CREATE VECTOR INDEX idx_docs_body ON docs(body_embed) USING hnsw WITH (metric='cosine', "
     "dim=3, mode='batched')");
  node_.WaitForIndex("idx_docs_body");
  EXPECT_EQ(Do("SHOW VECTOR INDEX STATUS").Only("state"), "READY");
  EXPECT_EQ(Do("SHOW VECTOR INDEXES").Only("mode"), "BATCHED");
  Do("ALTER VECTOR INDEX idx_docs_body SET MODE IMMEDIATE");
  EXPECT_EQ(Do("SHOW VECTOR INDEXES").Only("mode"), "IMMEDIATE");
  settings_ = Do("SET vector.preselect_alpha = 8").summary.settings;
  EXPECT_THAT(settings_, ElementsAre(Pair("vector.preselect_alpha", "8")));
  const std::string select =
      "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
      "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') ";
  for (const char* tail : {"USING ANN, id DESC LIMIT 10", "USING ANN, id DESC",
                           "USING EXACT, id DESC LIMIT 10", "USING EXACT, id DESC"}) {
    EXPECT_THAT(Do(select + tail).Column("id"), ElementsAre("1", "5", "4", "2", "3")) << tail;
  }
  EXPECT_THAT(Do("SELECT d.id, nn.score FROM "
                 "nearest_neighbors('docs','body_embed','[0.1,0.2,0.3]',10,'cosine',96) AS nn JOIN "
                 "docs AS d ON d.__row_id = nn.row_id ORDER BY nn.score DESC, d.id")
                  .Column("id"),
              ElementsAre("1", "4", "5", "2", "3"));
}

// contract 4.3
TEST_F(Executor, ExplainSaysHowAndAnalyzeWhatItTook) {
  FillDocs();
  const std::string select = "SELECT id FROM docs ORDER BY vec_l2(body_embed, '[0,0,1]')";
  const Kept plan = Do(Concat("EXPLAIN ", select, " LIMIT 3"));
  EXPECT_THAT(plan.names, ElementsAre("plan"));
  EXPECT_THAT(plan.Column("plan").front(), StartsWith("EXACT"));
  const Kept analyzed = Do(Concat("EXPLAIN ANALYZE ", select, " LIMIT 3"));
  EXPECT_THAT(analyzed.Column("plan"), Contains("rows: 3"));
  EXPECT_THAT(analyzed.Column("plan"), Contains(StartsWith("shard 1: visible sequence ")));
  EXPECT_THAT(Do(Concat("EXPLAIN ", select)).Column("plan"), ::testing::Not(Contains("rows: 5")));
  EXPECT_THAT(Do(Concat("EXPLAIN ANALYZE ", select)).Column("plan"), Contains("rows: 5"));
  EXPECT_THAT(std::string(MessageOf(Refused("EXPLAIN SELECT id FROM docs"))),
              HasSubstr("has no plan"));
}

TEST_F(Executor, SettingsOfTheSessionReachWhatTheyAreFor) {
  FillDocs();
  settings_ = {
      {"vector.hnsw.m", "24"}, {"vector.hnsw.ef_build", "77"}, {"vector.search.ef_search", "33"}};
  Do("CREATE VECTOR INDEX plain ON docs(body_embed) WITH (metric='cosine')");
  node_.WaitForIndex("plain");
  EXPECT_EQ(Do("SHOW VECTOR INDEX plain").Only("m"), "24");
  EXPECT_EQ(Do("SHOW VECTOR INDEX plain").Only("ef_build"), "77");
  Do("CREATE VECTOR INDEX own ON docs(body_embed) WITH (metric='l2', m=8, ef_build=55)");
  node_.WaitForIndex("own");
  EXPECT_EQ(Do("SHOW VECTOR INDEX own").Only("m"), "8");
  EXPECT_EQ(Do("SHOW VECTOR INDEX own").Only("ef_build"), "55");

  const auto plan = [&](const std::string& tail) {
    return Do("EXPLAIN SELECT " + tail).Column("plan");
  };
  EXPECT_THAT(plan("id FROM docs ORDER BY vec_l2(body_embed, '[0,0,1]') USING ANN LIMIT 2"),
              Contains("ef_search: 33"));
  EXPECT_THAT(plan("* FROM vector_search('own', '[0,0,1]', 2, 3, 'ann')"),
              Contains("ef_search: 33"));
  // What the statement itself says wins.
  FillMany(2'000);
  Do("CREATE VECTOR INDEX many_l2 ON many(v)");
  node_.WaitForIndex("many_l2");
  EXPECT_THAT(plan("* FROM nearest_neighbors('many', 'v', '[0,0]', 2, 'l2', 96)"),
              Contains("ef_search: 96"));
  EXPECT_THAT(plan("* FROM nearest_neighbors('many', 'v', '[0,0]', 2, 'l2')"),
              Contains("ef_search: 33"));
}

TEST_F(Executor, ShowsTellTablesApart) {
  FillDocs();
  FillMany(500);
  Do("CREATE VECTOR INDEX of_docs ON docs(body_embed)");
  Do("CREATE VECTOR INDEX of_many ON many(v)");
  EXPECT_THAT(Do("SHOW VECTOR INDEXES").Column("index"), ElementsAre("of_docs", "of_many"));
  EXPECT_THAT(Do("SHOW VECTOR INDEXES ON many").Column("index"), ElementsAre("of_many"));
  EXPECT_THAT(Do("SHOW VECTOR INDEX of_docs").Column("index"), ElementsAre("of_docs"));
  const Kept tables = Do("SHOW TABLES");
  EXPECT_THAT(tables.Column("table"), ElementsAre("docs", "many"));
  EXPECT_THAT(tables.Column("rows"), ElementsAre("5", "500"));
  EXPECT_EQ(tables.summary.message, "2 rows");
  EXPECT_TRUE(absl::IsNotFound(Refused("SHOW VECTOR INDEXES ON dogs")));
  EXPECT_TRUE(absl::IsInvalidArgument(Refused("SHOW vector.speed")));
}

// contract 3.3: USING ANN without LIMIT takes the head from the index, and says what came late.
TEST_F(Executor, ARelaxedAnswerSaysHowManyRowsCameLate) {
  FillMany(3'000);
  Do("CREATE VECTOR INDEX many_l2 ON many(v)");
  node_.WaitForIndex("many_l2");
  settings_ = {{"vector.preselect_alpha", "1"}};
  const std::string select = "SELECT id FROM many ORDER BY vec_l2(v, '[0,0]')";
  const Kept strict = Do(select);
  EXPECT_THAT(strict.summary.plan, StartsWith("EXACT\nreason: NO_LIMIT"));
  EXPECT_EQ(strict.summary.message, "3000 rows");
  const Kept relaxed = Do(select + " USING ANN");
  EXPECT_THAT(relaxed.summary.plan, StartsWith("ANN"));
  EXPECT_THAT(relaxed.rows, SizeIs(3'000));
  EXPECT_THAT(Do("EXPLAIN " + select + " USING ANN").Column("plan").front(), StartsWith("ANN"));
  const Kept analyzed = Do("EXPLAIN ANALYZE " + select + " USING ANN");
  EXPECT_THAT(analyzed.Column("plan"), Contains("rows: 3000"));
  EXPECT_THAT(analyzed.Column("plan"), Contains(StartsWith("rows late: ")));
  EXPECT_THAT(analyzed.Column("plan"), Contains(StartsWith("shard 1: visible sequence ")));
  EXPECT_THAT(analyzed.Column("plan"), Contains(StartsWith("w used: 1")));
  EXPECT_THAT(analyzed.Column("plan"),
              Contains(AllOf(StartsWith("shard 1 segment: "), HasSubstr(" ANN, rescored "))));
  EXPECT_THAT(Do("EXPLAIN ANALYZE " + select).Column("plan"),
              Contains(AllOf(StartsWith("shard 0 segment: "), HasSubstr(" EXACT, rescored "))));
}

// contract 6.1: of every mode and option, down to the text.
TEST_F(Executor, ShowCreateIsAFixedPoint) {
  FillDocs();
  for (const char* options :
       {"USING hnsw WITH (metric='cosine', dim=3, mode='batched', batch_rows=7, "
        "batch_interval='3s')",
        "USING hnsw WITH (metric='l2', m=8, ef_build=50, ef_search=70, mode='immediate')",
        "USING hnsw WITH (metric='ip', mode='async', max_lag_rows=99, dim_policy='skip')",
        "USING flat WITH (metric='l2', mode='rebuild_only')"}) {
    Do(Concat("CREATE VECTOR INDEX again ON docs(body_embed) ", options));
    node_.WaitForIndex("again");
    const std::string text = Do("SHOW CREATE VECTOR INDEX again").Only("statement");
    const std::vector<std::string> facts = {"engine",   "metric",    "dim",  "m",
                                            "ef_build", "ef_search", "mode", "dim_policy"};
    const Kept before = Do("SHOW VECTOR INDEX again");
    Do("DROP VECTOR INDEX again");
    Do(text);
    node_.WaitForIndex("again");
    EXPECT_EQ(Do("SHOW CREATE VECTOR INDEX again").Only("statement"), text);
    const Kept after = Do("SHOW VECTOR INDEX again");
    for (const std::string& fact : facts) EXPECT_EQ(after.Only(fact), before.Only(fact)) << fact;
    Do("DROP VECTOR INDEX again");
  }
}

TEST_F(Executor, RefusalsNameTheStatement) {
  FillDocs();
  for (const char* statement :
       {"SELEKT 1", "SELECT id FROM docs ORDER BY vec_l2(body_embed, '[1]') LIMIT 1",
        "SELECT colour FROM docs", "INSERT INTO docs VALUES (1)",
        "CREATE VECTOR INDEX i ON docs(title)",
        "SELECT id FROM docs ORDER BY vec_l2(body_embed, '[0,0,1]') LIMIT 10001"}) {
    const absl::Status refused = Refused(statement);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << statement << ": " << refused;
    EXPECT_THAT(FieldViolations(refused),
                ElementsAre(::testing::Field(&FieldViolation::field, "statement")))
        << statement;
  }
  EXPECT_THAT(std::string(MessageOf(Refused("SELECT id\nFROM docs WHEN"))),
              AllOf(HasSubstr("line 2, column 11"), HasSubstr("WHEN")));
  EXPECT_TRUE(absl::IsNotFound(Refused("SELECT * FROM dogs")));
  context_.Cancel();
  EXPECT_TRUE(absl::IsCancelled(Refused("SHOW TABLES")));
}

}  // namespace
}  // namespace ordinate::statement
