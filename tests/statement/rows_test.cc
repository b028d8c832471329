#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "service/statement/translate.h"
#include "tests/statement/read.h"

namespace ordinate::statement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableDef Table(std::string_view text) { return Accepted(ToTable(Read<CreateTable>(text))); }

TableDef Docs() {
  return Table(
      "CREATE TABLE docs (id INT64 PRIMARY KEY, body VECTOR(2), price DOUBLE, ok BOOL, name "
      "STRING, "
      "at TIMESTAMP, raw BYTES, extra JSON)");
}

UpsertInput Upsert(const std::string& text, const TableDef& table) {
  return Accepted(ToUpsert(Read<Insert>(text), table));
}

TEST(ToUpsert, FillsCellsInTheTablesOrder) {
  const UpsertInput input = Upsert(
      "INSERT INTO docs VALUES (1, '[0.5, 2]', 3, TRUE, 'it''s', TIMESTAMP '1970-01-01T00:00:01Z', "
      "x'00ff', '{\"a\": 1}'), (-2, NULL, 1.5, NULL, NULL, NULL, NULL, NULL)",
      Docs());
  EXPECT_EQ(input.table, "docs");
  ASSERT_EQ(input.rows.size(), 2);
  EXPECT_THAT(input.rows[0].cells,
              ElementsAre(Value(int64_t{1}), Value(Vector{0.5F, 2}), Value(3.0), Value(true),
                          Value("it's"), Value(Timestamp{1'000'000}),
                          Value(std::string("\0\xff", 2)), Value("{\"a\": 1}")));
  EXPECT_EQ(input.rows[1].cells[0], Value(int64_t{-2}));
  EXPECT_EQ(input.rows[1].cells[1], Value());
}

TEST(ToUpsert, LeavesColumnsThatAreNotNamedNull) {
  const UpsertInput input = Upsert("INSERT INTO docs (name, id) VALUES ('a', 1)", Docs());
  EXPECT_EQ(input.rows[0].cells, (std::vector<Value>{int64_t{1}, {}, {}, {}, "a", {}, {}, {}}));
}

// contract 1.2: a row of a table without a key is addressed by its id.
TEST(ToUpsert, TakesTheRowIdOfATableWithoutAKey) {
  const TableDef table = Table("CREATE TABLE t (a INT64)");
  const UpsertInput input = Upsert("INSERT INTO t (__row_id, a) VALUES (7, 1), (NULL, 2)", table);
  EXPECT_EQ(input.rows[0].row_id, 7);
  EXPECT_EQ(input.rows[0].cells, (std::vector<Value>{int64_t{1}}));
  EXPECT_EQ(input.rows[1].row_id, 0);
  EXPECT_THAT(RefusalOf(ToUpsert(Read<Insert>("INSERT INTO docs (__row_id) VALUES (7)"), Docs())),
              HasSubstr("has no column \"__row_id\""));
}

