#include "storage/vdata/segment_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "segment_samples.h"
#include "storage/vdata/segment_format.h"

namespace ordinate {
namespace {

using test::DocumentedSegment;
using test::OwnedSegment;
using test::RandomSegment;
using test::SampleOptions;
using test::ScratchFolder;
using testing::HasSubstr;

void ExpectRoundTrip(const std::string& path, const SegmentView& segment) {
  const auto checksum = WriteSegmentFile(path, segment);
  ASSERT_TRUE(checksum.ok()) << checksum.status();
  for (int opened = 0; opened < 2; ++opened) {
    const auto file = SegmentFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->checksum(), *checksum);
    EXPECT_EQ((*file)->path(), path);
    EXPECT_EQ((*file)->file_bytes(), std::filesystem::file_size(path));
    test::ExpectSame(segment, (*file)->view());
    EXPECT_TRUE((*file)->EnsureVectors(0, segment.nodes).ok());
    EXPECT_TRUE((*file)->Verify().ok()) << (*file)->Verify();
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*file)->view().vectors.data()) % 64, 0u);
  }
}

TEST(SegmentFile, HandMadeSegmentReadsBack) {
  ScratchFolder folder;
  const auto segment = DocumentedSegment();
  ExpectRoundTrip(folder.File("a.vdata"), segment->View());
  const auto file = SegmentFile::Open(folder.File("a.vdata"));
  ASSERT_TRUE(file.ok());
  const SegmentView& view = (*file)->view();
  EXPECT_EQ(view.FindRow(10), 0);
  EXPECT_EQ(view.FindRow(30), 1);
  EXPECT_EQ(view.FindRow(20), 2);
  EXPECT_EQ(view.FindRow(0), -1);
  EXPECT_EQ(view.FindRow(25), -1);
  EXPECT_EQ(view.FindRow(31), -1);
  EXPECT_EQ(Own(view.columns[0].Get(0)), Value(int64_t{5}));
  EXPECT_EQ(Own(view.columns[0].Get(1)), Value());
  EXPECT_EQ(Own(view.columns[0].Get(2)), Value(int64_t{-1}));
}

