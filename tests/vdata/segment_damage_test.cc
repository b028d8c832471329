// What damaged files do: they are refused, or found by Verify, and never lead a reader astray.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "segment_samples.h"
#include "storage/vdata/segment_file.h"
#include "storage/vdata/segment_format.h"

namespace ordinate {
namespace {

using test::RandomSegment;
using test::ScratchFolder;
using testing::HasSubstr;

bool IsRefusal(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

/// Opening or verifying must fail with one of the two codes of a refusal.
void ExpectFound(const std::string& path) {
  const auto file = SegmentFile::Open(path);
  const absl::Status status = file.ok() ? (*file)->Verify() : file.status();
  EXPECT_TRUE(IsRefusal(status)) << status;
}

/// Small files of different make-up, as bytes.
std::vector<std::string> Samples(const ScratchFolder& folder) {
  std::vector<std::string> files;
  std::mt19937_64 random(3);
  const auto add = [&](const test::SampleOptions& options) {
    const auto segment = RandomSegment(options, random);
    EXPECT_TRUE(WriteSegmentFile(folder.File("sample.vdata"), segment->View()).ok());
    files.push_back(test::ReadBytes(folder.File("sample.vdata")));
  };
  add({.engine = Engine::kHnsw, .metric = Metric::kCosine, .dim = 3, .nodes = 40, .null_rows = 3});
  add({.engine = Engine::kFlat, .dim = 100, .nodes = 200, .invalid_rows = 2, .columns = false});
  add({.engine = Engine::kHnsw, .dim = 17, .nodes = 70, .columns = false});
  add({.nodes = 0, .null_rows = 5});
  add({.engine = Engine::kHnsw, .dim = 66, .nodes = 60, .codes = true, .columns = false});
  return files;
}

TEST(SegmentDamage, EveryBitOfHeaderAndTable) {
  ScratchFolder folder;
  bool reserved_done = false;
  const std::string path = folder.File("f.vdata");
  for (const std::string& good : Samples(folder)) {
    vdata::Header header;
    std::memcpy(&header, good.data(), sizeof(header));
    const size_t end = sizeof(header) + header.sections * sizeof(vdata::SectionEntry);
    std::string bad = good;
    for (size_t bit = 0; bit < end * 8; ++bit) {
      // The reserved bytes are alike in all: the first sample's are enough.
      if (reserved_done && bit == 152 * 8) bit = offsetof(vdata::Header, checksum) * 8;
      bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
      test::WriteBytes(path, bad);
      const auto file = SegmentFile::Open(path);
      ASSERT_TRUE(IsRefusal(file.status())) << "bit " << bit << ": " << file.status();
      bad[bit / 8] = good[bit / 8];
    }
    reserved_done = true;
  }
}

TEST(SegmentDamage, RandomFlipsAnywhere) {
  ScratchFolder folder;
  const std::vector<std::string> samples = Samples(folder);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::string bad = samples[seed % samples.size()];
    const uint64_t bit = random() % (bad.size() * 8);
    bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
    test::WriteBytes(folder.File("f.vdata"), bad);
    ExpectFound(folder.File("f.vdata"));
    if (HasFailure()) return;
  }
}

TEST(SegmentDamage, TruncationsAndExtensions) {
  ScratchFolder folder;
  const std::vector<std::string> samples = Samples(folder);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::string bad = samples[seed % samples.size()];
    if (seed % 3 == 0) {
      bad.append(1 + random() % 9000, seed % 2 == 0 ? '\0' : 'x');
    } else {
      bad.resize(seed < 200 ? seed : random() % bad.size());
    }
    test::WriteBytes(folder.File("f.vdata"), bad);
    const auto file = SegmentFile::Open(folder.File("f.vdata"));
    ASSERT_TRUE(IsRefusal(file.status())) << file.status();
  }
}

TEST(SegmentDamage, OtherVersionsAreRefusedByName) {
  ScratchFolder folder;
  for (const uint32_t version : {0u, 1u, 3u, 4'000'000'000u}) {
    std::string file = Samples(folder)[0];
    std::memcpy(file.data() + 8, &version, sizeof(version));
    test::RepairChecksums(file);
    test::WriteBytes(folder.File("f.vdata"), file);
    const auto opened = SegmentFile::Open(folder.File("f.vdata"));
    EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
    EXPECT_THAT(std::string(opened.status().message()),
                HasSubstr("format version " + std::to_string(version)));
  }
}

TEST(SegmentDamage, UnknownSectionKindIsRefusedByName) {
  ScratchFolder folder;
  std::string file = Samples(folder)[0];
  const uint32_t kind = 77;
  std::memcpy(file.data() + sizeof(vdata::Header) + 3 * sizeof(vdata::SectionEntry), &kind,
              sizeof(kind));
  test::RepairChecksums(file);
  test::WriteBytes(folder.File("f.vdata"), file);
  const auto opened = SegmentFile::Open(folder.File("f.vdata"));
  EXPECT_TRUE(absl::IsDataLoss(opened.status())) << opened.status();
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("section kind 77"));
}

/// Follows everything in an opened segment that leads somewhere, as a search would.
void ExpectNothingLeadsAstray(const SegmentView& view) {
  ASSERT_EQ(view.vectors.size(), uint64_t{view.nodes} * view.stride);
  ASSERT_EQ(view.node_rows.size(), uint64_t{view.nodes} + 1);
  ASSERT_EQ(view.row_ids.size(), view.rows());
  ASSERT_EQ(view.versions.size(), view.rows());
  ASSERT_EQ(view.by_row_id.size(), view.rows());
  for (uint32_t node = 0; node < view.nodes; ++node) {
    ASSERT_LE(view.node_rows[node], view.node_rows[node + 1]);
    ASSERT_LE(view.node_rows[node + 1], view.vector_rows);
  }
  for (uint32_t row = 0; row < view.rows(); ++row) ASSERT_EQ(view.FindRow(view.row_ids[row]), row);
  const GraphView& graph = view.graph;
  if (view.engine == Engine::kHnsw && view.nodes > 0) {
    ASSERT_EQ(graph.links0.size(), uint64_t{view.nodes} * graph.degree0);
    ASSERT_LT(graph.entry, view.nodes);
    ASSERT_EQ(graph.levels[graph.entry], graph.max_level);
    for (const uint32_t link : graph.links0) ASSERT_LT(link, view.nodes);
    for (uint32_t node = 0; node < view.nodes; ++node) {
      ASSERT_EQ(graph.upper_offsets[node + 1] - graph.upper_offsets[node], graph.levels[node]);
      for (uint32_t level = 1; level <= graph.levels[node]; ++level) {
        const uint64_t block = graph.upper_offsets[node] + level - 1;
        ASSERT_LE((block + 1) * graph.degree, graph.upper_links.size());
        for (uint32_t i = 0; i < graph.degree; ++i) {
          const uint32_t to = graph.upper_links[block * graph.degree + i];
          ASSERT_LT(to, view.nodes);
          ASSERT_GE(graph.levels[to], level);
        }
      }
    }
  }
  size_t bytes = 0;
  for (const CapturedColumn& column : view.columns) {
    for (uint32_t row = 0; row < view.rows(); ++row) bytes += ToString(column.Get(row)).size();
  }
  ASSERT_GE(bytes, view.columns.size() * view.rows());
}

/// An offset whose change matters: a field of header or table, or a byte within a section.
size_t PickOffset(const std::string& file, std::mt19937_64& random) {
  vdata::Header header;
  std::memcpy(&header, file.data(), sizeof(header));
  const uint64_t choice = random() % 4;
  if (choice == 0) return 12 + random() % 136;
  if (choice == 1) return sizeof(header) + random() % (header.sections * 40);
  vdata::SectionEntry entry;
  std::memcpy(&entry, file.data() + sizeof(header) + random() % header.sections * sizeof(entry),
              sizeof(entry));
  return entry.offset + (entry.bytes == 0 ? 0 : random() % entry.bytes);
}

TEST(SegmentDamage, NonsenseUnderRightChecksumsNeverLeadsAstray) {
  ScratchFolder folder;
  const std::vector<std::string> samples = Samples(folder);
  int opened = 0;
  int refused = 0;
  for (uint64_t seed = 0; seed < 12'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::string& good = samples[seed % samples.size()];
    std::string bad = good;
    for (uint64_t change = 0; change <= random() % 3; ++change) {
      const size_t at = PickOffset(good, random);
      if (at < bad.size()) {
        bad[at] =
            static_cast<char>(random() % 2 == 0 ? random() : bad[at] + 1 - 2 * (random() % 2));
      }
    }
    if (random() % 20 == 0) bad.resize(bad.size() - 4096);
    test::RepairChecksums(bad);
    test::WriteBytes(folder.File("f.vdata"), bad);
    const auto file = SegmentFile::Open(folder.File("f.vdata"));
    if (!file.ok()) {
      ASSERT_TRUE(IsRefusal(file.status())) << file.status();
      ++refused;
      continue;
    }
    ++opened;
    ExpectNothingLeadsAstray((*file)->view());
    const absl::Status ensured = (*file)->EnsureVectors(0, (*file)->view().nodes);
    ASSERT_TRUE(ensured.ok() || IsRefusal(ensured)) << ensured;
    const absl::Status codes = (*file)->EnsureCodes(0, (*file)->view().nodes);
    ASSERT_TRUE(codes.ok() || IsRefusal(codes)) << codes;
    const absl::Status verified = (*file)->Verify();
    ASSERT_TRUE(verified.ok() || IsRefusal(verified)) << verified;
    if (HasFatalFailure()) return;
  }
  // Both outcomes must be exercised: versions, seq or vectors may be anything, links may not.
  EXPECT_GT(opened, 1000);
  EXPECT_GT(refused, 1000);
}

// What stands in one section stands in another, or a block of it in another place.
TEST(SegmentDamage, SwappedSections) {
  ScratchFolder folder;
  const std::vector<std::string> samples = Samples(folder);
  int swapped = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::string& good = samples[seed % samples.size()];
    std::string bad = good;
    vdata::Header header;
    std::memcpy(&header, bad.data(), sizeof(header));
    const auto pick = [&] {
      vdata::SectionEntry entry;
      std::memcpy(&entry, bad.data() + sizeof(header) + random() % header.sections * sizeof(entry),
                  sizeof(entry));
      return entry;
    };
    const vdata::SectionEntry a = pick(), b = pick();
    // Of one section its halves, or of two what fits into both.
    const bool halves = a.offset == b.offset;
    const uint64_t bytes = halves ? a.bytes / 2 : std::min(a.bytes, b.bytes);
    char* const to = bad.data() + (halves ? a.offset + bytes : b.offset);
    std::swap_ranges(bad.data() + a.offset, bad.data() + a.offset + bytes, to);
    if (bad == good) continue;
    ++swapped;
    test::WriteBytes(folder.File("f.vdata"), bad);
    ExpectFound(folder.File("f.vdata"));
    if (HasFailure()) return;
    test::RepairChecksums(bad);
    test::WriteBytes(folder.File("f.vdata"), bad);
    const auto file = SegmentFile::Open(folder.File("f.vdata"));
    if (!file.ok()) {
      ASSERT_TRUE(IsRefusal(file.status())) << file.status();
      continue;
    }
    ExpectNothingLeadsAstray((*file)->view());
    const absl::Status verified = (*file)->Verify();
    ASSERT_TRUE(verified.ok() || IsRefusal(verified)) << verified;
  }
  EXPECT_GT(swapped, 2000);
}

