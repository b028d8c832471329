#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "storage/vdata/segment_file.h"
#include "storage/vdata/segment_format.h"

namespace ordinate {

ValueView CapturedColumn::Get(uint32_t row) const {
  if ((present[row / 64] >> (row % 64) & 1) == 0) return std::monostate();
  switch (type) {
    case DataType::kBool:
      return words[row] != 0;
    case DataType::kInt64:
      return static_cast<int64_t>(words[row]);
    case DataType::kUint64:
      return words[row];
    case DataType::kDouble:
      return std::bit_cast<double>(words[row]);
    case DataType::kTimestamp:
      return Timestamp{static_cast<int64_t>(words[row])};
    case DataType::kString:
      return Text(row);
    default:
      return std::monostate();
  }
}

int64_t SegmentView::FindRow(RowId id) const {
  const auto at =
      std::ranges::lower_bound(by_row_id, id, {}, [this](uint32_t row) { return row_ids[row]; });
  return at != by_row_id.end() && row_ids[*at] == id ? int64_t{*at} : -1;
}

namespace vdata {
namespace {

std::string_view KindName(SectionKind kind) {
  switch (kind) {
    case SectionKind::kVectors:
      return "vectors";
    case SectionKind::kVectorChecksums:
      return "vector_checksums";
    case SectionKind::kInverseNorms:
      return "inverse_norms";
    case SectionKind::kNodeRows:
      return "node_rows";
    case SectionKind::kRowIds:
      return "row_ids";
    case SectionKind::kVersions:
      return "versions";
    case SectionKind::kByRowId:
      return "by_row_id";
    case SectionKind::kLinks0:
      return "links0";
    case SectionKind::kLevels:
      return "levels";
    case SectionKind::kUpperOffsets:
      return "upper_offsets";
    case SectionKind::kUpperLinks:
      return "upper_links";
    case SectionKind::kColumnPresent:
      return "present";
    case SectionKind::kColumnWords:
      return "words";
    case SectionKind::kColumnOffsets:
      return "offsets";
    case SectionKind::kColumnBytes:
      return "bytes";
    case SectionKind::kCodes:
      return "codes";
    case SectionKind::kCodeChecksums:
      return "code_checksums";
    case SectionKind::kCodeCentre:
      return "code_centre";
  }
  return "";
}

}  // namespace

std::string SectionName(const SectionId& id) {
  const std::string name(KindName(id.kind));
  return id.column_id == 0 || name.empty() ? name : absl::StrCat(name, " of column ", id.column_id);
}

}  // namespace vdata
}  // namespace ordinate
