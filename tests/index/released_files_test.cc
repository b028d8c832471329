// Files written by released versions open, hold what they held, and are searched as they were. A
// file is added with each format version, and never written again: 48 rows of a table with a column
// of every type, one without a vector, two with the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/search/exact_score.h"
#include "engine/search/graph_search.h"
#include "storage/vdata/segment_file.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

std::string Released(const std::string& name) {
  return std::string(ORDINATE_RELEASED_FILES) + "/" + name;
}

std::string Bytes(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::unique_ptr<SegmentFile> Open(const std::string& name) {
  auto file = SegmentFile::Open(Released(name));
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : nullptr;
}

// Row ids are 1, 4, 7, …; the row before row 30 has the same vector.
void ExpectTheRows(const SegmentFile& file) {
  const SegmentView& view = file.view();
  EXPECT_EQ(view.flavour, RowIdFlavour::kPkU64);
  EXPECT_EQ(view.dim, 12u);
  EXPECT_EQ(view.nodes, 46u);
  EXPECT_EQ(view.vector_rows, 47u);
  EXPECT_EQ(view.null_rows, 1u);
  EXPECT_EQ(view.invalid_rows, 0u);
  for (uint32_t i = 0; i < 48; ++i) EXPECT_GE(view.FindRow(3 * i + 1), 0) << i;
  EXPECT_EQ(view.FindRow(2), -1);
  ASSERT_EQ(view.columns.size(), 6u);
  const auto row = static_cast<uint32_t>(view.FindRow(3 * 7 + 1));
  EXPECT_EQ(ToString(view.columns[0].Get(row)), "22");
  EXPECT_EQ(ToString(view.columns[2].Get(row)), "-30");
  EXPECT_EQ(std::get<double>(view.columns[3].Get(row)), 1);
  const auto null_name = static_cast<uint32_t>(view.FindRow(3 * 14 + 1));
  EXPECT_TRUE(IsNull(view.columns[1].Get(null_name)));
  const auto same = [&](uint32_t id) {
    const auto at = static_cast<uint32_t>(view.FindRow(id));
    return std::upper_bound(view.node_rows.begin(), view.node_rows.end(), at) -
           view.node_rows.begin();
  };
  EXPECT_EQ(same(3 * 29 + 1), same(3 * 30 + 1)) << "bit-equal vectors share a node";
}

// contract 9; the same content gives the same bytes, as they were written then.
void ExpectTheSameBytes(const SegmentFile& file, const std::string& name) {
  EXPECT_TRUE(file.Verify().ok());
  const TempDir folder;
  const auto checksum = WriteSegmentFile(folder.Sub("again.vdata"), file.view());
  ASSERT_TRUE(checksum.ok()) << checksum.status();
  EXPECT_EQ(*checksum, file.checksum());
  EXPECT_EQ(Bytes(folder.Sub("again.vdata")), Bytes(Released(name)));
}

TEST(ReleasedFiles, Version2HnswWithCodes) {
  const auto file = Open("v2-hnsw-sq8.vdata");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->format_version(), 2u);
  EXPECT_EQ(file->checksum(), 0x057279f9b50c699du);
  ExpectTheRows(*file);
  ExpectTheSameBytes(*file, "v2-hnsw-sq8.vdata");
  const SegmentView& view = file->view();
  EXPECT_EQ(view.metric, Metric::kL2);
  EXPECT_EQ(view.codes.quantization, Quantization::kSq8);
  // Each stored vector finds itself, through the codes.
  for (uint32_t node = 0; node < view.nodes; ++node) {
    const auto vector = view.vectors.subspan(size_t{node} * view.stride, view.dim);
    const auto prepared = *PreparedQuery::Create(view, vector);
    const GraphQuery search{.query = &prepared, .ef = 10, .file = file.get()};
    const auto hits = SearchGraph(view, search, CallContext(), nullptr);
    ASSERT_TRUE(hits.ok()) << hits.status();
    ASSERT_EQ(hits->size(), 10u);
    EXPECT_EQ((*hits)[0].node, node);
  }
}

TEST(ReleasedFiles, Version2Flat) {
  const auto file = Open("v2-flat-cosine.vdata");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->format_version(), 2u);
  EXPECT_EQ(file->checksum(), 0x35bb3add81281b64u);
  ExpectTheRows(*file);
  ExpectTheSameBytes(*file, "v2-flat-cosine.vdata");
  EXPECT_EQ(file->view().metric, Metric::kCosine);
  EXPECT_EQ(file->view().engine, Engine::kFlat);
  EXPECT_EQ(file->view().inverse_norms.size(), 46u);
}

// So that a new file is not forgotten here.
TEST(ReleasedFiles, EveryOneIsOpened) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ORDINATE_RELEASED_FILES)) {
    files += entry.path().extension() == ".vdata";
  }
  EXPECT_EQ(files, 2u);
}

}  // namespace
}  // namespace ordinate
