#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "service/statement/parser.h"
#include "service/statement/translate.h"
#include "storage/base/error_details.h"
#include "tests/statement/corpus.h"

namespace ordinate::statement {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Translates what can be, for a table that has some of the names.
void Translate(const Statement& statement) {
  TableDef table;
  table.name = "docs";
  table.columns = {{1, "id", ColumnRole::kKey, DataType::kInt64, false, 0},
                   {2, "body", ColumnRole::kVector, DataType::kVector, true, 0}};
  table.key = {0};
  if (const auto* create = std::get_if<CreateTable>(&statement)) (void)ToTable(*create);
  if (const auto* create = std::get_if<CreateIndex>(&statement)) (void)ToIndex(*create);
  if (const auto* alter = std::get_if<AlterIndex>(&statement)) (void)ToChange(*alter);
  if (const auto* set = std::get_if<Set>(&statement)) (void)ToSettings(*set);
  if (const auto* insert = std::get_if<Insert>(&statement)) (void)ToUpsert(*insert, table);
  if (const auto* erase = std::get_if<Delete>(&statement)) (void)ToDelete(*erase, table);
  if (const auto* select = std::get_if<Select>(&statement)) (void)ToRequest(*select);
}

// The refusal of `text`, or "read" if it is a statement, which is translated too.
std::string Read(std::string_view text) {
  const absl::StatusOr<Statement> statement = ParseStatement(text);
  if (statement.ok()) {
    Translate(*statement);
    return "read";
  }
  EXPECT_EQ(statement.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(MessageOf(statement.status()));
}

std::string Repeat(std::string_view part, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST(HostileText, TakesEveryStatementCutAtEveryByte) {
  for (const std::string_view whole : kCorpus) {
    ASSERT_EQ(Read(whole), "read") << whole;
    for (size_t length = 0; length < whole.size(); ++length) {
      const std::string_view text = whole.substr(0, length);
      const std::string answer = Read(text);
      if (answer != "read") {
        EXPECT_THAT(answer, StartsWith("statement: line 1, column ")) << text;
      }
    }
  }
}

TEST(HostileText, TakesRandomBytesAndMutations) {
  const auto seed = static_cast<uint32_t>(std::random_device()());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 40'000; ++round) {
    const std::string_view whole = kCorpus[random() % std::size(kCorpus)];
    std::string text(whole);
    const bool noise = round % 4 == 0;
    if (noise) text.resize(random() % 64);
    const size_t changes = noise ? text.size() : 1 + random() % 3;
    for (size_t i = 0; i < changes && !text.empty(); ++i) {
      const size_t other = random() % std::size(kCorpus);
      const auto byte = static_cast<char>(
          round % 3 == 0 ? random() % 256 : kCorpus[other][random() % kCorpus[other].size()]);
      text[random() % text.size()] = byte;
    }
    const std::string answer = Read(text);
    ASSERT_TRUE(answer == "read" || answer.starts_with("statement: ")) << text << ": " << answer;
    for (const StatementText& piece : SplitStatements(text)) Read(piece.text);
    const absl::StatusOr<Vector> vector = ParseVector(text);
    ASSERT_TRUE(!vector.ok() || !vector->empty());
  }
}

TEST(HostileText, TakesDeepNesting) {
  const std::string deep = Repeat("(", 1'000'000);
  EXPECT_THAT(Read("DELETE FROM t WHERE " + deep), HasSubstr("nested deeper than 128"));
  EXPECT_THAT(Read("DELETE FROM t WHERE " + Repeat("NOT ", 200'000)), HasSubstr("nested deeper"));
  EXPECT_EQ(Read("DELETE FROM t WHERE " + Repeat("(", 128) + "a = 1" + Repeat(")", 128)), "read");
  EXPECT_THAT(Read("CREATE TABLE t " + deep), HasSubstr("found (, expected a column name"));
  EXPECT_THAT(Read("SELECT " + deep), HasSubstr("column 8: found ("));
  EXPECT_THAT(Read("INSERT INTO t VALUES " + deep),
              HasSubstr("column 23: found (, expected a value"));
  EXPECT_THAT(Read("SELECT a FROM t ORDER BY vec_l2" + deep), HasSubstr("found ("));
  EXPECT_THAT(Read(deep), HasSubstr("line 1, column 1: found (, expected SELECT"));
}

TEST(HostileText, HoldsItsLimits) {
  EXPECT_THAT(Read(std::string(kMaxStatementBytes + 1, ' ')),
              HasSubstr("expected at most 1048576"));
  EXPECT_THAT(Read(std::string(kMaxStatementBytes, ' ')),
              HasSubstr("column 1048577: found the end"));
  EXPECT_EQ(Read("SELECT a" + Repeat(",a", 255) + " FROM t"), "read");
  EXPECT_EQ(Read("SELECT a" + Repeat(",a", 256) + " FROM t"),
            "statement: line 1, column 520: more than 256 items, the most allowed");
  EXPECT_THAT(Read("SELECT a FROM t ORDER BY a" + Repeat(",a", 17)),
              HasSubstr("more than 17 sort keys"));
  EXPECT_THAT(Read("CREATE TABLE t (a INT64" + Repeat(", a INT64", 256)),
              HasSubstr("more than 256 columns"));
  EXPECT_THAT(Read("ALTER VECTOR INDEX i SET (a=1" + Repeat(",a=1", 256)),
              HasSubstr("more than 256 options"));
  EXPECT_THAT(Read("INSERT INTO t VALUES (1" + Repeat(",1", 256)),
              HasSubstr("more than 256 values in a row"));
  EXPECT_EQ(Read("INSERT INTO t VALUES (1)" + Repeat(",(1)", 9'999)), "read");
  EXPECT_THAT(Read("INSERT INTO t VALUES (1)" + Repeat(",(1)", 10'000)),
              HasSubstr("more than 10000 rows"));
  EXPECT_THAT(Read("SELECT a FROM vector_search(1" + Repeat(",1", 16)),
              HasSubstr("more than 16 arguments"));
  EXPECT_THAT(Read("SELECT a FROM t WHERE a <-> '[1]' < 1" + Repeat(" AND a <-> '[1]' < 1", 16)),
              HasSubstr("more than 16 bounds"));
  EXPECT_THAT(Read("SELECT a FROM t WHERE a = 1" + Repeat(" OR a = 1", 999)),
              HasSubstr("more than 1000 conditions"));
  EXPECT_THAT(Read("SHOW a" + Repeat(".a", 500)), HasSubstr("no setting has so long a name"));
}

TEST(HostileText, TakesHugeLiterals) {
  const std::string many(1'000'000, '7');
  EXPECT_THAT(Read("SELECT a FROM t LIMIT " + many), HasSubstr("the number is beyond 64 bits"));
  EXPECT_THAT(Read("INSERT INTO t VALUES (" + many + ")"),
              HasSubstr("the number is beyond DOUBLE"));
  EXPECT_EQ(Read("INSERT INTO t VALUES ('" + many + "')"), "read");
  EXPECT_EQ(Read("INSERT INTO t VALUES (x'" + many + "')"), "read");
  EXPECT_EQ(Read("DROP TABLE a" + many), "read");
  EXPECT_EQ(Read("DROP TABLE \"" + many + "\""), "read");
  EXPECT_EQ(Read("DROP TABLE t -- " + many), "read");
  EXPECT_EQ(Read("DROP /*" + many + "*/ TABLE t"), "read");
  EXPECT_THAT(Read(many), HasSubstr("found 7777777777777777777777777777777777777777..., expected"));
  EXPECT_TRUE(ParseVector("[1" + Repeat(",1", kMaxDim - 1) + "]").ok());
  EXPECT_THAT(MessageOf(ParseVector("[1" + Repeat(",1", kMaxDim) + "]").status()),
              HasSubstr("more than 16384 components"));
}

// A reader that went back over the text would not end here.
TEST(HostileText, ReadsLongTextsOnce) {
  EXPECT_THAT(Read("SELECT a FROM t WHERE " + Repeat("a ", 500'000)),
              HasSubstr("column 25: found a"));
  EXPECT_THAT(Read("SELECT a FROM t WHERE " + Repeat("a.", 500'000)), StartsWith("statement: "));
  EXPECT_THAT(Read("SELECT a FROM t WHERE " + Repeat("/**/", 250'000)), HasSubstr("found the end"));
  EXPECT_THAT(Read("SELECT a FROM t WHERE " + Repeat("\"a\"", 300'000)), StartsWith("statement: "));
  EXPECT_THAT(Read("SELECT a FROM t WHERE " + Repeat("'", 999'999)),
              HasSubstr("to end the string"));
  EXPECT_THAT(Read("SELECT a FROM t WHERE " + Repeat("vec_l2(", 100'000)),
              StartsWith("statement: "));
  EXPECT_THAT(Read(Repeat("/* */ ", 170'000) + "x"), HasSubstr("found x, expected SELECT"));
  EXPECT_EQ(SplitStatements(Repeat(";", 1'000'000)).size(), 0);
  EXPECT_EQ(SplitStatements(Repeat("a;", 500'000)).size(), 500'000);
}

TEST(HostileText, TakesNonAscii) {
  EXPECT_EQ(Read("DROP TABLE \"\xc3\xa4\xe2\x82\xac\xff\""), "read");
  EXPECT_THAT(Read("DROP TABLE \xc3\xa4"), HasSubstr("found \xc3\xa4, expected a table name"));
  EXPECT_THAT(Read("DROP TABLE \xff"), HasSubstr("found \\377, expected a table name"));
  EXPECT_THAT(Read(std::string_view("DROP TABLE \0", 12)), HasSubstr("found \\000, expected"));
  EXPECT_EQ(Read("SELECT a FROM t WHERE a = '\xc3\xa4' AND b = 1"), "read");
  EXPECT_THAT(Read("SELECT a FROM t WHERE a = '\xc3\xa4' AND 5"), HasSubstr("column 36: found 5"));
}

}  // namespace
}  // namespace ordinate::statement
