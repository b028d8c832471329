#include "storage/vdata/segment_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/files/checksum.h"
#include "storage/files/mapped_file.h"
#include "storage/vdata/checked_blocks.h"
#include "storage/vdata/damaged.h"
#include "storage/vdata/segment_check.h"
#include "storage/vdata/segment_format.h"
#include "storage/vdata/segment_layout.h"

namespace ordinate {

using namespace vdata;

namespace {

/// Points each span of the view at its section, in the one order there is, so that sections can
/// neither overlap nor leave gaps, and nothing in the table goes unused.
class SectionBinder {
 public:
  SectionBinder(const MappedFile& file, std::span<const SectionEntry> entries)
      : file_(file),
        entries_(entries),
        offset_(RoundUp(kPageBytes + entries.size_bytes(), kPageBytes)) {}

  template <typename T>
  absl::Status operator()(const SectionId& id, std::span<const T>& span,
                          std::optional<uint64_t> count) {
    const std::string name = SectionName(id);
    if (next_ == entries_.size()) return Damaged(file_.path(), "section ", name, " is missing");
    const SectionEntry& entry = entries_[next_++];
    if (IdOf(entry) != id) {
      return Damaged(file_.path(), "section ", SectionName(IdOf(entry)), " (type ", entry.type,
                     ") where ", name, " (type ", id.type, ") is expected");
    }
    if (entry.block_bytes != (HasBlocks(id.kind) ? kBlockBytes : 0)) {
      return Damaged(file_.path(), "section ", name, " has checksum blocks of ", entry.block_bytes,
                     " bytes");
    }
    if (entry.offset != offset_ || offset_ > file_.size() || entry.bytes > file_.size() - offset_) {
      return Damaged(file_.path(), "section ", name, " at ", entry.offset, " of ", entry.bytes,
                     " bytes; expected at ", offset_, ", inside the file's ", file_.size());
    }
    if (entry.bytes % sizeof(T) != 0 || (count.has_value() && entry.bytes / sizeof(T) != *count)) {
      return Damaged(file_.path(), "section ", name, " has ", entry.bytes, " bytes; expected ",
                     count.value_or(0), " elements of ", sizeof(T));
    }
    span = std::span(reinterpret_cast<const T*>(file_.data() + offset_), entry.bytes / sizeof(T));
    offset_ = RoundUp(offset_ + entry.bytes, kPageBytes);
    return absl::OkStatus();
  }

  absl::Status Finish() const {
    if (next_ != entries_.size()) {
      return Damaged(file_.path(), "section ", SectionName(IdOf(entries_[next_])),
                     " is one too many");
    }
    if (offset_ != file_.size()) {
      return Damaged(file_.path(), "its sections end at ", offset_, ", the file at ", file_.size());
    }
    return absl::OkStatus();
  }

 private:
  const MappedFile& file_;
  const std::span<const SectionEntry> entries_;
  size_t next_ = 0;
  uint64_t offset_;
};

SegmentView ScalarsOf(const Header& header) {
  SegmentView view;
  view.flavour = static_cast<RowIdFlavour>(header.flags);
  view.engine = static_cast<Engine>(header.engine);
  view.metric = static_cast<Metric>(header.metric);
  view.dim = header.dim;
  view.stride = header.stride;
  view.m = header.m;
  view.ef_build = header.ef_build;
  view.seq = header.seq;
  view.nodes = header.nodes;
  view.vector_rows = header.vector_rows;
  view.null_rows = header.null_rows;
  view.invalid_rows = header.invalid_rows;
  view.graph.degree0 = header.degree0;
  view.graph.degree = header.degree;
  view.graph.entry = header.entry;
  view.graph.max_level = header.max_level;
  view.codes.quantization = static_cast<Quantization>(header.quantization);
  view.codes.stride = header.code_stride;
  view.codes.rotation_seed = header.rotation_seed;
  view.codes.scale = header.code_scale;
  view.codes.error = header.code_error;
  view.longest = header.longest;
  return view;
}

}  // namespace

struct SegmentFile::Impl {
  explicit Impl(MappedFile mapped) : file(std::move(mapped)) {}

