#include "engine/segment/sealed_segment.h"

#include <algorithm>

#include "storage/base/text.h"

namespace ordinate {

absl::StatusOr<std::shared_ptr<const SealedSegment>> SealedSegment::Create(
    std::unique_ptr<SegmentFile> file, const TableDef& table, const IndexDef& index) {
  const SegmentView& v = file->view();
  const auto refuse = [&](std::string_view what, std::string_view found,
                          std::string_view expected) {
    return absl::FailedPreconditionError(Concat("segment file ", file->path(), " has ", what, " ",
                                                found, "; the index '", index.name, "' expects ",
                                                expected));
  };
  if (v.flavour != table.flavour()) {
    return refuse("row id flavour", RowIdFlavourName(v.flavour), RowIdFlavourName(table.flavour()));
  }
  if (v.metric != index.metric) {
    return refuse("metric", MetricName(v.metric), MetricName(index.metric));
  }
  if (v.engine != index.engine) {
    return refuse("engine", EngineName(v.engine), EngineName(index.engine));
  }
  if (v.dim != index.dim) return refuse("dim", Concat(v.dim), Concat(index.dim));

  auto segment = std::shared_ptr<SealedSegment>(new SealedSegment(std::move(file)));
  segment->columns_.resize(table.columns.size());
  for (const CapturedColumn& column : segment->view().columns) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].id != column.column_id) continue;
      if (table.columns[i].type != column.type) {
        return absl::FailedPreconditionError(
            Concat("segment file ", segment->file().path(), " captured column '",
                   table.columns[i].name, "' as ", DataTypeName(column.type), "; the table has ",
                   DataTypeName(table.columns[i].type)));
      }
      segment->columns_[i] = &column;
    }
  }
  return segment;
}

bool SealedSegment::IsBuiltAs(const IndexDef& index) const {
  const SegmentView& v = view();
  return v.engine != Engine::kHnsw || (v.m == index.m && v.ef_build == index.ef_build &&
                                       v.codes.quantization == index.quantization);
}

uint32_t SealedSegment::NodeOf(uint32_t row) const {
  const std::span<const uint32_t> starts = view().node_rows;
  const auto after = std::upper_bound(starts.begin(), starts.end(), row);
  // Of a lost file all starts are zero.
  return std::min(static_cast<uint32_t>(after - starts.begin()), view().nodes) - 1;
}

}  // namespace ordinate
