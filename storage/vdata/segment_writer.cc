#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/files/checksum.h"
#include "storage/files/durable_file.h"
#include "storage/vdata/segment_check.h"
#include "storage/vdata/segment_file.h"
#include "storage/vdata/segment_format.h"
#include "storage/vdata/segment_layout.h"

namespace ordinate {
namespace {

using namespace vdata;

struct Section {
  SectionId id;
  const void* data;
  uint64_t bytes;
};

/// Checks each span against the size the scalars imply, and lists it.
class SectionLister {
 public:
  template <typename T>
  absl::Status operator()(const SectionId& id, std::span<const T> span,
                          std::optional<uint64_t> count) {
    if (count.has_value() && span.size() != *count) {
      return absl::InvalidArgumentError(
          absl::StrCat(SectionName(id), ": ", span.size(), " elements; expected ", *count));
    }
    sections.push_back({id, span.data(), span.size_bytes()});
    return absl::OkStatus();
  }

  std::vector<Section> sections;
};

/// What belongs in no section must be empty, or it would be lost without a word.
absl::Status CheckUnusedSpans(const SegmentView& segment) {
  if (segment.metric != Metric::kCosine && !segment.inverse_norms.empty()) {
    return absl::InvalidArgumentError("inverse_norms: only a COSINE segment has them");
  }
  const GraphView& graph = segment.graph;
  if (!HasGraph(segment) && (!graph.links0.empty() || !graph.levels.empty() ||
                             graph.upper_offsets.size() > 1 || !graph.upper_links.empty())) {
    return absl::InvalidArgumentError("links: only an HNSW segment with nodes has them");
  }
  for (const CapturedColumn& column : segment.columns) {
    const bool is_string = column.type == DataType::kString;
    if (is_string ? !column.words.empty() : !column.offsets.empty() || !column.bytes.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "column ", column.column_id, ": words are for scalars, offsets and bytes for STRING"));
    }
  }
  return absl::OkStatus();
}

std::vector<uint64_t> BlockChecksums(std::span<const float> vectors) {
  const char* data = reinterpret_cast<const char*>(vectors.data());
  std::vector<uint64_t> checksums;
  for (uint64_t at = 0; at < vectors.size_bytes(); at += kVectorBlockBytes) {
    checksums.push_back(
        Checksum64(data + at, std::min(kVectorBlockBytes, vectors.size_bytes() - at)));
  }
  return checksums;
}

std::vector<SectionEntry> PlaceSections(const std::vector<Section>& sections,
                                        const std::vector<uint64_t>& block_checksums) {
  std::vector<SectionEntry> entries;
  uint64_t offset = RoundUp(kPageBytes + sections.size() * sizeof(SectionEntry), kPageBytes);
  for (const Section& section : sections) {
    const bool blocks = section.id.kind == SectionKind::kVectors;
    entries.push_back({
        .kind = static_cast<uint32_t>(section.id.kind),
        .column_id = section.id.column_id,
        .type = section.id.type,
        .block_bytes = blocks ? static_cast<uint32_t>(kVectorBlockBytes) : 0,
        .offset = offset,
        .bytes = section.bytes,
        .checksum = blocks ? Checksum64(block_checksums.data(), block_checksums.size() * 8)
                           : Checksum64(section.data, section.bytes),
    });
    offset = RoundUp(offset + section.bytes, kPageBytes);
  }
  return entries;
}

Header MakeHeader(const SegmentView& segment, const std::vector<SectionEntry>& entries) {
  const GraphView graph = HasGraph(segment) ? segment.graph : GraphView();
  Header header;
  std::memset(&header, 0, sizeof(header));
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kVersion;
  header.flags = static_cast<uint32_t>(segment.flavour);
  header.engine = static_cast<uint32_t>(segment.engine);
  header.metric = static_cast<uint32_t>(segment.metric);
  header.dim = segment.dim;
  header.stride = segment.stride;
  header.m = segment.m;
  header.ef_build = segment.ef_build;
  header.seq = segment.seq;
  header.nodes = segment.nodes;
  header.vector_rows = segment.vector_rows;
  header.null_rows = segment.null_rows;
  header.invalid_rows = segment.invalid_rows;
  header.degree0 = graph.degree0;
  header.degree = graph.degree;
  header.entry = graph.entry;
  header.max_level = graph.max_level;
  header.columns = static_cast<uint32_t>(segment.columns.size());
  header.sections = static_cast<uint32_t>(entries.size());
  header.table_offset = kPageBytes;
  header.table_checksum = Checksum64(entries.data(), entries.size() * sizeof(SectionEntry));
  header.file_bytes = RoundUp(entries.back().offset + entries.back().bytes, kPageBytes);
  header.checksum = Checksum64(&header, offsetof(Header, checksum));
  return header;
}

absl::Status CheckSegment(const SegmentView& segment) {
  RETURN_IF_ERROR(CheckUnusedSpans(segment));
  RETURN_IF_ERROR(CheckRows(segment));
  RETURN_IF_ERROR(CheckGraph(segment));
  RETURN_IF_ERROR(CheckColumns(segment));
  return CheckVectors(segment);
}

absl::StatusOr<std::vector<Section>> ListSections(const SegmentView& segment,
                                                  std::span<const uint64_t> block_checksums) {
  SectionLister lister;
  RETURN_IF_ERROR(VisitSections(segment, block_checksums, lister));
  return std::move(lister.sections);
}

}  // namespace

absl::StatusOr<uint64_t> WriteSegmentFile(const std::string& path, const SegmentView& segment) {
  RETURN_IF_ERROR(CheckShape(segment));
  const std::vector<uint64_t> block_checksums = BlockChecksums(segment.vectors);
  ASSIGN_OR_RETURN(const std::vector<Section> sections, ListSections(segment, block_checksums));
  RETURN_IF_ERROR(CheckSegment(segment));

  const std::vector<SectionEntry> entries = PlaceSections(sections, block_checksums);
  const Header header = MakeHeader(segment, entries);
  ASSIGN_OR_RETURN(std::unique_ptr<DurableFileWriter> file, DurableFileWriter::Create(path));
  Checksummer64 checksum;
  checksum.Add(&header, sizeof(header));
  checksum.Add(entries.data(), entries.size() * sizeof(SectionEntry));
  RETURN_IF_ERROR(file->Append(&header, sizeof(header)));
  RETURN_IF_ERROR(file->Append(entries.data(), entries.size() * sizeof(SectionEntry)));
  for (size_t i = 0; i < sections.size(); ++i) {
    RETURN_IF_ERROR(file->AppendZeros(entries[i].offset - file->bytes()));
    RETURN_IF_ERROR(file->Append(sections[i].data, sections[i].bytes));
  }
  RETURN_IF_ERROR(file->AppendZeros(header.file_bytes - file->bytes()));
  RETURN_IF_ERROR(file->Commit());
  return checksum.Get();
}

}  // namespace ordinate
