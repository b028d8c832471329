#include "service/wire/rows.h"

#include "service/wire/values.h"
#include "storage/base/error_details.h"
#include "tests/wire/wire_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

v1::Value Number(int64_t value) {
  v1::Value proto;
  proto.set_int64_value(value);
  return proto;
}
v1::Value Text(const std::string& value) {
  v1::Value proto;
  proto.set_string_value(value);
  return proto;
}

TEST(Rows, UpsertReadsCellsByName) {
  v1::UpsertRequest proto;
  proto.set_table("all");
  auto& cells = *proto.add_rows()->mutable_cells();
  cells["count"] = Number(3);
  cells["part"] = Text("x");
  proto.mutable_rows(0)->set_row_id(9);
  const auto input = UpsertFromProto(proto, Everything());
  ASSERT_TRUE(input.ok()) << input.status();
  ASSERT_EQ(input->rows.size(), 1u);
  EXPECT_EQ(input->rows[0].row_id, 9u);
  EXPECT_EQ(input->rows[0].cells.size(), 10u);
  EXPECT_EQ(input->rows[0].cells[3], Value(int64_t{3}));
  EXPECT_TRUE(IsNull(input->rows[0].cells[0]));
  EXPECT_EQ(input->on_invalid, OnInvalid::kError);
}

TEST(Rows, RefusalsNameRowAndColumn) {
  v1::UpsertRequest proto;
  proto.add_rows();
  (*proto.add_rows()->mutable_cells())["price"] = Text("x");
  const auto status = UpsertFromProto(proto, Everything()).status();
  EXPECT_THAT(status, Refuses("row 1, column 'price': found STRING, expected DOUBLE"));
  EXPECT_THAT(FieldViolations(status), ElementsAre(FieldViolation{"rows[1].cells[\"price\"]",
                                                                  std::string(status.message())}));
  proto.mutable_rows(1)->mutable_cells()->clear();
  (*proto.mutable_rows(1)->mutable_cells())["zzz"] = Number(1);
  (*proto.mutable_rows(1)->mutable_cells())["nope"] = Number(1);
  EXPECT_THAT(UpsertFromProto(proto, Everything()).status(),
              Refuses("row 1, table 'all' has no column 'nope'"));
  proto.set_on_invalid(static_cast<v1::OnInvalid>(9));
  EXPECT_THAT(UpsertFromProto(proto, Everything()).status(),
              Refuses("on_invalid is 9; expected one of ERROR, NULL"));
}

TEST(Rows, UnreadableVectorsAreTheFrontsToNull) {
  v1::UpsertRequest proto;
  (*proto.add_rows()->mutable_cells())["vec"].mutable_vector_value()->set_packed_f32("abc");
  EXPECT_THAT(UpsertFromProto(proto, Everything()).status(), Refuses("not a multiple of 4"));
  proto.set_on_invalid(v1::ON_INVALID_NULL);
  const auto input = UpsertFromProto(proto, Everything());
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->rows[0].cells[7], Value(Vector()));
}

TEST(Rows, Keys) {
  google::protobuf::RepeatedPtrField<v1::RowKey> protos;
  protos.Add()->set_row_id(5);
  auto* cells = protos.Add()->mutable_cells();
  *cells->add_values() = Number(1);
  *cells->add_values() = Text("a");
  const auto keys = KeysFromProto(protos, Everything());
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ((*keys)[0].row_id, 5u);
  EXPECT_THAT((*keys)[1].cells, ElementsAre(Value(uint64_t{1}), Value(std::string("a"))));

  const auto refused = [&](const char* field, const char* message) {
    const auto status = KeysFromProto(protos, Everything()).status();
    EXPECT_THAT(status, Refuses(message));
    ASSERT_EQ(FieldViolations(status).size(), 1u);
    EXPECT_EQ(FieldViolations(status)[0].field, field);
  };
  cells->mutable_values()->RemoveLast();
  refused("keys[1].cells.values", "key 1, found 1 cells, expected 2");
  cells->add_values();
  refused("keys[1].cells.values[1]", "key 1, column 'part': found NULL");
  *cells->mutable_values(1) = Number(4);
  refused("keys[1].cells.values[1]", "key 1, column 'part': found INT64");
  protos.Add();
  protos.DeleteSubrange(1, 1);
  refused("keys[1]", "key 1, it has neither");
}

TEST(Rows, AnswersRoundTrip) {
  const TableDef table = Everything();
  RowsResult result;
  result.columns = {9, 3, 6};
  result.rows = {{.id = 4, .version = 8, .cells = {std::string("[]"), Value(), Timestamp{1}}}};
  result.next_page_token = "t";
  v1::ScanResponse proto;
  ScanResultToProto(result, table, &proto);
  ASSERT_EQ(proto.rows_size(), 1);
  EXPECT_EQ(proto.rows(0).row_id(), 4u);
  EXPECT_EQ(proto.rows(0).version(), 8u);
  EXPECT_EQ(proto.rows(0).cells().at("doc").json_value(), "[]");
  EXPECT_EQ(proto.rows(0).cells().at("at").timestamp_value().nanos(), 1000);
  EXPECT_FALSE(proto.rows(0).cells().contains("count"));
  EXPECT_EQ(proto.next_page_token(), "t");
}

TEST(Rows, UpdatesNameTheColumnsTheyHaveCellsFor) {
  const TableDef table = Everything();
  v1::UpdateRequest proto;
  proto.set_table(table.name);
  proto.set_request_id("r");
  (*proto.add_rows()->mutable_cells())["count"].set_null_value(
      google::protobuf::NullValue::NULL_VALUE);
  proto.add_conditions()->set_version(7);
  const auto input = UpdateFromProto(proto, table);
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->request_id, "r");
  ASSERT_EQ(input->rows.size(), 1u);
  EXPECT_EQ(input->rows[0].columns, (std::vector<uint32_t>{*table.FindColumn("count")}));
  EXPECT_EQ(input->rows[0].condition, (WriteCondition{WriteCondition::Kind::kVersion, 7}));
}

TEST(Rows, ConditionsAreOneForEachRowOrKey) {
  const TableDef table = Everything();
  v1::DeleteRequest proto;
  proto.add_keys()->set_row_id(1);
  proto.add_keys()->set_row_id(2);
  proto.add_conditions()->set_exists(false);
  auto keys = KeysFromProto(proto, table);
  EXPECT_EQ(FieldViolations(keys.status()).at(0).field, "conditions");
  proto.add_conditions();
  keys = KeysFromProto(proto, table);
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ((*keys)[0].condition.kind, WriteCondition::Kind::kAbsent);
  EXPECT_EQ((*keys)[1].condition.kind, WriteCondition::Kind::kNone);
  proto.mutable_conditions(1)->set_version(0);
  EXPECT_EQ(FieldViolations(KeysFromProto(proto, table).status()).at(0).field,
            "conditions[1].version");
}

// The table may be made anew, with fewer columns, between reading and answering.
TEST(Rows, PositionsPastTheTableAreLeftOut) {
  v1::Row proto;
  const std::vector<uint32_t> columns = {3, 99};
  RowToProto({.id = 1, .cells = {int64_t{1}, int64_t{2}}}, columns, Everything(), &proto);
  EXPECT_EQ(proto.cells_size(), 1);
}

TEST(Rows, TokensBothWays) {
  v1::Token proto;
  TokenToProto({{0, 5}, {3, 1}}, &proto);
  EXPECT_EQ(TokenFromProto(proto), (SeqByShard{{0, 5}, {3, 1}}));
}

}  // namespace
}  // namespace ordinate
