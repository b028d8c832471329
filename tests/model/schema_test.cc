#include "storage/model/schema.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/tables.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

template <typename Change>
void ExpectTableRefused(Change change, const std::string& message) {
  TableDef table = WideTable();
  change(table);
  const absl::Status status = ValidateTable(table);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

IndexDef SomeIndex() { return {.id = 1, .name = "i", .table_id = 7, .column_id = 7, .dim = 3}; }

template <typename Change>
void ExpectIndexRefused(Change change, const std::string& message) {
  IndexDef index = SomeIndex();
  change(index);
  const absl::Status status = ValidateIndex(index, WideTable());
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

TEST(ValidateName, Rules) {
  for (const char* name : {"a", "_a", "A-1.b_c", "_"}) EXPECT_TRUE(ValidateName("x", name).ok());
  for (const char* name : {"", "1a", "__a", "a b", "a'b", "\xc3\xa4", ".a"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateName("x", name))) << name;
  }
  EXPECT_TRUE(ValidateName("x", std::string(kMaxNameLength, 'a')).ok());
  const absl::Status status = ValidateName("table", std::string(kMaxNameLength + 1, 'a'));
  EXPECT_THAT(std::string(status.message()), HasSubstr("has 129 bytes; the most is 128"));
}

TEST(ValidateTable, AcceptsEveryType) { EXPECT_EQ(ValidateTable(WideTable()), absl::OkStatus()); }

TEST(ValidateTable, RefusesByName) {
  ExpectTableRefused([](TableDef& t) { t.columns.clear(); }, "has 0 columns");
  ExpectTableRefused([](TableDef& t) { t.columns[1].name = "label"; }, "'label' is declared twice");
  ExpectTableRefused([](TableDef& t) { t.columns[2].type = DataType::kUint64; },
                     "'count' is of type UINT64");
  ExpectTableRefused([](TableDef& t) { t.columns[0].nullable = true; }, "'id' is part of");
  ExpectTableRefused([](TableDef& t) { t.columns[0].type = DataType::kDouble; }, "takes INT64");
  ExpectTableRefused([](TableDef& t) { t.columns[2].dim = 3; }, "only VECTOR columns");
  ExpectTableRefused([](TableDef& t) { t.columns[6].dim = kMaxDim + 1; }, "the largest is 16384");
  ExpectTableRefused([](TableDef& t) { t.key = {}; }, "'id' is of role key but not listed");
  ExpectTableRefused([](TableDef& t) { t.key = {0, 0}; }, "in the primary key twice");
  ExpectTableRefused([](TableDef& t) { t.key = {0, 2}; }, "'count' is in the primary key but");
  ExpectTableRefused([](TableDef& t) { t.key = {0, 99}; }, "column position 99 of 10");
  ExpectTableRefused([](TableDef& t) { t.columns[1].role = static_cast<ColumnRole>(9); },
                     "role is unknown");
}

TEST(Flavour, FollowsTheKey) {
  TableDef table = WideTable();
  EXPECT_EQ(table.flavour(), RowIdFlavour::kPkU64);
  table.columns[0].type = DataType::kString;
  EXPECT_EQ(table.flavour(), RowIdFlavour::kPkHashed);
  table.key = {};
  EXPECT_EQ(table.flavour(), RowIdFlavour::kOrdinal);
  EXPECT_EQ(table.FindColumn("vec"), 6u);
  EXPECT_EQ(table.FindColumn("none"), std::nullopt);
}

// contract 6.1
TEST(ValidateIndex, RefusesByNameWithTheRange) {
  EXPECT_EQ(ValidateIndex(SomeIndex(), WideTable()), absl::OkStatus());
  ExpectIndexRefused([](IndexDef& i) { i.column_id = 99; }, "no column with id 99");
  ExpectIndexRefused([](IndexDef& i) { i.column_id = 3; }, "'count' is of type INT64");
  ExpectIndexRefused([](IndexDef& i) { i.dim = 0; }, "dim is 0; the range is 1 to 16384");
  ExpectIndexRefused([](IndexDef& i) { i.dim = 4; }, "dim is 4 but column 'vec' has dim 3");
  ExpectIndexRefused([](IndexDef& i) { i.m = 3; }, "m is 3; the range is 4 to 128");
  ExpectIndexRefused([](IndexDef& i) { i.ef_build = 7; }, "ef_build is 7; the range is 8 to 4000");
  ExpectIndexRefused([](IndexDef& i) { i.ef_search = 10'001; }, "the range is 0 to 10000");
  ExpectIndexRefused([](IndexDef& i) { i.batch_rows = 0; }, "batch_rows is 0; the range is 1 to");
  ExpectIndexRefused([](IndexDef& i) { i.batch_interval_micros = 999; }, "batch_interval");
  ExpectIndexRefused([](IndexDef& i) { i.max_lag_rows = 0; }, "max_lag_rows is 0; the range is 1");
  ExpectIndexRefused(
      [](IndexDef& i) {
        i.engine = Engine::kFlat;
        i.quantization = Quantization::kSq8;
      },
      "use quantization");
  ExpectIndexRefused([](IndexDef& i) { i.metric = static_cast<Metric>(0); }, "metric 0 is not");
}

}  // namespace
}  // namespace ordinate
