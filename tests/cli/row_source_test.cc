#include "service/cli/row_source.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/cli/errors.h"
#include "service/cli/line_reader.h"
#include "tests/support/temp_dir.h"

namespace ordinate::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Table MakeTable() {
  v1::Table table;
  table.set_name("t");
  auto* key = table.add_columns();
  key->set_name("id");
  key->set_role(v1::COLUMN_ROLE_KEY);
  key->set_type(v1::DATA_TYPE_INT64);
  auto* vector = table.add_columns();
  vector->set_name("v");
  vector->set_role(v1::COLUMN_ROLE_VECTOR);
  vector->set_type(v1::DATA_TYPE_VECTOR);
  auto* text = table.add_columns();
  text->set_name("s");
  text->set_role(v1::COLUMN_ROLE_ATTRIBUTE);
  text->set_type(v1::DATA_TYPE_STRING);
  return table;
}

class RowSourceTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_.Sub(name), std::ios::binary) << bytes;
    return dir_.Sub(name);
  }
  /// Rows per batch until the end; the error, if any, goes to `status`.
  std::vector<int> Batches(const std::string& jsonl, absl::Status* status) {
    const v1::Table table = MakeTable();
    const auto source = OpenJsonlSource(table, Write("rows.jsonl", jsonl));
    EXPECT_TRUE(source.ok()) << source.status();
    Batcher batcher(**source, table, v1::ON_INVALID_ERROR);
    std::vector<int> sizes;
    while (true) {
      auto batch = batcher.Next();
      *status = batch.status();
      if (!batch.ok() || !batch->has_value()) return sizes;
      sizes.push_back((*batch)->request.upsert().rows_size());
      EXPECT_EQ((*batch)->request.upsert().table(), "t");
    }
  }

  TempDir dir_;
};

TEST_F(RowSourceTest, LinesKeepTheirNumbersAcrossBlankOnesAndChunks) {
  std::string text = "\n\nfirst\r\n  \n";
  text += std::string(3 << 20, 'x') + "\nlast";
  const auto lines = LineReader::Open(Write("lines", text));
  ASSERT_TRUE(lines.ok()) << lines.status();
  std::string_view line;
  ASSERT_TRUE(*(*lines)->Next(&line));
  EXPECT_EQ(line, "first\r");
  EXPECT_EQ((*lines)->line_number(), 3u);
  ASSERT_TRUE(*(*lines)->Next(&line));
  EXPECT_EQ(line.size(), size_t{3} << 20);
  ASSERT_TRUE(*(*lines)->Next(&line));
  EXPECT_EQ(line, "last");
  EXPECT_EQ((*lines)->line_number(), 6u);
  EXPECT_FALSE(*(*lines)->Next(&line));
  EXPECT_EQ((*lines)->bytes_read(), text.size());
  EXPECT_EQ(ExitCodeOf(LineReader::Open(dir_.Sub("none")).status()), kExitFile);
  EXPECT_EQ(ExitCodeOf(LineReader::Open(dir_.path()).status()), kExitFile);
}

TEST_F(RowSourceTest, RowsKnowTheirLines) {
  const v1::Table table = MakeTable();
  const auto source =
      OpenJsonlSource(table, Write("rows.jsonl", "{\"id\":1}\n\n{\"id\":2}\n{\"id\":1}\n"));
  ASSERT_TRUE(source.ok()) << source.status();
  Batcher batcher(**source, table, v1::ON_INVALID_ERROR);
  EXPECT_THAT((*batcher.Next())->numbers, ElementsAre(1, 3));
  EXPECT_THAT((*batcher.Next())->numbers, ElementsAre(4));
  EXPECT_EQ(batcher.PositionOf(3), dir_.Sub("rows.jsonl") + ":3");
}

TEST_F(RowSourceTest, BatchesHoldAThousandRows) {
  std::string jsonl;
  for (int i = 0; i < 2500; ++i) jsonl += "{\"id\": " + std::to_string(i) + "}\n";
  absl::Status status;
  EXPECT_THAT(Batches(jsonl, &status), ElementsAre(1000, 1000, 500));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(Batches("", &status), ElementsAre());
}

// contract 1.6
TEST_F(RowSourceTest, AKeyIsNeverTwiceInABatch) {
  absl::Status status;
  EXPECT_THAT(Batches("{\"id\":1}\n{\"id\":2}\n{\"id\":1}\n{\"id\":1}\n{\"id\":2}\n", &status),
              ElementsAre(2, 1, 2));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(RowSourceTest, RowsBeforeABadLineComeFirst) {
  absl::Status status;
  EXPECT_THAT(Batches("{\"id\":1}\n\n{\"id\":2}\n{\"id\":x}\n{\"id\":3}\n", &status),
              ElementsAre(2));
  EXPECT_EQ(ExitCodeOf(status), kExitFile);
  EXPECT_THAT(std::string(status.message()), HasSubstr("rows.jsonl:4: not valid JSON at byte"));
}

TEST_F(RowSourceTest, VectorsWithAttributesAndIds) {
  const uint32_t dim = 1;
  std::string fvecs;
  for (const float x : {1.0f, 2.0f}) {
    fvecs.append(reinterpret_cast<const char*>(&dim), 4)
        .append(reinterpret_cast<const char*>(&x), 4);
  }
  VectorSourceOptions options{Write("a.fvecs", fvecs), "v",
                              Write("a.jsonl", "{\"s\":\"x\"}\n{\"s\":\"y\"}\n"), "id", 10};
  const auto source = OpenVectorSource(MakeTable(), options);
  ASSERT_TRUE(source.ok()) << source.status();
  v1::Row row;
  ASSERT_TRUE(*(*source)->Next(&row));
  ASSERT_TRUE(*(*source)->Next(&row));
  EXPECT_EQ(row.cells().at("id").int64_value(), 11);
  EXPECT_EQ(row.cells().at("s").string_value(), "y");
  EXPECT_EQ(row.cells().at("v").vector_value().packed_f32(), fvecs.substr(12));
  EXPECT_FALSE(*(*source)->Next(&row));
  for (const char* lines : {"{\"s\":\"x\"}\n", "{}\n{}\n{}\n"}) {
    options.attributes = Write("b.jsonl", lines);
    const auto uneven = OpenVectorSource(MakeTable(), options);
    ASSERT_TRUE(uneven.ok()) << uneven.status();
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = (*uneven)->Next(&row);
    EXPECT_THAT(std::string(more.status().message()), HasSubstr("a line per vector")) << lines;
  }
  options.path = options.attributes = "-";
  EXPECT_THAT(std::string(OpenVectorSource(MakeTable(), options).status().message()),
              HasSubstr("both stdin"));
  options.column = "s";
  EXPECT_EQ(ExitCodeOf(OpenVectorSource(MakeTable(), options).status()), kExitUsage);
  options.column = "none";
  EXPECT_EQ(ExitCodeOf(OpenVectorSource(MakeTable(), options).status()), kExitUsage);
}

}  // namespace
}  // namespace ordinate::cli
