// Segments whose files are cut short after they were opened and checked: as if the disk could not
// deliver pages that were evicted.
#include <gmock/gmock.h>

#include <filesystem>
#include <numeric>

#include "segment_samples.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename T>
uint64_t Sum(std::span<const T> values) {
  return std::accumulate(values.begin(), values.end(), uint64_t{0});
}

/// Reads every section; the bytes of texts as well.
uint64_t ReadAll(const SegmentView& view) {
  uint64_t sum = Sum(view.node_rows) + Sum(view.row_ids) + Sum(view.versions) +
                 Sum(view.by_row_id) + Sum(view.graph.links0) + Sum(view.graph.levels) +
                 Sum(view.graph.upper_offsets) + Sum(view.graph.upper_links) +
                 Sum(view.codes.codes);
  for (const float x : view.vectors) sum += x != 0;
  for (const float x : view.inverse_norms) sum += x != 0;
  for (const RowId id : {RowId{0}, RowId{7}, UINT64_MAX}) {
    const int64_t row = view.FindRow(id);
    EXPECT_LT(row, int64_t{view.rows()});
    sum += static_cast<uint64_t>(row);
  }
  for (const CapturedColumn& column : view.columns) {
    for (uint32_t row = 0; row < view.rows(); ++row) {
      const ValueView cell = column.Get(row);
      const auto* text = std::get_if<std::string_view>(&cell);
      if (text != nullptr) sum += text->empty() ? 0 : Sum(std::span(text->data(), text->size()));
    }
  }
  return sum;
}

TEST(LostSegment, IsToldAfterReadingWhereverTheFileWasCut) {
  test::ScratchFolder folder;
  const std::string path = folder.File("a.vdata");
  const uint64_t seed = 5;
  std::mt19937_64 random(seed);
  for (const bool graph : {false, true}) {
    const auto segment = test::RandomSegment({.engine = graph ? Engine::kHnsw : Engine::kFlat,
                                              .metric = Metric::kCosine,
                                              .dim = 17,
                                              .nodes = 700,
                                              .null_rows = 20,
                                              .codes = graph},
                                             random);
    ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
    const std::string bytes = test::ReadBytes(path);
    const auto whole = SegmentFile::Open(path);
    ASSERT_TRUE(whole.ok()) << whole.status();
    ReadAll((*whole)->view());
    ASSERT_EQ((*whole)->CheckReads(), absl::OkStatus());
    // Of checksums, and of the centre of codes, there are copies, or they are read for queries
    // alone.
    uint64_t end = 0;  // of what ReadAll reads
    for (const SegmentSection& section : (*whole)->Sections()) {
      const bool read = section.name.find("checksums") == std::string::npos &&
                        section.name.find("centre") == std::string::npos;
      if (read && section.bytes > 0) end = section.offset + section.bytes;
    }
    for (uint64_t cut = 8192; cut < (*whole)->file_bytes(); cut += 4096) {
      SCOPED_TRACE(cut);
      test::WriteBytes(path, bytes);
      const auto file = SegmentFile::Open(path);
      ASSERT_TRUE(file.ok()) << file.status();
      EXPECT_EQ((*file)->EnsureVectors(0, 700), absl::OkStatus());
      ASSERT_EQ((*file)->CheckReads(), absl::OkStatus());
      std::filesystem::resize_file(path, cut);
      ReadAll((*file)->view());
      const absl::Status lost = (*file)->CheckReads();
      if (cut < end) {
        EXPECT_TRUE(absl::IsDataLoss(lost)) << lost;
        EXPECT_THAT(std::string(lost.message()), AllOf(HasSubstr(path), HasSubstr("page")));
      }
      EXPECT_TRUE(absl::IsDataLoss((*file)->Verify()));
      std::filesystem::remove(path);  // the next one is another file
    }
  }
}

TEST(LostSegment, IsFoundByVerifyThoughThePagesAreThereAgain) {
  test::ScratchFolder folder;
  const std::string path = folder.File("a.vdata");
  ASSERT_TRUE(WriteSegmentFile(path, test::DocumentedSegment()->View()).ok());
  const std::string bytes = test::ReadBytes(path);
  const auto file = SegmentFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  std::filesystem::resize_file(path, 8192);
  EXPECT_EQ((*file)->view().row_ids[1], 0u);
  test::WriteBytes(path, bytes);
  EXPECT_EQ((*file)->view().row_ids[1], 0u) << "the rest of the answer was of zeros";
  EXPECT_TRUE(absl::IsDataLoss((*file)->CheckReads()));
  EXPECT_TRUE(absl::IsDataLoss((*file)->Verify()));
  EXPECT_EQ((*SegmentFile::Open(path))->Verify(), absl::OkStatus());
}

}  // namespace
}  // namespace ordinate
