#include "service/cli/specs.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ordinate/v1/index_service.pb.h"
#include "service/cli/errors.h"

namespace ordinate::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(SpecsTest, ColumnHasNameTypeAndNullability) {
  const auto nullable = ParseColumn("section:string", v1::COLUMN_ROLE_ATTRIBUTE);
  ASSERT_TRUE(nullable.ok()) << nullable.status();
  EXPECT_EQ(nullable->name(), "section");
  EXPECT_EQ(nullable->type(), v1::DATA_TYPE_STRING);
  EXPECT_EQ(nullable->role(), v1::COLUMN_ROLE_ATTRIBUTE);
  EXPECT_FALSE(nullable->not_null());
  const auto required = ParseColumn("size:INT64!", v1::COLUMN_ROLE_ATTRIBUTE);
  ASSERT_TRUE(required.ok()) << required.status();
  EXPECT_EQ(required->type(), v1::DATA_TYPE_INT64);
  EXPECT_TRUE(required->not_null());
}

TEST(SpecsTest, ColumnRefusesUnknownTypeByName) {
  const auto column = ParseColumn("size:INT33", v1::COLUMN_ROLE_ATTRIBUTE);
  EXPECT_EQ(ExitCodeOf(column.status()), kExitUsage);
  EXPECT_THAT(std::string(column.status().message()), HasSubstr("INT33"));
  EXPECT_THAT(std::string(column.status().message()), HasSubstr("BOOL, INT64, UINT64"));
  for (const char* spec : {"", "size", ":INT64", "size:", "size:UNSPECIFIED"}) {
    EXPECT_EQ(ExitCodeOf(ParseColumn(spec, v1::COLUMN_ROLE_KEY).status()), kExitUsage) << spec;
  }
}

TEST(SpecsTest, VectorColumnHasADimOrAny) {
  EXPECT_EQ(ParseVectorColumn("v:256")->dim(), 256u);
  EXPECT_EQ(ParseVectorColumn("v")->dim(), 0u);
  EXPECT_EQ(ParseVectorColumn("v:any!")->dim(), 0u);
  EXPECT_TRUE(ParseVectorColumn("v:any!")->not_null());
  for (const char* spec : {"", ":3", "v:0", "v:-1", "v:x", "v:4294967296"}) {
    EXPECT_EQ(ExitCodeOf(ParseVectorColumn(spec).status()), kExitUsage) << spec;
  }
}

TEST(SpecsTest, OrderByTakesDirectionAndNulls) {
  const auto keys = ParseOrderBy("a, b:desc:nulls_last,c:ASC,d:nulls_first");
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 4u);
  EXPECT_EQ((*keys)[0].column(), "a");
  EXPECT_FALSE((*keys)[0].descending());
  EXPECT_EQ((*keys)[0].nulls(), v1::SortKey::NULLS_UNSPECIFIED);
  EXPECT_EQ((*keys)[1].column(), "b");
  EXPECT_TRUE((*keys)[1].descending());
  EXPECT_EQ((*keys)[1].nulls(), v1::SortKey::NULLS_LAST);
  EXPECT_FALSE((*keys)[2].descending());
  EXPECT_EQ((*keys)[3].nulls(), v1::SortKey::NULLS_FIRST);
  for (const char* spec : {"", "a,", "a:up", "a::asc", ":asc"}) {
    EXPECT_EQ(ExitCodeOf(ParseOrderBy(spec).status()), kExitUsage) << spec;
  }
}

TEST(SpecsTest, SettingsAndNames) {
  EXPECT_THAT(*ParseSettings({"a.b=1", "c==x", "d="}),
              ElementsAre(Pair("a.b", "1"), Pair("c", "=x"), Pair("d", "")));
  EXPECT_EQ(ExitCodeOf(ParseSettings({"ab"}).status()), kExitUsage);
  EXPECT_EQ(ExitCodeOf(ParseSettings({"=1"}).status()), kExitUsage);
  EXPECT_THAT(*ParseNames("a, b,*"), ElementsAre("a", "b", "*"));
  EXPECT_EQ(ExitCodeOf(ParseNames("a,,b").status()), kExitUsage);
}

TEST(SpecsTest, EnumsByShortName) {
  const auto& modes = *v1::FreshnessMode_descriptor();
  EXPECT_EQ(*ParseEnum(modes, "--mode", "rebuild_only"), v1::FRESHNESS_MODE_REBUILD_ONLY);
  EXPECT_EQ(ExitCodeOf(ParseEnum(modes, "--mode", "UNSPECIFIED").status()), kExitUsage);
  EXPECT_EQ(ShortEnumName(modes, v1::FRESHNESS_MODE_ASYNC), "ASYNC");
  EXPECT_EQ(ShortEnumName(modes, 0), "");
  EXPECT_EQ(ShortEnumName(modes, 99), "");
  EXPECT_EQ(ShortEnumName(*v1::IndexState_descriptor(), v1::INDEX_STATE_READY), "READY");
}

TEST(SpecsTest, Durations) {
  EXPECT_EQ(*ParseDurationMicros("--batch-interval", "1.5s"), 1'500'000);
  for (const char* text : {"", "5", "0s", "-1s", "inf"}) {
    EXPECT_EQ(ExitCodeOf(ParseDurationMicros("--batch-interval", text).status()), kExitUsage)
        << text;
  }
}

}  // namespace
}  // namespace ordinate::cli