  absl::Status ReadHeader();
  absl::Status ReadTable();
  absl::Status Bind();
  void AdviseReads() const;
  absl::Status CheckSmallSections() const;
  absl::Status CheckSection(const SectionEntry& entry) const;
  absl::Status CheckPadding() const;
  uint64_t ContentChecksum() const;
  absl::Status AsDamage(const absl::Status& status) const {
    return status.ok() ? status : Damaged(file.path(), status.message());
  }

  // Constant once Open has returned.
  MappedFile file;
  Header header;
  std::vector<SectionEntry> entries;
  SegmentView view;
  uint64_t checksum = 0;

  // Synchronised by themselves.
  CheckedBlocks vectors;
  CheckedBlocks codes;
};

absl::Status SegmentFile::Impl::ReadHeader() {
  const uint64_t known = std::min<uint64_t>(file.size(), sizeof(Header));
  RETURN_IF_ERROR(file.Populate(0, known));
  if (known < sizeof(kMagic) + sizeof(uint32_t)) {
    return Damaged(file.path(), "it has only ", file.size(), " bytes");
  }
  std::memset(&header, 0, sizeof(header));
  std::memcpy(&header, file.data(), known);
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return Damaged(file.path(), "it does not start with ORDVDATA");
  }
  if (header.version != kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("segment file '", file.path(), "' has format version ", header.version,
                     "; this server reads version ", kVersion, ": rebuild the index with it"));
  }
  if (known < sizeof(Header) || file.size() != header.file_bytes) {
    return Damaged(file.path(), "it has ", file.size(), " bytes; its header says ",
                   header.file_bytes);
  }
  if (header.checksum != Checksum64(&header, offsetof(Header, checksum))) {
    return Damaged(file.path(), "wrong checksum of the header");
  }
  if ((header.flags & ~kFlavourMask) != 0 ||
      std::ranges::any_of(header.reserved, [](uint8_t byte) { return byte != 0; })) {
    return Damaged(file.path(), "the header sets bits that version 2 does not know");
  }
  return absl::OkStatus();
}

absl::Status SegmentFile::Impl::ReadTable() {
  const uint64_t bytes = uint64_t{header.sections} * sizeof(SectionEntry);
  if (header.table_offset != kPageBytes || header.sections > kMaxSections ||
      bytes > file.size() - kPageBytes) {
    return Damaged(file.path(), "a section table of ", header.sections, " entries at ",
                   header.table_offset);
  }
  RETURN_IF_ERROR(file.Populate(kPageBytes, bytes));
  entries.resize(header.sections);
  if (bytes > 0) std::memcpy(entries.data(), file.data() + kPageBytes, bytes);
  if (header.table_checksum != Checksum64(entries.data(), bytes)) {
    return Damaged(file.path(), "wrong checksum of the section table");
  }
  for (const SectionEntry& entry : entries) {
    if (SectionName(IdOf(entry)).empty()) {
      return Damaged(file.path(), "section kind ", entry.kind, " is not known to version 2");
    }
  }
  return absl::OkStatus();
}