TEST(SegmentDamage, VectorBlocksAreCheckedAtFirstTouch) {
  ScratchFolder folder;
  const std::string path = folder.File("f.vdata");
  std::mt19937_64 random(1);
  const auto segment = RandomSegment({.dim = 128, .nodes = 1000, .columns = false}, random);
  ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
  std::string file = test::ReadBytes(path);
  // 128 nodes a block; the section starts on the third page. Node 300 is in block 2.
  file[8192 + 300 * 512 + 5] ^= 1;
  test::WriteBytes(path, file);
  const auto opened = SegmentFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE((*opened)->EnsureVectors(0, 256).ok());
  EXPECT_TRUE((*opened)->EnsureVectors(384, 1000).ok());
  EXPECT_TRUE((*opened)->EnsureVectors(300, 300).ok());
  for (int again = 0; again < 2; ++again) {
    const absl::Status status = (*opened)->EnsureVectors(383, 384);
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("vectors, block 2"));
    EXPECT_TRUE(absl::IsDataLoss((*opened)->EnsureVectors(0, 257)));
  }
  EXPECT_TRUE(absl::IsDataLoss((*opened)->Verify()));
  EXPECT_TRUE(absl::IsInvalidArgument((*opened)->EnsureVectors(0, 1001)));
}

TEST(SegmentDamage, CodeBlocksAreCheckedAtFirstTouch) {
  ScratchFolder folder;
  const std::string path = folder.File("f.vdata");
  std::mt19937_64 random(1);
  const auto segment = RandomSegment(
      {.engine = Engine::kHnsw, .dim = 64, .nodes = 3000, .codes = true, .columns = false}, random);
  ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
  std::string file = test::ReadBytes(path);
  vdata::SectionEntry codes;  // the third section
  std::memcpy(&codes, file.data() + sizeof(vdata::Header) + 2 * sizeof(codes), sizeof(codes));
  // 1024 nodes a block: node 1500 is in block 1.
  file[codes.offset + 1500 * 64 + 5] ^= 1;
  test::WriteBytes(path, file);
  const auto opened = SegmentFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE((*opened)->EnsureVectors(0, 3000).ok());
  EXPECT_TRUE((*opened)->EnsureCodes(0, 1024).ok());
  EXPECT_TRUE((*opened)->EnsureCodes(2048, 3000).ok());
  const absl::Status status = (*opened)->EnsureCodes(1024, 1025);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("codes, block 1"));
  EXPECT_TRUE(absl::IsDataLoss((*opened)->Verify()));
}

TEST(SegmentDamage, FileThatLostItsEndFailsTheSegmentNotTheProcess) {
  ScratchFolder folder;
  const std::string path = folder.File("f.vdata");
  std::mt19937_64 random(1);
  const auto segment = RandomSegment({.dim = 128, .nodes = 1000, .columns = false}, random);
  ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
  const auto opened = SegmentFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::filesystem::resize_file(path, 8192 + 65536);  // as a failing disk would: pages are gone
  EXPECT_TRUE((*opened)->EnsureVectors(0, 128).ok());
  EXPECT_TRUE(absl::IsDataLoss((*opened)->EnsureVectors(128, 256)));
  EXPECT_TRUE(absl::IsDataLoss((*opened)->Verify()));
}

}  // namespace
}  // namespace ordinate
