#include "segment_samples.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "storage/files/checksum.h"
#include "storage/files/unique_name.h"
#include "storage/vdata/segment_format.h"

namespace ordinate::test {
namespace {

using Column = OwnedSegment::Column;

uint32_t Below(uint64_t bound, std::mt19937_64& random) {
  return static_cast<uint32_t>(random() % bound);
}

void FillVectors(OwnedSegment& segment, std::mt19937_64& random) {
  const SegmentView& view = segment.scalars;
  std::normal_distribution<float> normal;
  segment.vectors.assign(uint64_t{view.nodes} * view.stride, 0);
  for (uint32_t node = 0; node < view.nodes; ++node) {
    double square = 0;
    for (uint32_t i = 0; i < view.dim; ++i) {
      const float x = normal(random);
      segment.vectors[uint64_t{node} * view.stride + i] = x;
      square += double{x} * x;
    }
    segment.scalars.longest = std::max(view.longest, std::sqrt(square));
    if (view.metric == Metric::kCosine) {
      segment.inverse_norms.push_back(static_cast<float>(1 / std::sqrt(square)));
    }
  }
}

void FillRows(OwnedSegment& segment, std::mt19937_64& random) {
  SegmentView& view = segment.scalars;
  segment.node_rows.push_back(0);
  for (uint32_t node = 0; node < view.nodes; ++node) {
    segment.node_rows.push_back(segment.node_rows.back() + 1 + (Below(4, random) == 0));
  }
  view.vector_rows = segment.node_rows.back();
  std::set<RowId> ids;
  while (ids.size() < view.rows())
    ids.insert(Below(2, random) == 0 ? random() : Below(1000, random));
  segment.row_ids.assign(ids.begin(), ids.end());
  std::ranges::shuffle(segment.row_ids, random);
  for (uint32_t node = 0; node < view.nodes; ++node) {
    std::sort(segment.row_ids.begin() + segment.node_rows[node],
              segment.row_ids.begin() + segment.node_rows[node + 1]);
  }
  for (uint32_t row = 0; row < view.rows(); ++row) {
    segment.versions.push_back(1 + Below(view.seq, random));
    segment.by_row_id.push_back(row);
  }
  std::ranges::sort(segment.by_row_id, {}, [&](uint32_t row) { return segment.row_ids[row]; });
}

void FillGraph(OwnedSegment& segment, std::mt19937_64& random) {
  SegmentView& view = segment.scalars;
  GraphView& graph = view.graph;
  graph.degree0 = 16;
  graph.degree = 5;
  segment.upper_offsets.push_back(0);
  for (uint32_t node = 0; node < view.nodes; ++node) {
    uint8_t level = 0;
    while (Below(3, random) == 0) ++level;
    segment.levels.push_back(level);
    segment.upper_offsets.push_back(segment.upper_offsets.back() + level);
    for (uint32_t i = 0; i < graph.degree0; ++i) {
      segment.links0.push_back(Below(3, random) == 0 ? node : Below(view.nodes, random));
    }
  }
  const auto top = std::ranges::max_element(segment.levels);
  graph.entry = static_cast<uint32_t>(top - segment.levels.begin());
  graph.max_level = *top;
  for (uint32_t node = 0; node < view.nodes; ++node) {
    for (int level = 1; level <= segment.levels[node]; ++level) {
      for (uint32_t i = 0; i < graph.degree; ++i) {
        const uint32_t to = Below(view.nodes, random);
        segment.upper_links.push_back(segment.levels[to] >= level ? to : node);
      }
    }
  }
}

void FillCodes(OwnedSegment& segment, std::mt19937_64& random) {
  const SegmentView& view = segment.scalars;
  CodesView& codes = segment.scalars.codes;
  codes.quantization = Quantization::kSq8;
  codes.stride = (view.dim + 63) / 64 * 64;
  codes.rotation_seed = random();
  codes.scale = 0.25f;
  codes.error = 1.5f;
  for (uint32_t i = 0; i < view.dim; ++i) segment.centre.push_back(static_cast<float>(i) - 0.5f);
  segment.codes.assign(uint64_t{view.nodes} * codes.stride, 0);
  for (uint32_t node = 0; node < view.nodes; ++node) {
    uint8_t* const code = segment.codes.data() + uint64_t{node} * codes.stride;
    for (uint32_t i = 0; i < view.dim; ++i) {
      const uint32_t at = i / 64 * 32 + i % 32, shift = i % 64 < 32 ? 0 : 4;
      code[at] |= static_cast<uint8_t>((random() & 15) << shift);
      code[codes.stride / 2 + at] |= static_cast<uint8_t>((random() & 15) << shift);
    }
  }
}

uint64_t RandomWord(DataType type, std::mt19937_64& random) {
  if (type == DataType::kBool) return Below(2, random);
  return Below(2, random) == 0 ? random() : Below(10, random);
}

Column RandomColumn(uint32_t id, DataType type, uint32_t rows, std::mt19937_64& random) {
  Column column{.id = id, .type = type};
  column.present.assign((rows + 63) / 64, 0);
  if (type == DataType::kString) column.offsets.push_back(0);
  for (uint32_t row = 0; row < rows; ++row) {
    const bool present = Below(3, random) != 0;
    if (present) column.present[row / 64] |= uint64_t{1} << (row % 64);
    if (type == DataType::kString) {
      if (present) column.bytes.append(Below(4, random) * 3, static_cast<char>('a' + row % 26));
      column.offsets.push_back(column.bytes.size());
    } else {
      column.words.push_back(present ? RandomWord(type, random) : 0);
    }
  }
  return column;
}

template <typename T>
void ExpectSameSpan(const char* what, std::span<const T> expected, std::span<const T> actual) {
  ASSERT_EQ(expected.size(), actual.size()) << what;
  if (expected.empty()) return;
  EXPECT_EQ(0, std::memcmp(expected.data(), actual.data(), expected.size_bytes())) << what;
}

void ExpectSameGraph(const GraphView& expected, const GraphView& actual) {
  EXPECT_EQ(expected.degree0, actual.degree0);
  EXPECT_EQ(expected.degree, actual.degree);
  EXPECT_EQ(expected.entry, actual.entry);
  EXPECT_EQ(expected.max_level, actual.max_level);
  ExpectSameSpan("links0", expected.links0, actual.links0);
  ExpectSameSpan("levels", expected.levels, actual.levels);
  ExpectSameSpan("upper_offsets", expected.upper_offsets, actual.upper_offsets);
  ExpectSameSpan("upper_links", expected.upper_links, actual.upper_links);
}

}  // namespace

SegmentView OwnedSegment::View() const {
  SegmentView view = scalars;
  view.vectors = vectors;
  view.inverse_norms = inverse_norms;
  view.node_rows = node_rows;
  view.row_ids = row_ids;
  view.versions = versions;
  view.by_row_id = by_row_id;
  view.graph.links0 = links0;
  view.graph.levels = levels;
  view.graph.upper_offsets = upper_offsets;
  view.graph.upper_links = upper_links;
  view.codes.centre = centre;
  view.codes.codes = codes;
  for (const Column& column : columns) {
    view.columns.push_back(
        {column.id, column.type, column.present, column.words, column.offsets, column.bytes});
  }
  return view;
}

std::unique_ptr<OwnedSegment> RandomSegment(const SampleOptions& options, std::mt19937_64& random) {
  auto segment = std::make_unique<OwnedSegment>();
  SegmentView& view = segment->scalars;
  view.flavour = static_cast<RowIdFlavour>(1 + Below(3, random));
  view.engine = options.engine;
  view.metric = options.metric;
  view.dim = options.dim;
  view.stride = (options.dim + 15) / 16 * 16;
  view.m = 8;
  view.ef_build = 100;
  view.seq = 1 + Below(1'000'000, random);
  view.nodes = options.nodes;
  view.null_rows = options.null_rows;
  view.invalid_rows = options.invalid_rows;
  FillVectors(*segment, random);
  FillRows(*segment, random);
  if (options.engine == Engine::kHnsw && options.nodes > 0) FillGraph(*segment, random);
  if (options.codes) FillCodes(*segment, random);
  if (!options.columns) return segment;
  for (uint32_t type = 1; type <= static_cast<uint32_t>(DataType::kTimestamp); ++type) {
    segment->columns.push_back(
        RandomColumn(10 - type, static_cast<DataType>(type), view.rows(), random));
  }
  return segment;
}

std::unique_ptr<OwnedSegment> DocumentedSegment() {
  auto segment = std::make_unique<OwnedSegment>();
  SegmentView& view = segment->scalars;
  view.flavour = RowIdFlavour::kPkU64;
  view.engine = Engine::kFlat;
  view.metric = Metric::kL2;
  view.dim = 2;
  view.stride = 16;
  view.seq = 9;
  view.nodes = 2;
  view.vector_rows = 3;
  segment->vectors.assign(32, 0);
  segment->vectors[0] = 1;
  segment->vectors[1] = 2;
  segment->vectors[16] = -0.5;
  segment->vectors[17] = 4;
  view.longest = std::sqrt(16.25);
  segment->node_rows = {0, 2, 3};
  segment->row_ids = {10, 30, 20};
  segment->versions = {7, 9, 8};
  segment->by_row_id = {0, 2, 1};
  segment->columns.push_back(
      {.id = 3, .type = DataType::kInt64, .present = {0b101}, .words = {5, 0, ~uint64_t{0}}});
  return segment;
}

void ExpectSame(const SegmentView& expected, const SegmentView& actual) {
  EXPECT_EQ(expected.flavour, actual.flavour);
  EXPECT_EQ(expected.engine, actual.engine);
  EXPECT_EQ(expected.metric, actual.metric);
  EXPECT_EQ(expected.dim, actual.dim);
  EXPECT_EQ(expected.m, actual.m);
  EXPECT_EQ(expected.ef_build, actual.ef_build);
  EXPECT_EQ(expected.seq, actual.seq);
  EXPECT_EQ(expected.nodes, actual.nodes);
  EXPECT_EQ(expected.vector_rows, actual.vector_rows);
  EXPECT_EQ(expected.null_rows, actual.null_rows);
  EXPECT_EQ(expected.invalid_rows, actual.invalid_rows);
  EXPECT_EQ(expected.stride, actual.stride);
  EXPECT_EQ(expected.longest, actual.longest);
  ExpectSameSpan("vectors", expected.vectors, actual.vectors);
  ExpectSameSpan("inverse_norms", expected.inverse_norms, actual.inverse_norms);
  ExpectSameSpan("node_rows", expected.node_rows, actual.node_rows);
  ExpectSameSpan("row_ids", expected.row_ids, actual.row_ids);
  ExpectSameSpan("versions", expected.versions, actual.versions);
  ExpectSameSpan("by_row_id", expected.by_row_id, actual.by_row_id);
  ExpectSameGraph(expected.graph, actual.graph);
  EXPECT_EQ(expected.codes.quantization, actual.codes.quantization);
  EXPECT_EQ(expected.codes.stride, actual.codes.stride);
  EXPECT_EQ(expected.codes.rotation_seed, actual.codes.rotation_seed);
  EXPECT_EQ(expected.codes.scale, actual.codes.scale);
  EXPECT_EQ(expected.codes.error, actual.codes.error);
  ExpectSameSpan("centre", expected.codes.centre, actual.codes.centre);
  ExpectSameSpan("codes", expected.codes.codes, actual.codes.codes);
  ASSERT_EQ(expected.columns.size(), actual.columns.size());
  for (size_t i = 0; i < expected.columns.size(); ++i) {
    EXPECT_EQ(expected.columns[i].column_id, actual.columns[i].column_id);
    EXPECT_EQ(expected.columns[i].type, actual.columns[i].type);
    ExpectSameSpan("present", expected.columns[i].present, actual.columns[i].present);
    ExpectSameSpan("words", expected.columns[i].words, actual.columns[i].words);
    ExpectSameSpan("offsets", expected.columns[i].offsets, actual.columns[i].offsets);
    ExpectSameSpan("bytes", expected.columns[i].bytes, actual.columns[i].bytes);
  }
}

void RepairChecksums(std::string& file) {
  using namespace vdata;
  Header header;
  if (file.size() < sizeof(header)) return;
  std::memcpy(&header, file.data(), sizeof(header));
  const uint64_t table_bytes = uint64_t{header.sections} * sizeof(SectionEntry);
  if (table_bytes <= file.size() - sizeof(header)) {
    std::vector<SectionEntry> entries(header.sections);
    if (!entries.empty()) std::memcpy(entries.data(), file.data() + sizeof(header), table_bytes);
    const auto inside = [&](const SectionEntry& entry) {
      return entry.offset <= file.size() && entry.bytes <= file.size() - entry.offset;
    };
    for (size_t i = 0; i < entries.size(); ++i) {
      SectionEntry& entry = entries[i];
      if (!inside(entry)) continue;
      if (HasBlocks(IdOf(entry).kind) && i + 1 < entries.size() && inside(entries[i + 1]) &&
          entries[i + 1].bytes == (entry.bytes + kBlockBytes - 1) / kBlockBytes * 8) {
        char* out = file.data() + entries[i + 1].offset;
        for (uint64_t at = 0; at < entry.bytes; at += kBlockBytes, out += 8) {
          const uint64_t sum =
              Checksum64(file.data() + entry.offset + at, std::min(kBlockBytes, entry.bytes - at));
          std::memcpy(out, &sum, sizeof(sum));
        }
        entry.checksum = Checksum64(file.data() + entries[i + 1].offset, entries[i + 1].bytes);
      } else {
        entry.checksum = Checksum64(file.data() + entry.offset, entry.bytes);
      }
    }
    if (!entries.empty()) std::memcpy(file.data() + sizeof(header), entries.data(), table_bytes);
    header.table_checksum = Checksum64(file.data() + sizeof(header), table_bytes);
  }
  header.checksum = Checksum64(&header, offsetof(Header, checksum));
  std::memcpy(file.data(), &header, sizeof(header));
}

ScratchFolder::ScratchFolder() : path_(testing::TempDir() + "vdata-" + NewUuid()) {
  std::filesystem::create_directories(path_);
}

ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  // In place: some file systems sync a file that is truncated to nothing and written anew.
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_GE(fd, 0) << path;
  EXPECT_EQ(pwrite(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(ftruncate(fd, static_cast<off_t>(bytes.size())), 0);
  close(fd);
}

}  // namespace ordinate::test