absl::Status SegmentFile::Impl::Bind() {
  view = ScalarsOf(header);
  for (const SectionEntry& entry : entries) {
    if (IdOf(entry).kind != SectionKind::kColumnPresent) continue;
    if (entry.type > static_cast<uint32_t>(DataType::kJson)) {
      return Damaged(file.path(), "column ", entry.column_id, " of data type ", entry.type);
    }
    view.columns.push_back(
        {.column_id = entry.column_id, .type = static_cast<DataType>(entry.type)});
  }
  if (view.columns.size() != header.columns) {
    return Damaged(file.path(), view.columns.size(), " captured columns; its header says ",
                   header.columns);
  }
  RETURN_IF_ERROR(AsDamage(CheckShape(view)));
  if (!HasGraph(view) && (header.degree0 | header.degree | header.entry | header.max_level) != 0) {
    return Damaged(file.path(), "its header describes a graph that it does not have");
  }
  SectionBinder binder(file, entries);
  BlockChecksums checksums;
  RETURN_IF_ERROR(VisitSections(view, checksums, binder));
  RETURN_IF_ERROR(binder.Finish());
  vectors.Set(file, "vectors", view.vectors.data(), view.vectors.size_bytes(), checksums.vectors);
  codes.Set(file, "codes", view.codes.codes.data(), view.codes.codes.size_bytes(), checksums.codes);
  return absl::OkStatus();
}

// What a graph search reads at every hop is wanted in memory, on huge pages. Of the vectors behind
// codes only the best candidates' are read.
void SegmentFile::Impl::AdviseReads() const {
  for (const SectionEntry& entry : entries) {
    const SectionKind kind = IdOf(entry).kind;
    const bool of_vectors = kind == SectionKind::kVectors;
    if (of_vectors && HasCodes(view)) {
      file.ExpectRandomReads(entry.offset, entry.bytes);
    } else if (of_vectors || kind == SectionKind::kCodes || kind == SectionKind::kLinks0) {
      file.PreferHugePages(entry.offset, entry.bytes);
    }
  }
}

absl::Status SegmentFile::Impl::CheckSection(const SectionEntry& entry) const {
  RETURN_IF_ERROR(file.Populate(entry.offset, entry.bytes));
  if (Checksum64(file.data() + entry.offset, entry.bytes) != entry.checksum) {
    return Damaged(file.path(), "wrong checksum of section ", SectionName(IdOf(entry)));
  }
  return absl::OkStatus();
}

absl::Status SegmentFile::Impl::CheckSmallSections() const {
  for (const SectionEntry& entry : entries) {
    if (!HasBlocks(IdOf(entry).kind)) file.ReadAhead(entry.offset, entry.bytes);
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!HasBlocks(IdOf(entries[i]).kind)) {
      RETURN_IF_ERROR(CheckSection(entries[i]));
    } else if (entries[i].checksum != entries[i + 1].checksum) {
      // Both are of the section of block checksums, which always follows.
      return Damaged(file.path(), "wrong checksum of the block checksums of section ",
                     SectionName(IdOf(entries[i])));
    }
  }
  RETURN_IF_ERROR(AsDamage(CheckRows(view)));
  RETURN_IF_ERROR(AsDamage(CheckGraph(view)));
  RETURN_IF_ERROR(AsDamage(CheckCentre(view)));
  return AsDamage(CheckColumns(view));
}

absl::Status SegmentFile::Impl::CheckPadding() const {
  uint64_t begin = kPageBytes + entries.size() * sizeof(SectionEntry);
  for (size_t i = 0; i <= entries.size(); ++i) {
    const uint64_t end = i < entries.size() ? entries[i].offset : file.size();
    RETURN_IF_ERROR(file.Populate(begin, end - begin));
    for (; begin < end; ++begin) {
      if (file.data()[begin] != 0) {
        return Damaged(file.path(), "byte ", begin, " of the padding is not zero");
      }
    }
    if (i < entries.size()) begin = entries[i].offset + entries[i].bytes;
  }
  return absl::OkStatus();
}

uint64_t SegmentFile::Impl::ContentChecksum() const {
  return Checksum64(file.data(), kPageBytes + entries.size() * sizeof(SectionEntry));
}

SegmentFile::SegmentFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SegmentFile::~SegmentFile() = default;

