#include "engine/verify/index_check.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/segment/row_class.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::string Text(const absl::Status& status) { return std::string(status.message()); }

/// Doubles by their bits, so that NaN equals itself.
bool SameCell(const ValueView& a, const ValueView& b) {
  if (IsNull(a) || IsNull(b)) return IsNull(a) && IsNull(b);
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  if (x != nullptr && y != nullptr) {
    return std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(*y);
  }
  return a.index() == b.index() && Own(a) == Own(b);
}

RowClass ClassOfEntry(const SegmentView& view, uint32_t row) {
  if (row < view.vector_rows) return RowClass::kVector;
  return row < view.vector_rows + view.null_rows ? RowClass::kNull : RowClass::kInvalid;
}

const char* ClassName(RowClass row_class) {
  switch (row_class) {
    case RowClass::kVector:
      return "with a vector";
    case RowClass::kNull:
      return "without a vector";
    case RowClass::kInvalid:
      return "of another dim";
  }
  return "unknown";
}

/// The node whose vector row `row` has. REQUIRES: row < view.vector_rows.
std::span<const float> VectorOfEntry(const SegmentView& view, uint32_t row) {
  const auto after = std::ranges::upper_bound(view.node_rows, row);
  // Of a lost file all are zero.
  const auto node = std::min<size_t>(after - view.node_rows.begin(), view.nodes) - 1;
  return view.vectors.subspan(node * view.stride, view.dim);
}

std::string Difference(const IndexDef& stored, const IndexDef& defined) {
  if (stored.id != defined.id || stored.table_id != defined.table_id ||
      stored.column_id != defined.column_id) {
    return "is of another index, table or column";
  }
  if (stored.engine != defined.engine || stored.metric != defined.metric ||
      stored.dim != defined.dim) {
    return "has another engine, metric or dim";
  }
  return "";
}

}  // namespace

IndexCheck::IndexCheck(const TableDef& table, const IndexDef& index, std::string manifest_path,
                       VerifyReport* report)
    : table_(table), index_(index), manifest_path_(std::move(manifest_path)), report_(report) {
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].id == index.column_id) column_ = i;
  }
}

std::unique_ptr<IndexCheck> IndexCheck::Open(const std::string& directory, const TableDef& table,
                                             const IndexDef& index, VerifyReport* report) {
  std::unique_ptr<IndexCheck> check(
      new IndexCheck(table, index, directory + "/index.vindex", report));
  absl::StatusOr<IndexManifest> manifest = ReadIndexManifest(check->manifest_path_);
  if (absl::IsNotFound(manifest.status())) {
    report->notes.push_back(Concat("index '", index.name, "' has no ", check->manifest_path_,
                                   ": its first build has not ended; a server starts it again"));
    return nullptr;
  }
  if (!manifest.ok()) {
    check->Problem(check->manifest_path_, Text(manifest.status()));
    return nullptr;
  }
  check->manifest_ = *std::move(manifest);
  const std::string difference = Difference(check->manifest_.definition, index);
  if (!difference.empty()) {
    check->Problem(check->manifest_path_,
                   Concat("it ", difference, " than the catalog's index '", index.name, "'"));
    return nullptr;
  }
  if (!check->OpenSegments(directory).ok()) return nullptr;
  return check;
}

absl::Status IndexCheck::OpenSegments(const std::string& directory) {
  bool all = true;
  for (const IndexManifest::Segment& listed : manifest_.segments) {
    std::unique_ptr<SegmentFile> file = OpenListed(directory, listed);
    if (file == nullptr) {
      all = false;
      continue;
    }
    ++report_->segments;
    const uint32_t rows = file->view().rows();
    if (!listed.gone.empty() && listed.gone.back() >= rows) {
      Problem(manifest_path_, Concat("it masks row ", listed.gone.back(), " of ", file->path(),
                                     ", which has ", rows, " rows"));
      continue;
    }
    segments_.push_back(
        {std::move(file), std::vector<bool>(rows, false), std::vector<bool>(rows, false)});
    Segment& segment = segments_.back();
    for (const uint32_t row : listed.gone) segment.gone[row] = true;
  }
  if (manifest_.revisions.has_value()) {
    revisions_ = OpenListed(directory, *manifest_.revisions);
    all &= revisions_ != nullptr;
  }
  return all ? absl::OkStatus() : absl::DataLossError("files cannot be read");
}

std::unique_ptr<SegmentFile> IndexCheck::OpenListed(const std::string& directory,
                                                    const IndexManifest::Segment& listed) {
  const std::string path = Concat(directory, "/", listed.file);
  auto file = SegmentFile::Open(path);
  absl::Status status = file.ok() ? (*file)->Verify() : file.status();
  if (status.ok() &&
      ((*file)->checksum() != listed.checksum || (*file)->file_bytes() != listed.bytes)) {
    status = absl::DataLossError(
        Concat("its checksum or size is not the one that ", manifest_path_, " lists"));
  }
  if (!status.ok()) {
    Problem(path, Text(status));
    return nullptr;
  }
  report_->bytes += (*file)->file_bytes();
  return *std::move(file);
}

