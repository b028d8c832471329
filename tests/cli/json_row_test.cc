#include "service/cli/json_row.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "service/cli/errors.h"
#include "service/cli/json_text.h"

namespace ordinate::cli {
namespace {

using ::testing::HasSubstr;

v1::Table MakeTable() {
  v1::Table table;
  table.set_name("t");
  const auto add = [&table](const char* name, v1::ColumnRole role, v1::DataType type) {
    auto* column = table.add_columns();
    column->set_name(name);
    column->set_role(role);
    column->set_type(type);
  };
  add("id", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_UINT64);
  add("name", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_STRING);
  add("b", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_BOOL);
  add("i", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_INT64);
  add("d", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_DOUBLE);
  add("t", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_TIMESTAMP);
  add("v", v1::COLUMN_ROLE_VECTOR, v1::DATA_TYPE_VECTOR);
  add("p", v1::COLUMN_ROLE_PAYLOAD, v1::DATA_TYPE_JSON);
  add("raw", v1::COLUMN_ROLE_PAYLOAD, v1::DATA_TYPE_BYTES);
  return table;
}

v1::Row Parse(const std::string& json) {
  v1::Row row;
  const absl::Status status = RowParser(MakeTable()).Parse(json, &row);
  EXPECT_TRUE(status.ok()) << json << ": " << status;
  return row;
}

std::string ErrorOf(const std::string& json) {
  v1::Row row;
  return std::string(RowParser(MakeTable()).Parse(json, &row).message());
}

std::string Text(const v1::Row& row) {
  std::string out;
  AppendCells(row, {}, &out);
  return out;
}

TEST(JsonRowTest, IntegersAreExactToAllBits) {
  const v1::Row row = Parse(R"({"id": 18446744073709551615, "i": -9223372036854775808})");
  EXPECT_EQ(row.cells().at("id").uint64_value(), 18446744073709551615u);
  EXPECT_EQ(row.cells().at("i").int64_value(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Parse(R"({"i": 9007199254740993})").cells().at("i").uint64_value(), 9007199254740993u);
}

TEST(JsonRowTest, ReadsEveryTypeAndWritesItBackAlike) {
  const std::string json =
      R"({"b":true,"d":-0.0,"i":-7,"id":5,"name":"ü\"\n","p":{"a":[1,{"b":null},"x"],"n":1.50e3},)"
      R"("raw":"AAEC","t":"2026-01-31T12:00:00.25Z","v":[1,-0.0,0.1]})";
  EXPECT_EQ(Text(Parse(json)), json);
}

TEST(JsonRowTest, JsonPayloadKeepsNumbersAsWritten) {
  EXPECT_EQ(Parse(R"({"p": {"x" : 1.10, "y": 123456789012345678901234567890 }})")
                .cells()
                .at("p")
                .json_value(),
            R"({"x":1.10,"y":123456789012345678901234567890})");
  EXPECT_EQ(Parse(R"({"p": "text"})").cells().at("p").json_value(), R"("text")");
  EXPECT_EQ(Parse(R"({"p": [[], {}]})").cells().at("p").json_value(), "[[],{}]");
  EXPECT_FALSE(Parse(R"({"p": null})").cells().at("p").has_json_value());
  EXPECT_EQ(CompactJson("{ \"a b\" : [ 1 , \"\\\" x\" ]\n}"), R"({"a b":[1,"\" x"]})");
}

