#include "engine/query/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace ordinate {
namespace {

std::string Refusal(std::string_view name, std::string_view value) {
  Settings settings;
  const absl::Status status = ApplySetting(settings, name, value);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << value;
  return std::string(status.message());
}

TEST(Settings, AreAppliedByName) {
  Settings settings;
  ASSERT_TRUE(ApplySetting(settings, "vector.preselect_alpha", "2.5").ok());
  ASSERT_TRUE(ApplySetting(settings, "vector.search.ef_search", "10000").ok());
  ASSERT_TRUE(ApplySetting(settings, "vector.hnsw.m", "4").ok());
  ASSERT_TRUE(ApplySetting(settings, "vector.hnsw.ef_build", "8").ok());
  EXPECT_EQ(settings.preselect_alpha, 2.5);
  EXPECT_EQ(settings.ef_search, 10'000u);
  EXPECT_EQ(settings.hnsw_m, 4u);
  EXPECT_EQ(settings.hnsw_ef_build, 8u);
}

// contract 3.2
TEST(Settings, HaveTheContractsDefaultsAndSpellings) {
  ASSERT_EQ(AllSettings().size(), 4u);
  EXPECT_EQ(AllSettings()[0].default_value, 6);
  EXPECT_EQ(AllSettings()[0].environment, "ORDINATE_VECTOR_PRESELECT_ALPHA");
  for (const SettingInfo& info : AllSettings()) {
    const std::string name(info.name);
    EXPECT_EQ(info.environment,
              "ORDINATE_" + absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{".", "_"}})));
    EXPECT_EQ(info.flag, "--" + absl::StrReplaceAll(name, {{".", "-"}, {"_", "-"}}));
    for (const double value : {info.min, info.max, info.default_value}) {
      Settings settings;
      EXPECT_TRUE(ApplySetting(settings, name, std::to_string(static_cast<int>(value))).ok());
    }
    for (const double value : {info.min - 1, info.max + 1}) {
      Settings settings;
      EXPECT_FALSE(ApplySetting(settings, name, std::to_string(static_cast<int>(value))).ok());
    }
  }
}

TEST(Settings, RefusalsNameSettingValueAndRange) {
  EXPECT_EQ(Refusal("vector.search.ef_search", "0"),
            "setting vector.search.ef_search is \"0\"; expected a whole number from 1 to 10000");
  EXPECT_EQ(Refusal("vector.preselect_alpha", "100.5"),
            "setting vector.preselect_alpha is \"100.5\"; expected a number from 1 to 100");
  EXPECT_EQ(Refusal("vector.ef", "1"),
            "there is no setting \"vector.ef\"; expected one of vector.preselect_alpha, "
            "vector.search.ef_search, vector.hnsw.m, vector.hnsw.ef_build");
}

TEST(Settings, TakeNumbersOnly) {
  for (const std::string_view value :
       {"", " 64", "64 ", "64x", "nan", "inf", "-inf", "0x40", "6,4", "64\n", "--5"}) {
    Refusal("vector.preselect_alpha", value);
    Refusal("vector.search.ef_search", value);
  }
  for (const std::string_view value : {"1e3", "64.0", "4294967360", "99999999999999999999", "-1"}) {
    Refusal("vector.search.ef_search", value);
  }
  Settings settings;
  EXPECT_TRUE(ApplySetting(settings, "vector.preselect_alpha", "1e1").ok());
  EXPECT_EQ(settings.preselect_alpha, 10);
}

TEST(Settings, OverridesWinOverTheBase) {
  const auto merged =
      WithOverrides({.preselect_alpha = 3, .ef_search = 100}, {{"vector.search.ef_search", "128"}});
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->preselect_alpha, 3);
  EXPECT_EQ(merged->ef_search, 128u);
  EXPECT_FALSE(WithOverrides({}, {{"x", "1"}}).ok());
}

}  // namespace
}  // namespace ordinate