IndexCheck::Cells IndexCheck::CellsOf(const Entry& entry) const {
  const SegmentView& view = entry.segment->file->view();
  const Cells sealed{entry.segment->file.get(), entry.row};
  if (revisions_ == nullptr) return sealed;
  const int64_t found = revisions_->view().FindRow(view.row_ids[entry.row]);
  if (found < 0) return sealed;
  const Cells revised{revisions_.get(), static_cast<uint32_t>(found)};
  return revisions_->view().versions[revised.row] > view.versions[entry.row] ? revised : sealed;
}

std::vector<const SegmentFile*> IndexCheck::Files() const {
  std::vector<const SegmentFile*> files;
  for (const Segment& segment : segments_) files.push_back(segment.file.get());
  if (revisions_ != nullptr) files.push_back(revisions_.get());
  return files;
}

void IndexCheck::CheckSeq(uint64_t newest_seq) {
  if (seq() <= newest_seq) return;
  Problem(manifest_path_,
          Concat("it is of sequence ", seq(), ", newer than the rows, which end at ", newest_seq));
}

void IndexCheck::Problem(const std::string& file, std::string what) {
  for (const SegmentFile* one : Files()) {
    if (!one->CheckReads().ok()) return;  // compared with zeros; Finish says it
  }
  if (++problems_ <= kNamedProblems) report_->problems.push_back({file, std::move(what)});
}

void IndexCheck::AddRow(const Row& row) {
  std::vector<Entry> entries;
  for (Segment& segment : segments_) {
    const int64_t at = segment.file->view().FindRow(row.id);
    if (at < 0 || segment.gone[static_cast<size_t>(at)]) continue;
    entries.push_back({&segment, static_cast<uint32_t>(at)});
    segment.explained[static_cast<size_t>(at)] = true;
  }
  if (row.version > seq()) {
    // An older version may be there; the change is what a server masks it by.
    if (!changed_.contains(row.id)) {
      Problem(manifest_path_,
              Concat("row ", row.id, " has version ", row.version, ", after the index's sequence ",
                     seq(), ", and is not in the list of changes"));
    }
    return;
  }
  if (entries.size() != 1) {
    Problem(manifest_path_, Concat("row ", row.id, " is in its segments ", entries.size(),
                                   " times, expected once"));
    return;
  }
  CheckEntry(row, entries[0]);
}

void IndexCheck::CheckEntry(const Row& row, const Entry& entry) {
  const Cells cells = CellsOf(entry);
  const uint64_t version = cells.file->view().versions[cells.row];
  if (version != row.version) {
    Problem(cells.file->path(),
            Concat("row ", row.id, " has version ", version, ", expected ", row.version));
    return;
  }
  CheckVector(row, entry);
  CheckColumns(row, cells);
}

void IndexCheck::CheckVector(const Row& row, const Entry& entry) {
  const SegmentFile& file = *entry.segment->file;
  const SegmentView& view = file.view();
  const ValueView cell = column_ < row.cells.size() ? View(row.cells[column_]) : ValueView();
  const RowClass expected = ClassifyCell(cell, view.metric, view.dim);
  const RowClass found = ClassOfEntry(view, entry.row);
  if (found != expected) {
    Problem(file.path(), Concat("row ", row.id, " is among the rows ", ClassName(found),
                                ", expected ", ClassName(expected)));
    return;
  }
  if (found != RowClass::kVector) return;
  const std::span<const float> stored = VectorOfEntry(view, entry.row);
  const std::span<const float> vector = std::get<std::span<const float>>(cell);
  if (std::memcmp(stored.data(), vector.data(), stored.size_bytes()) != 0) {
    Problem(file.path(), Concat("row ", row.id, " has another vector than the row"));
  }
}

void IndexCheck::CheckColumns(const Row& row, const Cells& cells) {
  const SegmentFile& file = *cells.file;
  for (const CapturedColumn& captured : file.view().columns) {
    const auto column = std::ranges::find(table_.columns, captured.column_id, &ColumnDef::id);
    if (column == table_.columns.end()) continue;
    const auto position = static_cast<size_t>(column - table_.columns.begin());
    const ValueView cell = position < row.cells.size() ? View(row.cells[position]) : ValueView();
    if (!SameCell(captured.Get(cells.row), cell)) {
      Problem(file.path(),
              Concat("row ", row.id, ", column '", column->name, "' is ",
                     ToString(captured.Get(cells.row)), ", expected ", ToString(cell)));
    }
  }
}

void IndexCheck::Finish() {
  for (const Segment& segment : segments_) {
    const SegmentView& view = segment.file->view();
    for (uint32_t i = 0; i < view.rows(); ++i) {
      if (segment.explained[i] || segment.gone[i] || changed_.contains(view.row_ids[i])) continue;
      Problem(segment.file->path(),
              Concat("row ", view.row_ids[i], " is not in the table, and was not deleted since"));
    }
  }
  for (const SegmentFile* one : Files()) {
    const absl::Status read = one->CheckReads();
    if (!read.ok()) report_->problems.push_back({one->path(), Text(read)});
  }
  if (problems_ > kNamedProblems) {
    report_->problems.push_back(
        {manifest_path_, Concat("and ", problems_ - kNamedProblems, " more problems")});
  }
}

}  // namespace ordinate