// NULL and the JSON text null are told apart, there and back.
TEST(JsonRowTest, JsonTextNullIsNotNull) {
  v1::Row row;
  (*row.mutable_cells())["p"].set_json_value(" null\n");
  const std::string json = R"({"p":null,"__json_null":["p"]})";
  EXPECT_EQ(Text(row), json);
  EXPECT_EQ(Parse(json).cells().at("p").json_value(), "null");
  EXPECT_EQ(Text(Parse(json)), json);
  EXPECT_EQ(Parse(R"({"__json_null":["p"],"i":1,"p":null})").cells().at("p").json_value(), "null");
  EXPECT_EQ(Parse(R"({"__json_null":["p"]})").cells().at("p").json_value(), "null");
  EXPECT_EQ(Text(Parse(R"({"p":null,"__json_null":[]})")), R"({"p":null})");
  EXPECT_EQ(Text(Parse(R"({"p":[null]})")), R"({"p":[null]})");
  for (const char* bad :
       {R"({"__json_null":["i"]})", R"({"__json_null":["nope"]})", R"({"__json_null":["p","p"]})",
        R"({"p":1,"__json_null":["p"]})", R"({"__json_null":"p"})", R"({"__json_null":[1]})",
        R"({"__json_null":[["p"]]})", R"({"__json_null":{}})", R"({"__json_null":null})"}) {
    EXPECT_THAT(ErrorOf(bad), HasSubstr("'__json_null'")) << bad;
  }
}

TEST(JsonRowTest, NullAndSpecialNumbers) {
  const v1::Row row = Parse(R"({"i": null, "v": null, "d": "NaN", "t": null})");
  EXPECT_EQ(row.cells().at("i").kind_case(), v1::Value::KIND_NOT_SET);
  EXPECT_EQ(row.cells().at("v").kind_case(), v1::Value::KIND_NOT_SET);
  EXPECT_TRUE(std::isnan(row.cells().at("d").double_value()));
  EXPECT_EQ(Text(Parse(R"({"d": "-Infinity"})")), R"({"d":"-Infinity"})");
  const auto components =
      Components(Parse(R"({"v": [1, null, 1e300]})").cells().at("v").vector_value());
  ASSERT_EQ(components.size(), 3u);
  EXPECT_TRUE(std::isnan(components[1]));
  EXPECT_TRUE(std::isinf(components[2]));
}

// What export writes, load takes: the shortest text of the largest f32 lies a little above it.
TEST(JsonRowTest, LargestComponentsComeBackAlike) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  v1::Row row;
  auto* f32 = (*row.mutable_cells())["v"].mutable_vector_value()->mutable_f32();
  for (const float component : {kMax, -kMax, kLeast, -kLeast}) f32->add_values(component);
  const std::string json = Text(row);
  EXPECT_THAT(json, HasSubstr("3.4028235e+38,-3.4028235e+38"));
  EXPECT_EQ(Components(Parse(json).cells().at("v").vector_value()),
            (std::vector<double>{kMax, -kMax, kLeast, -kLeast}));
  const std::string query = "[3.4028235e38, 3.4028235677973362e38, 3.4028235677973366e38]";
  EXPECT_EQ(Components(*ParseVectorJson(query)),
            (std::vector<double>{kMax, kMax, std::numeric_limits<double>::infinity()}));
}

TEST(JsonRowTest, ErrorsNameColumnFoundAndExpected) {
  EXPECT_THAT(ErrorOf(R"({"nope": 1})"), HasSubstr("no column 'nope'; it has b, d, i, id, name"));
  EXPECT_THAT(ErrorOf(R"({"i": "x"})"),
              HasSubstr("column 'i': found the string 'x', expected INT64"));
  EXPECT_THAT(ErrorOf(R"({"i": true})"), HasSubstr("found a boolean"));
  EXPECT_THAT(ErrorOf(R"({"i": {}})"), HasSubstr("found an object"));
  EXPECT_THAT(ErrorOf(R"({"name": 5})"), HasSubstr("expected STRING"));
  EXPECT_THAT(ErrorOf(R"({"v": [1, "x"]})"), HasSubstr("column 'v'"));
  EXPECT_THAT(ErrorOf(R"({"v": [1, [2]]})"), HasSubstr("nested array"));
  EXPECT_THAT(ErrorOf(R"({"v": [1, {}]})"), HasSubstr("an object"));
  EXPECT_THAT(ErrorOf(R"({"v": 3})"), HasSubstr("array of numbers"));
  EXPECT_THAT(ErrorOf(R"({"t": "yesterday"})"), HasSubstr("TIMESTAMP"));
  EXPECT_THAT(ErrorOf(R"({"raw": "%%"})"), HasSubstr("base64"));
  EXPECT_THAT(ErrorOf(R"({"i": 1, "i": 2})"), HasSubstr("twice"));
  EXPECT_THAT(ErrorOf(R"({"__row_id": 1})"), HasSubstr("no column '__row_id'"));
  for (const char* json : {"", "5", "[]", "[1]", "null", "\"x\"", "{", "{\"i\":", "{\"i\":1,}",
                           "{\"v\":[1}", "{\"i\":1} x", "{\"name\":\"\xff\"}", "{\"d\":1e999}"}) {
    EXPECT_NE(ErrorOf(json), "") << json;
  }
}

