#include "storage/model/definition_json.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/tables.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

IndexDef OddIndex() {
  return {.id = 3,
          .name = "odd",
          .table_id = 7,
          .column_id = 7,
          .engine = Engine::kFlat,
          .metric = Metric::kCosine,
          .dim = 3,
          .m = 8,
          .ef_build = 64,
          .ef_search = 90,
          .mode = FreshnessMode::kRebuildOnly,
          .dim_policy = DimPolicy::kSkip,
          .quantization = Quantization::kNone,
          .batch_rows = 5,
          .batch_interval_micros = 2000,
          .max_lag_rows = 6};
}

std::string Replaced(const std::string& text, const char* from, const char* to) {
  const std::string changed = absl::StrReplaceAll(text, {{from, to}});
  EXPECT_NE(changed, text) << from;
  return changed;
}

TEST(DefinitionJson, RoundTrips) {
  EXPECT_EQ(*TableFromJson(TableToJson(WideTable())), WideTable());
  EXPECT_EQ(*IndexFromJson(IndexToJson(OddIndex())), OddIndex());
}

TEST(DefinitionJson, NamesTheWrongField) {
  const std::string table = TableToJson(WideTable());
  const std::string index = IndexToJson(OddIndex());
  const auto table_error = [&](const char* from, const char* to) {
    const auto parsed = TableFromJson(Replaced(table, from, to));
    EXPECT_TRUE(absl::IsDataLoss(parsed.status())) << parsed.status();
    return std::string(parsed.status().message());
  };
  const auto index_error = [&](const char* from, const char* to) {
    const auto parsed = IndexFromJson(Replaced(index, from, to));
    EXPECT_TRUE(absl::IsDataLoss(parsed.status())) << parsed.status();
    return std::string(parsed.status().message());
  };
  EXPECT_THAT(table_error("\"format\":1", "\"format\":2"), HasSubstr("this version reads 1"));
  EXPECT_THAT(table_error("\"dim\":3", "\"dim\":-3"), HasSubstr("'columns[6].dim' is -3"));
  EXPECT_THAT(table_error("\"UINT64\"", "\"UINT65\""), HasSubstr("'columns[0].type'"));
  EXPECT_THAT(table_error("\"key\":[0]", "\"key\":[10]"), HasSubstr("'key[0]' is 10"));
  EXPECT_THAT(table_error("\"name\":\"vec\"", "\"nome\":\"vec\""),
              HasSubstr("'columns[6].name' is missing"));
  EXPECT_THAT(table_error("\"id\":2", "\"id\":1"), HasSubstr("'columns[1].id' is 1"));
  EXPECT_THAT(table_error("\"name\":\"wide\"", "\"name\":\"wide\",\"new\":1"),
              HasSubstr("'new' is not known"));
  EXPECT_THAT(index_error("\"m\":8", "\"m\":1"), HasSubstr("m is 1; the range is"));
  EXPECT_THAT(index_error("\"COSINE\"", "\"COSINUS\""), HasSubstr("one of L2, COSINE, IP"));
  EXPECT_THAT(index_error("\"m\":8", "\"m\":4294967304"), HasSubstr("below 2^32"));
}

TEST(DefinitionJson, EveryTruncationAndFlipIsParsedOrDataLoss) {
  for (const std::string& json : {TableToJson(WideTable()), IndexToJson(OddIndex())}) {
    for (size_t size = 0; size < json.size(); ++size) {
      EXPECT_TRUE(absl::IsDataLoss(TableFromJson(json.substr(0, size)).status()));
      EXPECT_TRUE(absl::IsDataLoss(IndexFromJson(json.substr(0, size)).status()));
    }
    for (size_t bit = 0; bit < json.size() * 8; ++bit) {
      std::string flipped = json;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      const auto table = TableFromJson(flipped);
      const auto index = IndexFromJson(flipped);
      EXPECT_TRUE(table.ok() || absl::IsDataLoss(table.status())) << table.status();
      EXPECT_TRUE(index.ok() || absl::IsDataLoss(index.status())) << index.status();
    }
  }
}

}  // namespace
}  // namespace ordinate