TEST(ToUpsert, NamesRowAndColumn) {
  const auto refusal = [](const std::string& values) {
    return RefusalOf(ToUpsert(Read<Insert>("INSERT INTO docs " + values), Docs()));
  };
  EXPECT_EQ(refusal("(id, no) VALUES (1, 2)"),
            "table \"docs\" has no column \"no\" to insert into");
  EXPECT_EQ(refusal("(id, id) VALUES (1, 2)"), "column \"id\" is named twice");
  EXPECT_EQ(refusal("(id, ok) VALUES (1, TRUE), (2)"),
            "row 1 has 1 values, expected 2: one per column");
  EXPECT_EQ(refusal("(id) VALUES (1.5)"),
            "row 0, column 'id': found 1.5, which INT64 cannot hold exactly");
  EXPECT_THAT(refusal("(id) VALUES (9223372036854775808)"), HasSubstr("INT64 cannot hold exactly"));
  EXPECT_THAT(refusal("(id) VALUES (1e19)"), HasSubstr("INT64 cannot hold exactly"));
  EXPECT_EQ(refusal("(id) VALUES ('1')"), "row 0, column 'id': found a string, expected a number");
  EXPECT_EQ(refusal("(ok) VALUES (1)"),
            "row 0, column 'ok': found a number, expected TRUE or FALSE");
  EXPECT_EQ(refusal("(raw) VALUES ('a')"), "row 0, column 'raw': found a string, expected x'...'");
  EXPECT_EQ(refusal("(name) VALUES (x'00')"),
            "row 0, column 'name': found bytes, expected a string");
  EXPECT_THAT(refusal("(at) VALUES ('now')"), HasSubstr("expected TIMESTAMP '...'"));
  EXPECT_THAT(refusal("(body) VALUES ('[1,]')"), HasSubstr("column 4: found ], expected a number"));
  EXPECT_THAT(refusal("(extra) VALUES ('{')"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("(name) VALUES ('\xff')"), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(refusal("(price) VALUES (9007199254740993)"),
              HasSubstr("DOUBLE cannot hold exactly"));
}

TEST(ToUpsert, TakesNumbersAtTheirLimits) {
  const TableDef table = Table("CREATE TABLE t (a UINT64 PRIMARY KEY, b INT64, c DOUBLE)");
  const auto cells = [&](const std::string& values) {
    return Upsert("INSERT INTO t VALUES (" + values + ")", table).rows.at(0).cells;
  };
  EXPECT_THAT(cells("18446744073709551615, 9223372036854775807, 1.7976931348623157e308"),
              ElementsAre(Value(UINT64_MAX), Value(INT64_MAX), Value(1.7976931348623157e308)));
  EXPECT_THAT(cells("0, -9223372036854775808, 18446744073709551616"),
              ElementsAre(Value(uint64_t{0}), Value(INT64_MIN), Value(0x1p64)));
  EXPECT_THAT(cells("1e3, -1e3, 7"),
              ElementsAre(Value(uint64_t{1000}), Value(int64_t{-1000}), Value(7.0)));
  EXPECT_THAT(RefusalOf(ToUpsert(Read<Insert>("INSERT INTO t (a) VALUES (-1)"), table)),
              HasSubstr("UINT64 cannot hold exactly"));
}

std::vector<std::vector<Value>> Keys(const std::string& condition, const TableDef& table) {
  const DeleteRequest request =
      Accepted(ToDelete(Read<Delete>("DELETE FROM " + table.name + " WHERE " + condition), table));
  EXPECT_EQ(request.filter.has_value(), request.keys.empty());
  std::vector<std::vector<Value>> keys;
  for (const KeyInput& key : request.keys) keys.push_back(key.cells);
  return keys;
}

// contract 1.7
TEST(ToDelete, TakesKeysFromAnEqualityOnTheWholeKey) {
  const TableDef docs = Docs();
  const auto key = [](int64_t id) { return std::vector<Value>{id}; };
  EXPECT_THAT(Keys("id = 7", docs), ElementsAre(key(7)));
  EXPECT_THAT(Keys("docs.id IN (3, 1, 3, 2.0)", docs), ElementsAre(key(1), key(2), key(3)));
  EXPECT_THAT(Keys("((id = 7))", docs), ElementsAre(key(7)));
  for (const std::string other :
       {"id > 7", "id <> 7", "NOT id = 7", "id = 7 OR id = 8", "id = 7 AND ok = TRUE", "id = 1.5",
        "id IN (1, NULL)", "id = NULL", "name = 'a'", "id = 7 AND id = 8"}) {
    EXPECT_TRUE(Keys(other, docs).empty()) << other;
  }
}

TEST(ToDelete, TakesEveryCombinationOfACompositeKey) {
  const TableDef pairs = Table("CREATE TABLE pairs (a INT64, b STRING, PRIMARY KEY (b, a))");
  EXPECT_THAT(
      Keys("a IN (1, 2) AND b = 'x'", pairs),
      ElementsAre(std::vector<Value>{"x", int64_t{1}}, std::vector<Value>{"x", int64_t{2}}));
  EXPECT_TRUE(Keys("a = 1", pairs).empty());
  std::string many = "0";
  for (int i = 1; i < 101; ++i) many += "," + std::to_string(i);
  const TableDef numbers = Table("CREATE TABLE n (a INT64, b INT64, PRIMARY KEY (a, b))");
  EXPECT_TRUE(Keys("a IN (" + many + ") AND b IN (" + many + ")", numbers).empty());
}

TEST(ToDelete, TakesRowIds) {
  const DeleteRequest request = Accepted(ToDelete(
      Read<Delete>("DELETE FROM docs WHERE __row_id IN (5, 18446744073709551615)"), Docs()));
  ASSERT_EQ(request.keys.size(), 2);
  EXPECT_EQ(request.keys[0].row_id, 5);
  EXPECT_EQ(request.keys[1].row_id, UINT64_MAX);
  EXPECT_TRUE(request.keys[0].cells.empty());
}

TEST(ToDelete, RefusesScoresAndForeignNames) {
  const auto refusal = [](const std::string& condition) {
    return RefusalOf(ToDelete(Read<Delete>("DELETE FROM docs WHERE " + condition), Docs()));
  };
  EXPECT_EQ(refusal("body <-> '[1, 2]' < 1"), "DELETE takes no bound on a score");
  EXPECT_EQ(refusal("x.id = 1"), "DELETE FROM \"docs\" knows no \"x\"");
}

// contract 1.7
TEST(ToUpdate, TakesKeysOrAFilter) {
  const auto by_key = Accepted(
      ToUpdate(Read<Update>("UPDATE docs SET name = 'x', body = NULL WHERE id IN (2, 1)"), Docs()));
  const UpsertInput& input = std::get<UpsertInput>(by_key);
  ASSERT_EQ(input.rows.size(), 2);
  EXPECT_EQ(input.rows[0].cells[0], Value(int64_t{1}));
  EXPECT_EQ(input.rows[1].cells[0], Value(int64_t{2}));
  const TableDef docs = Docs();
  std::vector<uint32_t> columns = {0, *docs.FindColumn("name"), *docs.FindColumn("body")};
  std::sort(columns.begin(), columns.end());
  EXPECT_EQ(input.rows[0].columns, columns);
  const auto by_filter =
      Accepted(ToUpdate(Read<Update>("UPDATE docs SET name = 'x' WHERE id > 7"), docs));
  const UpdateByFilter& where = std::get<UpdateByFilter>(by_filter);
  EXPECT_EQ(FilterText(where.filter), "id > 7");
  EXPECT_THAT(where.row.columns, ElementsAre(*docs.FindColumn("name")));
}

TEST(ToUpdate, RefusesWhatCannotBeSet) {
  const auto refusal = [](const std::string& what) {
    return RefusalOf(ToUpdate(Read<Update>("UPDATE docs SET " + what), Docs()));
  };
  EXPECT_THAT(refusal("id = 2 WHERE id = 1"), HasSubstr("part of the key, which never changes"));
  EXPECT_EQ(refusal("no = 2 WHERE id = 1"), "table \"docs\" has no column \"no\"");
  EXPECT_EQ(refusal("ok = TRUE, ok = FALSE WHERE id = 1"), "column \"ok\" is named twice");
  EXPECT_EQ(refusal("ok = 1 WHERE id = 1"), "column 'ok': found a number, expected TRUE or FALSE");
  EXPECT_EQ(refusal("ok = TRUE WHERE x.id = 1"), "UPDATE \"docs\" knows no \"x\"");
  EXPECT_THAT(refusal("ok = TRUE WHERE __row_id = 1"), HasSubstr("are updated by their key"));
  EXPECT_EQ(refusal("ok = TRUE WHERE body <-> '[1, 2]' < 1"), "UPDATE takes no bound on a score");
}

}  // namespace
}  // namespace ordinate::statement