TEST(JsonRowTest, RowIdFieldOnlyWithoutKey) {
  v1::Table table;
  table.set_name("ordinal");
  auto* column = table.add_columns();
  column->set_name("s");
  column->set_role(v1::COLUMN_ROLE_ATTRIBUTE);
  column->set_type(v1::DATA_TYPE_STRING);
  v1::Row row;
  ASSERT_TRUE(RowParser(table).Parse(R"({"__row_id": 7, "s": "x"})", &row).ok());
  EXPECT_EQ(row.row_id(), 7u);
  EXPECT_EQ(row.cells().at("s").string_value(), "x");
  EXPECT_FALSE(RowParser(table).Parse(R"({"__row_id": "7"})", &row).ok());
  EXPECT_FALSE(RowParser(table).Parse(R"({"__row_id": -7})", &row).ok());
  EXPECT_EQ(ParseKeyWords(table, {"12"})->row_id(), 12u);
  EXPECT_EQ(ExitCodeOf(ParseKeyWords(table, {"x"}).status()), kExitUsage);
}

TEST(JsonRowTest, KeysFromWordsAndJson) {
  const auto words = ParseKeyWords(MakeTable(), {"18446744073709551615", "a"});
  ASSERT_TRUE(words.ok()) << words.status();
  EXPECT_EQ(words->cells().values(0).uint64_value(), 18446744073709551615u);
  EXPECT_EQ(words->cells().values(1).string_value(), "a");
  const auto json = ParseKeyJson(MakeTable(), R"([18446744073709551615, "a"])");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*words, *json));
  EXPECT_EQ(ExitCodeOf(ParseKeyWords(MakeTable(), {"1"}).status()), kExitUsage);
  EXPECT_EQ(ExitCodeOf(ParseKeyWords(MakeTable(), {"-1", "a"}).status()), kExitUsage);
  EXPECT_EQ(ExitCodeOf(ParseKeyJson(MakeTable(), "{}").status()), kExitUsage);
  EXPECT_EQ(ExitCodeOf(ParseKeyJson(MakeTable(), "[1.5, \"a\"]").status()), kExitUsage);
}

TEST(JsonRowTest, QueryVectors) {
  EXPECT_EQ(Components(*ParseVectorJson("[1, 2.5]")), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(Components(*ParseQueryLine(R"({"x": 1, "q": [3]})", "q")), (std::vector<double>{3}));
  EXPECT_EQ(Components(*ParseQueryLine("[4]", "q")), (std::vector<double>{4}));
  for (const char* json : {"", "{}", "[1", "[\"a\"]", "[null]", "3"}) {
    EXPECT_FALSE(ParseVectorJson(json).ok()) << json;
    EXPECT_FALSE(ParseQueryLine(json, "q").ok()) << json;
  }
}

TEST(JsonRowTest, RandomFloatsComeBackBitForBit) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  v1::Row row;
  std::string packed;
  for (int i = 0; i < 5000; ++i) {
    uint32_t bits = static_cast<uint32_t>(random());
    if ((bits & 0x7F800000u) == 0x7F800000u) bits &= 0x807FFFFFu;  // not NaN or infinity
    packed.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  (*row.mutable_cells())["v"].mutable_vector_value()->set_packed_f32(packed);
  EXPECT_EQ(Parse(Text(row)).cells().at("v").vector_value().packed_f32(), packed);
}

}  // namespace
}  // namespace ordinate::cli
