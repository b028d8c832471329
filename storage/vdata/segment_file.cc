#include "storage/vdata/segment_file.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/files/checksum.h"
#include "storage/files/mapped_file.h"
#include "storage/vdata/segment_check.h"
#include "storage/vdata/segment_format.h"
#include "storage/vdata/segment_layout.h"

namespace ordinate {

using namespace vdata;

namespace {

template <typename... Parts>
absl::Status Damaged(const std::string& path, const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("segment file '", path, "' is damaged: ", parts...));
}

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
    if (entry.block_bytes != (id.kind == SectionKind::kVectors ? kVectorBlockBytes : 0)) {
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
  return view;
}

}  // namespace

struct SegmentFile::Impl {
  explicit Impl(MappedFile mapped) : file(std::move(mapped)) {}

  absl::Status ReadHeader();
  absl::Status ReadTable();
  absl::Status Bind();
  absl::Status CheckSmallSections() const;
  absl::Status CheckSection(const SectionEntry& entry) const;
  absl::Status CheckBlock(uint64_t block) const;
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
  std::span<const uint64_t> block_checksums;
  std::vector<uint64_t> block_checksums_copy;
  uint64_t checksum = 0;

  // Synchronised: 1 once a block's checksum was found right, and how many are not yet. The bytes
  // they speak of never change, so relaxed order does.
  std::unique_ptr<std::atomic<uint8_t>[]> block_checked;
  std::atomic<uint64_t> blocks_left{0};
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
  RETURN_IF_ERROR(VisitSections(view, block_checksums, binder));
  return binder.Finish();
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
    if (IdOf(entry).kind != SectionKind::kVectors) file.ReadAhead(entry.offset, entry.bytes);
  }
  for (const SectionEntry& entry : entries) {
    if (IdOf(entry).kind != SectionKind::kVectors) {
      RETURN_IF_ERROR(CheckSection(entry));
    } else if (entry.checksum != entries[1].checksum) {
      // Both are of the section of block checksums, which is always the second.
      return Damaged(file.path(), "wrong checksum of the vectors' block checksums");
    }
  }
  RETURN_IF_ERROR(AsDamage(CheckRows(view)));
  RETURN_IF_ERROR(AsDamage(CheckGraph(view)));
  return AsDamage(CheckColumns(view));
}

absl::Status SegmentFile::Impl::CheckBlock(uint64_t block) const {
  const uint64_t begin = block * kVectorBlockBytes;
  const uint64_t bytes = std::min(kVectorBlockBytes, view.vectors.size_bytes() - begin);
  const char* vectors = reinterpret_cast<const char*>(view.vectors.data());
  RETURN_IF_ERROR(file.Populate(vectors + begin - file.data(), bytes));
  if (Checksum64(vectors + begin, bytes) != block_checksums[block]) {
    return Damaged(file.path(), "wrong checksum of section vectors, block ", block);
  }
  return absl::OkStatus();
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
  RETURN_IF_ERROR(impl->CheckSmallSections());
  impl->checksum = impl->ContentChecksum();
  // A copy, so that checking a block touches no page but the block's.
  impl->block_checksums_copy.assign(impl->block_checksums.begin(), impl->block_checksums.end());
  impl->block_checksums = impl->block_checksums_copy;
  const uint64_t blocks = impl->block_checksums.size();
  impl->block_checked = std::make_unique<std::atomic<uint8_t>[]>(blocks);
  impl->blocks_left.store(blocks, std::memory_order_relaxed);
  return std::unique_ptr<SegmentFile>(new SegmentFile(std::move(impl)));
}

const SegmentView& SegmentFile::view() const { return impl_->view; }
const std::string& SegmentFile::path() const { return impl_->file.path(); }
uint64_t SegmentFile::file_bytes() const { return impl_->file.size(); }
uint64_t SegmentFile::checksum() const { return impl_->checksum; }

absl::Status SegmentFile::EnsureVectors(uint32_t first, uint32_t last) const {
  Impl& impl = *impl_;
  if (impl.blocks_left.load(std::memory_order_relaxed) == 0) return absl::OkStatus();
  if (first > last || last > impl.view.nodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("nodes ", first, " to ", last, " of ", impl.view.nodes));
  }
  if (first == last) return absl::OkStatus();
  const uint64_t node_bytes = uint64_t{impl.view.stride} * sizeof(float);
  const uint64_t end = RoundUp(last * node_bytes, kVectorBlockBytes) / kVectorBlockBytes;
  for (uint64_t block = first * node_bytes / kVectorBlockBytes; block < end; ++block) {
    if (impl.block_checked[block].load(std::memory_order_relaxed) != 0) continue;
    RETURN_IF_ERROR(impl.CheckBlock(block));
    if (impl.block_checked[block].exchange(1, std::memory_order_relaxed) == 0) {
      impl.blocks_left.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  return absl::OkStatus();
}

absl::Status SegmentFile::Verify() const {
  const Impl& impl = *impl_;
  RETURN_IF_ERROR(impl.file.Populate(0, kPageBytes + impl.entries.size() * sizeof(SectionEntry)));
  if (impl.ContentChecksum() != impl.checksum) {
    return Damaged(path(), "header or section table have changed since it was opened");
  }
  RETURN_IF_ERROR(impl.CheckSmallSections());
  for (uint64_t block = 0; block < impl.block_checksums.size(); ++block) {
    RETURN_IF_ERROR(impl.CheckBlock(block));
  }
  RETURN_IF_ERROR(impl.AsDamage(CheckVectors(impl.view)));
  return impl.CheckPadding();
}

}  // namespace ordinate