absl::StatusOr<std::unique_ptr<SegmentFile>> SegmentFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  auto impl = std::make_unique<Impl>(std::move(file));
  RETURN_IF_ERROR(impl->ReadHeader());
  RETURN_IF_ERROR(impl->ReadTable());
  RETURN_IF_ERROR(impl->Bind());
  impl->AdviseReads();
  RETURN_IF_ERROR(impl->CheckSmallSections());
  impl->view.norms_fit = NormsFit(impl->view.inverse_norms);
  impl->checksum = impl->ContentChecksum();
  std::unique_ptr<SegmentFile> opened(new SegmentFile(std::move(impl)));
  RETURN_IF_ERROR(opened->CheckReads());
  return opened;
}

const SegmentView& SegmentFile::view() const { return impl_->view; }
const std::string& SegmentFile::path() const { return impl_->file.path(); }
uint64_t SegmentFile::file_bytes() const { return impl_->file.size(); }
uint64_t SegmentFile::checksum() const { return impl_->checksum; }
uint32_t SegmentFile::format_version() const { return impl_->header.version; }

std::vector<SegmentSection> SegmentFile::Sections() const {
  std::vector<SegmentSection> sections;
  for (const SectionEntry& entry : impl_->entries) {
    const uint64_t blocks =
        entry.block_bytes == 0 ? 0 : RoundUp(entry.bytes, entry.block_bytes) / entry.block_bytes;
    sections.push_back(
        {SectionName(IdOf(entry)), entry.offset, entry.bytes, entry.checksum, blocks});
  }
  return sections;
}

namespace {

absl::Status CheckNodes(uint32_t first, uint32_t last, uint32_t nodes) {
  if (first <= last && last <= nodes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("nodes ", first, " to ", last, " of ", nodes));
}

}  // namespace

bool NormsFit(std::span<const float> inverse_norms) {
  constexpr float kLeastInverseNorm = 0x1p-120f;
  return std::ranges::all_of(inverse_norms, [](float inverse) {
    return inverse == 0 || (inverse >= kLeastInverseNorm && inverse <= kMostInverseNorm);
  });
}

bool SegmentFile::VectorsChecked() const { return impl_->vectors.AllChecked(); }
bool SegmentFile::CodesChecked() const { return impl_->codes.AllChecked(); }

absl::Status SegmentFile::EnsureVectors(uint32_t first, uint32_t last) const {
  if (impl_->vectors.AllChecked()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckNodes(first, last, impl_->view.nodes));
  const uint64_t node_bytes = uint64_t{impl_->view.stride} * sizeof(float);
  return impl_->vectors.Ensure(first * node_bytes, last * node_bytes);
}

absl::Status SegmentFile::EnsureCodes(uint32_t first, uint32_t last) const {
  if (impl_->codes.AllChecked()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckNodes(first, last, impl_->view.nodes));
  const uint64_t node_bytes = impl_->view.codes.stride;
  return impl_->codes.Ensure(first * node_bytes, last * node_bytes);
}

absl::Status SegmentFile::CheckReads() const {
  if (!impl_->file.lost()) return absl::OkStatus();
  return Damaged(path(), "a page could not be read: I/O error or truncated file");
}

bool SegmentFile::FoundDamaged() const {
  return impl_->file.lost() || impl_->vectors.found_damaged() || impl_->codes.found_damaged();
}

absl::Status SegmentFile::Verify() const {
  const Impl& impl = *impl_;
  RETURN_IF_ERROR(impl.file.Populate(0, kPageBytes + impl.entries.size() * sizeof(SectionEntry)));
  if (impl.ContentChecksum() != impl.checksum) {
    return Damaged(path(), "header or section table have changed since it was opened");
  }
  RETURN_IF_ERROR(impl.CheckSmallSections());
  RETURN_IF_ERROR(impl.vectors.CheckAll());
  RETURN_IF_ERROR(impl.codes.CheckAll());
  RETURN_IF_ERROR(impl.AsDamage(CheckVectors(impl.view)));
  RETURN_IF_ERROR(impl.AsDamage(CheckCodes(impl.view)));
  RETURN_IF_ERROR(impl.CheckPadding());
  return CheckReads();
}

}  // namespace ordinate
