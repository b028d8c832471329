// Statements run against a whole server: what the text says is what happens (contract 7.2).
#include "service/statement/executor.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"
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

// Keeps a whole answer.
class Kept final : public ResultSink {
 public:
  absl::Status Header(const std::vector<RowOutput::Column>& columns) override {
    ++headers;
    for (const auto& column : columns) names.push_back(column.name);
    return absl::OkStatus();
  }
  absl::Status Rows(std::vector<std::vector<Value>> page) override {
    EXPECT_LE(page.size(), kRowsPerPage);
    EXPECT_EQ(headers, 1);
    EXPECT_EQ(done, 0);
    ++pages;
    for (auto& row : page) {
      EXPECT_EQ(row.size(), names.size());
      rows.push_back(std::move(row));
    }
    return pages == fail_at_page ? absl::CancelledError("enough") : absl::OkStatus();
  }
  absl::Status Done(const ExecutionSummary& given) override {
    ++done;
    summary = given;
    return absl::OkStatus();
  }

  /// The column's values as text.
  std::vector<std::string> Column(const std::string& name) const {
    std::vector<std::string> values;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != name) continue;
      for (const auto& row : rows) values.push_back(Text(row[i]));
    }
    return values;
  }
  std::string Only(const std::string& name) const {
    const std::vector<std::string> values = Column(name);
    EXPECT_THAT(values, SizeIs(1)) << name;
    return values.empty() ? "" : values[0];
  }
  static std::string Text(const Value& value) {
    const auto* const text = std::get_if<std::string>(&value);
    return text != nullptr ? *text : ToString(View(value));
  }

  std::vector<std::string> names;
  std::vector<std::vector<Value>> rows;
  ExecutionSummary summary;
  int headers = 0, pages = 0, done = 0;
  int fail_at_page = 0;
};

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

  EXPECT_THAT(Do("INSERT INTO docs VALUES (6, 'f', '[1,1,1]')").summary.notices, SizeIs(1));
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
  Do("DROP VECTOR INDEX idx_docs_body");
  EXPECT_THAT(Do("SHOW VECTOR INDEXES").rows, IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(Refused("DROP VECTOR INDEX idx_docs_body")));
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