TEST(SegmentFile, RandomSegmentsReadBack) {
  ScratchFolder folder;
  int written = 0;
  for (const uint32_t dim : {1u, 2u, 15u, 16u, 17u, 128u}) {
    for (const Engine engine : {Engine::kFlat, Engine::kHnsw}) {
      for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
        for (const uint32_t nodes : {0u, 1u, 2u, 63u, 64u, 300u}) {
          const uint64_t seed = ++written;
          SCOPED_TRACE(testing::Message()
                       << "seed " << seed << " dim " << dim << " nodes " << nodes);
          std::mt19937_64 random(seed);
          const auto segment = RandomSegment({.engine = engine,
                                              .metric = metric,
                                              .dim = dim,
                                              .nodes = nodes,
                                              .null_rows = static_cast<uint32_t>(seed % 3) * 40,
                                              .invalid_rows = static_cast<uint32_t>(seed % 2),
                                              .codes = engine == Engine::kHnsw && seed % 2 == 0,
                                              .columns = seed % 4 != 0},
                                             random);
          ExpectRoundTrip(folder.File("s.vdata"), segment->View());
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TEST(SegmentFile, EveryTypeOfColumnReadsBack) {
  ScratchFolder folder;
  std::mt19937_64 random(5);
  const auto segment = RandomSegment({.nodes = 0, .null_rows = 4, .columns = false}, random);
  const auto add = [&](DataType type, std::vector<uint64_t> words) {
    segment->columns.push_back({.id = static_cast<uint32_t>(type),
                                .type = type,
                                .present = {0b0111},
                                .words = std::move(words)});
  };
  add(DataType::kBool, {0, 1, 1, 0});
  add(DataType::kInt64, {0, static_cast<uint64_t>(-7), 7, 0});
  add(DataType::kUint64, {0, ~uint64_t{0}, 7, 0});
  add(DataType::kDouble,
      {0, std::bit_cast<uint64_t>(-0.5), std::bit_cast<uint64_t>(double{INFINITY}), 0});
  add(DataType::kTimestamp, {0, static_cast<uint64_t>(-1), 1, 0});
  segment->columns.push_back({.id = 5,
                              .type = DataType::kString,
                              .present = {0b0111},
                              .offsets = {0, 0, 2, 5, 5},
                              .bytes = std::string("ab\0cd", 5)});
  ASSERT_TRUE(WriteSegmentFile(folder.File("c.vdata"), segment->View()).ok());
  const auto file = SegmentFile::Open(folder.File("c.vdata"));
  ASSERT_TRUE(file.ok()) << file.status();
  const std::vector<CapturedColumn>& columns = (*file)->view().columns;
  EXPECT_EQ(Own(columns[0].Get(0)), Value(false));
  EXPECT_EQ(Own(columns[0].Get(1)), Value(true));
  EXPECT_EQ(Own(columns[1].Get(1)), Value(int64_t{-7}));
  EXPECT_EQ(Own(columns[2].Get(1)), Value(~uint64_t{0}));
  EXPECT_EQ(Own(columns[3].Get(1)), Value(-0.5));
  EXPECT_EQ(Own(columns[3].Get(2)), Value(double{INFINITY}));
  EXPECT_EQ(Own(columns[4].Get(1)), Value(Timestamp{-1}));
  EXPECT_EQ(Own(columns[5].Get(0)), Value(std::string("")));
  EXPECT_EQ(Own(columns[5].Get(1)), Value(std::string("ab")));
  EXPECT_EQ(Own(columns[5].Get(2)), Value(std::string("\0cd", 3)));
  for (const CapturedColumn& column : columns) EXPECT_EQ(Own(column.Get(3)), Value());
}

TEST(SegmentFile, TwoHundredFiftySixColumnsFit) {
  ScratchFolder folder;
  const auto segment = DocumentedSegment();
  const OwnedSegment::Column column = segment->columns[0];
  segment->columns.clear();
  for (uint32_t i = 0; i < kMaxColumns; ++i) {
    segment->columns.push_back(column);
    segment->columns.back().id = 1000 - i;
    if (i % 2 == 0) {
      segment->columns.back().type = DataType::kString;
      segment->columns.back().words.clear();
      segment->columns.back().offsets = {0, 1, 1, 2};
      segment->columns.back().bytes = "xy";
    }
  }
  ExpectRoundTrip(folder.File("c.vdata"), segment->View());
  segment->columns.push_back(column);
  const auto refused = WriteSegmentFile(folder.File("d.vdata"), segment->View());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("257 captured columns"));
}

TEST(SegmentFile, SameContentGivesSameBytesAndAnyChangeAnotherChecksum) {
  ScratchFolder folder;
  const auto segment = DocumentedSegment();
  const auto first = WriteSegmentFile(folder.File("a.vdata"), segment->View());
  const auto second = WriteSegmentFile(folder.File("b.vdata"), segment->View());
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(test::ReadBytes(folder.File("a.vdata")), test::ReadBytes(folder.File("b.vdata")));
  segment->vectors[0] = 1.5;
  EXPECT_NE(*WriteSegmentFile(folder.File("b.vdata"), segment->View()), *first);
}

TEST(SegmentFile, WriterReplacesWholeFilesAndLeavesNoOthers) {
  ScratchFolder folder;
  const auto segment = DocumentedSegment();
  const std::string path = folder.File("a.vdata");
  ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
  const auto old = SegmentFile::Open(path);
  ASSERT_TRUE(old.ok());
  segment->scalars.seq = 99;
  ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
  EXPECT_EQ((*SegmentFile::Open(path))->view().seq, 99u);
  EXPECT_EQ((*old)->view().seq, 9u);
  EXPECT_TRUE((*old)->Verify().ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(SegmentFile, AbsentFileAndFolder) {
  ScratchFolder folder;
  EXPECT_TRUE(absl::IsNotFound(SegmentFile::Open(folder.File("none.vdata")).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(SegmentFile::Open(folder.path()).status()));
  const auto written = WriteSegmentFile(folder.File("no/a.vdata"), DocumentedSegment()->View());
  EXPECT_TRUE(absl::IsNotFound(written.status())) << written.status();
}

/// Each case spoils one thing of a good HNSW segment under COSINE; the writer must name it.
struct Nonsense {
  const char* expected;
  void (*spoil)(OwnedSegment&);
};

class NonsenseTest : public testing::TestWithParam<Nonsense> {};

TEST_P(NonsenseTest, IsRefusedByTheWriter) {
  ScratchFolder folder;
  std::mt19937_64 random(11);
  const auto segment = RandomSegment({.engine = Engine::kHnsw,
                                      .metric = Metric::kCosine,
                                      .nodes = 40,
                                      .null_rows = 3,
                                      .codes = true},
                                     random);
  ASSERT_TRUE(WriteSegmentFile(folder.File("good.vdata"), segment->View()).ok());
  ASSERT_GE(segment->scalars.graph.max_level, 2u);
  GetParam().spoil(*segment);
  const auto refused = WriteSegmentFile(folder.File("bad.vdata"), segment->View());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(GetParam().expected));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

uint32_t NodeOnLevel(const OwnedSegment& segment, int level) {
  for (uint32_t node = 0; node < segment.levels.size(); ++node) {
    if (segment.levels[node] == level) return node;
  }
  std::abort();
}

INSTANTIATE_TEST_SUITE_P(
    Segments, NonsenseTest,
    testing::Values(
        Nonsense{"row id flavour 0", [](auto& s) { s.scalars.flavour = RowIdFlavour{0}; }},
        Nonsense{"engine 3", [](auto& s) { s.scalars.engine = Engine{3}; }},
        Nonsense{"metric 4", [](auto& s) { s.scalars.metric = Metric{4}; }},
        Nonsense{"dim 0", [](auto& s) { s.scalars.dim = 0; }},
        Nonsense{"dim 16385", [](auto& s) { s.scalars.dim = 16385; }},
        Nonsense{"stride 32", [](auto& s) { s.scalars.stride = 32; }},
        Nonsense{"rows; at most", [](auto& s) { s.scalars.invalid_rows = UINT32_MAX; }},
        Nonsense{"degree0 17", [](auto& s) { s.scalars.graph.degree0 = 17; }},
        Nonsense{"degree 0", [](auto& s) { s.scalars.graph.degree = 0; }},
        Nonsense{"entry 40", [](auto& s) { s.scalars.graph.entry = 40; }},
        Nonsense{"max_level 256", [](auto& s) { s.scalars.graph.max_level = 256; }},
        Nonsense{"vectors: ", [](auto& s) { s.vectors.pop_back(); }},
        Nonsense{"expected a finite", [](auto& s) { s.vectors[17] = NAN; }},
        Nonsense{"expected zero padding", [](auto& s) { s.vectors[2] = -0.0f; }},
        Nonsense{"inverse_norms: nan", [](auto& s) { s.inverse_norms[3] = NAN; }},
        Nonsense{"longest inf", [](auto& s) { s.scalars.longest = INFINITY; }},
        Nonsense{"quantization 3", [](auto& s) { s.scalars.codes.quantization = Quantization{3}; }},
        Nonsense{"without codes",
                 [](auto& s) { s.scalars.codes.quantization = Quantization::kNone; }},
        Nonsense{"code_stride 2", [](auto& s) { s.scalars.codes.stride = 2; }},
        Nonsense{"code_scale 0", [](auto& s) { s.scalars.codes.scale = 0; }},
        Nonsense{"code_error 0", [](auto& s) { s.scalars.codes.error = 0; }},
        Nonsense{"code_error -1", [](auto& s) { s.scalars.codes.error = -1; }},
        Nonsense{"code_error nan", [](auto& s) { s.scalars.codes.error = NAN; }},
        Nonsense{"code_scale nan", [](auto& s) { s.scalars.codes.scale = NAN; }},
        Nonsense{"code_centre: inf", [](auto& s) { s.centre[1] = INFINITY; }},
        Nonsense{"code_centre: 1 elements", [](auto& s) { s.centre.pop_back(); }},
        Nonsense{"codes: ", [](auto& s) { s.codes.pop_back(); }},
        Nonsense{"expected zero padding", [](auto& s) { s.codes[63] = 1; }},
        Nonsense{"only a COSINE", [](auto& s) { s.scalars.metric = Metric::kIp; }},
        Nonsense{"node_rows", [](auto& s) { s.node_rows[3] = 0; }},
        Nonsense{"node_rows ends", [](auto& s) { ++s.scalars.vector_rows, --s.scalars.null_rows; }},
        Nonsense{"row_ids: ", [](auto& s) { s.row_ids.push_back(1); }},
        Nonsense{"versions: ", [](auto& s) { s.versions.clear(); }},
        Nonsense{"by_row_id: row id", [](auto& s) { std::swap(s.by_row_id[0], s.by_row_id[1]); }},
        Nonsense{"by_row_id: row id", [](auto& s) { s.by_row_id[1] = s.by_row_id[0]; }},
        Nonsense{"by_row_id: row 99", [](auto& s) { s.by_row_id[1] = 99; }},
        Nonsense{"by_row_id: row id", [](auto& s) { s.row_ids[1] = s.row_ids[0]; }},
        Nonsense{"links0: node 2 links to 40", [](auto& s) { s.links0[40] = 40; }},
        Nonsense{"is on level", [](auto& s) { ++s.levels[s.scalars.graph.entry]; }},
        Nonsense{"upper_offsets", [](auto& s) { ++s.upper_offsets.back(); }},
        Nonsense{"upper_offsets", [](auto& s) { s.upper_offsets[0] = 1; }},
        Nonsense{"upper_links: ", [](auto& s) { s.upper_links.pop_back(); }},
        Nonsense{"is no node of that level", [](auto& s) { s.upper_links[0] = 40; }},
        Nonsense{"is no node of that level", [](auto& s) { s.upper_links[0] = NodeOnLevel(s, 0); }},
        Nonsense{"max_level is", [](auto& s) { s.scalars.graph.entry = NodeOnLevel(s, 0); }},
        Nonsense{"without an id", [](auto& s) { s.columns[1].id = 0; }},
        Nonsense{"captured twice", [](auto& s) { s.columns[1].id = s.columns[0].id; }},
        Nonsense{"only scalars", [](auto& s) { s.columns[1].type = DataType::kVector; }},
        Nonsense{"present of column 9", [](auto& s) { s.columns[0].present.clear(); }},
        Nonsense{"beyond the last row",
                 [](auto& s) { s.columns[0].present.back() = ~uint64_t{0}; }},
        Nonsense{"BOOL 2", [](auto& s) { s.columns[0].words[4] = 2; }},
        Nonsense{"words of column 8", [](auto& s) { s.columns[1].words.pop_back(); }},
        Nonsense{"offsets start at 1", [](auto& s) { s.columns[4].offsets[0] = 1; }},
        Nonsense{"below its predecessor",
                 [](auto& s) { s.columns[4].offsets[7] = s.columns[4].offsets[6] - 1; }},
        Nonsense{"offsets end at", [](auto& s) { s.columns[4].bytes += "x"; }},
        Nonsense{"words are for scalars", [](auto& s) { s.columns[4].words.push_back(1); }},
        Nonsense{"words are for scalars", [](auto& s) { s.columns[1].bytes = "x"; }}));

TEST(SegmentFile, FlatSegmentTakesNoGraph) {
  ScratchFolder folder;
  const auto segment = DocumentedSegment();
  segment->links0.assign(32, 0);
  EXPECT_FALSE(WriteSegmentFile(folder.File("a.vdata"), segment->View()).ok());
  segment->links0.clear();
  segment->scalars.graph.degree0 = 16;
  EXPECT_FALSE(WriteSegmentFile(folder.File("a.vdata"), segment->View()).ok());
  segment->scalars.graph.degree0 = 0;
  segment->codes.assign(128, 0);
  EXPECT_FALSE(WriteSegmentFile(folder.File("a.vdata"), segment->View()).ok());
  segment->codes.clear();
  segment->scalars.codes = {Quantization::kSq8, 64, 1, 1.0f, 1.0f, {}, {}};
  EXPECT_FALSE(WriteSegmentFile(folder.File("a.vdata"), segment->View()).ok());
}

}  // namespace
}  // namespace ordinate
