#include "service/wire/values.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "google/protobuf/text_format.h"
#include "service/wire/utf8.h"
#include "tests/wire/wire_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

v1::Value Parse(const std::string& text) {
  v1::Value value;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &value)) << text;
  return value;
}

ColumnDef Column(const char* name) {
  const TableDef table = Everything();
  return table.columns[*table.FindColumn(name)];
}

absl::StatusOr<Value> Read(const char* column, const std::string& text) {
  return ValueFromProto(Parse(text), Column(column));
}

template <typename T>
std::string Packed(std::vector<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(Values, EveryTypeBothWays) {
  const std::vector<std::pair<const char*, Value>> cells = {
      {"id", std::numeric_limits<uint64_t>::max()},
      {"part", std::string("ü")},
      {"flag", true},
      {"count", std::numeric_limits<int64_t>::min()},
      {"price", -0.5},
      {"at", Timestamp{-1}},
      {"vec", Vector{1, -2.5f}},
      {"blob", std::string("\xff\x00", 2)},
      {"doc", std::string("{\"a\": [1]}")},
      {"name", Value()}};
  for (const auto& [name, value] : cells) {
    v1::Value proto;
    ValueToProto(value, Column(name).type, &proto);
    const auto back = ValueFromProto(proto, Column(name));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, value) << name;
  }
}

TEST(Values, NumbersInterchangeWhenExact) {
  EXPECT_EQ(*Read("count", "uint64_value: 5"), Value(int64_t{5}));
  EXPECT_EQ(*Read("count", "double_value: -3"), Value(int64_t{-3}));
  EXPECT_EQ(*Read("id", "int64_value: 5"), Value(uint64_t{5}));
  EXPECT_EQ(*Read("price", "int64_value: 9007199254740992"), Value(9007199254740992.0));
  EXPECT_THAT(Read("price", "int64_value: 9007199254740993").status(),
              Refuses("column 'price': found INT64 9007199254740993, which DOUBLE cannot hold"));
  EXPECT_THAT(Read("price", "int64_value: 9223372036854775807").status(), Refuses("exactly"));
  EXPECT_THAT(Read("price", "uint64_value: 18446744073709551615").status(), Refuses("exactly"));
  EXPECT_THAT(Read("count", "double_value: 1.5").status(), Refuses("INT64 cannot hold exactly"));
  EXPECT_THAT(Read("count", "double_value: nan").status(), Refuses("exactly"));
  EXPECT_THAT(Read("count", "double_value: 9223372036854775808").status(), Refuses("exactly"));
  EXPECT_THAT(Read("count", "uint64_value: 9223372036854775808").status(), Refuses("exactly"));
  EXPECT_THAT(Read("id", "int64_value: -1").status(), Refuses("UINT64 cannot hold exactly"));
  EXPECT_THAT(Read("id", "double_value: -1").status(), Refuses("exactly"));
}

TEST(Values, TypeMismatchesNameColumnFoundExpected) {
  EXPECT_THAT(Read("count", "string_value: 'x'").status(),
              Refuses("column 'count': found STRING, expected INT64"));
  EXPECT_THAT(Read("flag", "int64_value: 1").status(), Refuses("found INT64, expected BOOL"));
  EXPECT_THAT(Read("name", "bytes_value: 'x'").status(), Refuses("found BYTES, expected STRING"));
  EXPECT_THAT(Read("blob", "string_value: 'x'").status(), Refuses("found STRING, expected BYTES"));
  EXPECT_THAT(Read("vec", "double_value: 1").status(), Refuses("found DOUBLE, expected VECTOR"));
  EXPECT_THAT(Read("at", "int64_value: 1").status(), Refuses("expected TIMESTAMP"));
}

TEST(Values, TextIsUtf8AndJsonIsJson) {
  EXPECT_THAT(Read("doc", "json_value: '{\"a\": }'").status(),
              Refuses("column 'doc': the text is not valid JSON"));
  EXPECT_THAT(Read("doc", "string_value: '{}'").status(), Refuses("expected JSON"));
  EXPECT_TRUE(IsUtf8("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (const char* bad : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\x80",
                          "\xe2\x82", "\xf8\x88\x80\x80\x80", "\xe0\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
  EXPECT_TRUE(
      Read("doc", "json_value: '" + std::string(100'000, '[') + std::string(100'000, ']') + "'")
          .ok());
}

TEST(Values, TimestampsToTheMicrosecond) {
  const auto at = Read("at", "timestamp_value { seconds: -1 nanos: 999999000 }");
  ASSERT_TRUE(at.ok()) << at.status();
  EXPECT_EQ(std::get<Timestamp>(*at).micros, -1);
  EXPECT_THAT(Read("at", "timestamp_value { nanos: 1500 }").status(),
              Refuses("kept to the microsecond"));
  EXPECT_THAT(Read("at", "timestamp_value { nanos: -1000 }").status(), Refuses("range is 0"));
  EXPECT_THAT(Read("at", "timestamp_value { seconds: 9223372036854775807 }").status(),
              Refuses("years 1 to 9999"));
  EXPECT_THAT(Read("at", "timestamp_value { seconds: -62135596801 }").status(), Refuses("range"));
}

TEST(Values, VectorsInFourForms) {
  v1::Vector proto;
  proto.mutable_f32()->add_values(1.5f);
  EXPECT_THAT(*VectorFromProto(proto), ElementsAre(1.5f));
  proto.mutable_f64()->add_values(0.1);
  EXPECT_THAT(*VectorFromProto(proto), ElementsAre(0.1f));
  proto.set_packed_f32(Packed<float>({1, 2}));
  EXPECT_THAT(*VectorFromProto(proto), ElementsAre(1, 2));
  proto.set_packed_f64(Packed<double>({3, -4}));
  EXPECT_THAT(*VectorFromProto(proto), ElementsAre(3, -4));
}

// contract 1.4: an f64 beyond f32 is invalid; validation sees it as an infinity.
TEST(Values, OverflowBecomesInfinity) {
  v1::Vector proto;
  proto.mutable_f64()->add_values(1e300);
  proto.mutable_f64()->add_values(-1e300);
  const auto vector = VectorFromProto(proto);
  ASSERT_TRUE(vector.ok());
  EXPECT_TRUE(std::isinf((*vector)[0]) && (*vector)[0] > 0);
  EXPECT_TRUE(std::isinf((*vector)[1]) && (*vector)[1] < 0);
}

TEST(Values, RefusesVectorsThatCannotBeRead) {
  v1::Vector proto;
  EXPECT_THAT(VectorFromProto(proto).status(), Refuses("no form set"));
  proto.mutable_f32();
  EXPECT_THAT(VectorFromProto(proto).status(), Refuses("empty"));
  proto.set_packed_f32("abcde");
  EXPECT_THAT(VectorFromProto(proto).status(),
              Refuses("packed_f32 has 5 bytes, which is not a multiple of 4"));
  proto.set_packed_f64("abcd");
  EXPECT_THAT(VectorFromProto(proto).status(), Refuses("not a multiple of 8"));
  proto.set_packed_f32(std::string(4 * (kMaxDim + 1), '\0'));
  EXPECT_THAT(VectorFromProto(proto).status(), Refuses("16385 components; the most is 16384"));
}

}  // namespace
}  // namespace ordinate
