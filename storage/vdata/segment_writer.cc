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
  if (!HasCodes(segment) && (!segment.codes.codes.empty() || !segment.codes.centre.empty())) {
    return absl::InvalidArgumentError("codes: only a segment of quantization SQ8 has them");
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

std::vector<uint64_t> ChecksumsOf(const void* data, uint64_t bytes) {
  const char* from = static_cast<const char*>(data);
  std::vector<uint64_t> checksums;
  for (uint64_t at = 0; at < bytes; at += kBlockBytes) {
    checksums.push_back(Checksum64(from + at, std::min(kBlockBytes, bytes - at)));
  }
  return checksums;
}

std::vector<SectionEntry> PlaceSections(const std::vector<Section>& sections) {
  std::vector<SectionEntry> entries;
  uint64_t offset = RoundUp(kPageBytes + sections.size() * sizeof(SectionEntry), kPageBytes);
  for (size_t i = 0; i < sections.size(); ++i) {
    const Section& section = sections[i];
    const bool blocks = HasBlocks(section.id.kind);
    const Section& summed = blocks ? sections[i + 1] : section;  // its checksums follow it
    entries.push_back({
        .kind = static_cast<uint32_t>(section.id.kind),
        .column_id = section.id.column_id,
        .type = section.id.type,
        .block_bytes = blocks ? static_cast<uint32_t>(kBlockBytes) : 0,
        .offset = offset,
        .bytes = section.bytes,
        .checksum = Checksum64(summed.data, summed.bytes),
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
  header.quantization = static_cast<uint32_t>(segment.codes.quantization);
  header.code_stride = segment.codes.stride;
  header.rotation_seed = segment.codes.rotation_seed;
  header.code_scale = segment.codes.scale;
  header.code_error = segment.codes.error;
  header.longest = segment.longest;
  header.checksum = Checksum64(&header, offsetof(Header, checksum));
  return header;
}

absl::Status CheckSegment(const SegmentView& segment) {
  RETURN_IF_ERROR(CheckUnusedSpans(segment));
  RETURN_IF_ERROR(CheckRows(segment));
  RETURN_IF_ERROR(CheckGraph(segment));
  RETURN_IF_ERROR(CheckColumns(segment));
  RETURN_IF_ERROR(CheckCentre(segment));
  RETURN_IF_ERROR(CheckCodes(segment));
  return CheckVectors(segment);
}

absl::StatusOr<std::vector<Section>> ListSections(const SegmentView& segment,
                                                  const BlockChecksums& checksums) {
  SectionLister lister;
  RETURN_IF_ERROR(VisitSections(segment, checksums, lister));
  return std::move(lister.sections);
}

}  // namespace

absl::StatusOr<uint64_t> WriteSegmentFile(const std::string& path, const SegmentView& segment) {
  RETURN_IF_ERROR(CheckShape(segment));
  const std::vector<uint64_t> vector_checksums =
      ChecksumsOf(segment.vectors.data(), segment.vectors.size_bytes());
  const std::vector<uint64_t> code_checksums =
      ChecksumsOf(segment.codes.codes.data(), segment.codes.codes.size_bytes());
  const BlockChecksums checksums{vector_checksums, code_checksums};
  ASSIGN_OR_RETURN(const std::vector<Section> sections, ListSections(segment, checksums));
  RETURN_IF_ERROR(CheckSegment(segment));

  const std::vector<SectionEntry> entries = PlaceSections(sections);
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
