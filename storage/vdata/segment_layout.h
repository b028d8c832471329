#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "storage/base/status_macros.h"
#include "storage/vdata/segment_file.h"
#include "storage/vdata/segment_format.h"

namespace ordinate::vdata {

/// Whether a segment has graph sections.
inline bool HasGraph(const SegmentView& view) {
  return view.engine == Engine::kHnsw && view.nodes > 0;
}

inline bool HasCodes(const SegmentView& view) {
  return view.codes.quantization == Quantization::kSq8;
}

inline uint64_t BlocksOf(uint64_t bytes) {
  return bytes / kBlockBytes + (bytes % kBlockBytes != 0);
}

/// The checksums of the blocks of vectors and codes.
struct BlockChecksums {
  std::span<const uint64_t> vectors, codes;
};

template <typename Column, typename Visitor>
absl::Status VisitColumn(Column& column, uint64_t rows, Visitor& visit) {
  using K = SectionKind;
  const auto id = [&column](K kind) {
    return SectionId{kind, column.column_id, static_cast<uint32_t>(column.type)};
  };
  RETURN_IF_ERROR(visit(id(K::kColumnPresent), column.present, rows / 64 + (rows % 64 != 0)));
  if (column.type != DataType::kString) return visit(id(K::kColumnWords), column.words, rows);
  RETURN_IF_ERROR(visit(id(K::kColumnOffsets), column.offsets, rows + 1));
  return visit(id(K::kColumnBytes), column.bytes, std::nullopt);
}

/// The order of a file's sections, for writer and reader alike: calls
/// visit(SectionId, span, count) for each, `count` being the elements the scalars of `view` imply,
/// or nullopt when only the content tells. Stops at the first error.
/// REQUIRES: CheckShape(view) is OK.
template <typename View, typename Checksums, typename Visitor>
absl::Status VisitSections(View& view, Checksums& checksums, Visitor& visit) {
  using K = SectionKind;
  const uint64_t nodes = view.nodes;
  const uint64_t rows = view.rows();
  const uint64_t floats = nodes * view.stride;
  RETURN_IF_ERROR(visit(SectionId{K::kVectors}, view.vectors, floats));
  RETURN_IF_ERROR(visit(SectionId{K::kVectorChecksums}, checksums.vectors,
                        BlocksOf(SaturatingProduct(floats, sizeof(float)))));
  if (HasCodes(view)) {
    auto& codes = view.codes;
    const uint64_t bytes = nodes * codes.stride;
    RETURN_IF_ERROR(visit(SectionId{K::kCodes}, codes.codes, bytes));
    RETURN_IF_ERROR(visit(SectionId{K::kCodeChecksums}, checksums.codes, BlocksOf(bytes)));
    RETURN_IF_ERROR(visit(SectionId{K::kCodeCentre}, codes.centre, uint64_t{view.dim}));
  }
  if (view.metric == Metric::kCosine) {
    RETURN_IF_ERROR(visit(SectionId{K::kInverseNorms}, view.inverse_norms, nodes));
  }
  RETURN_IF_ERROR(visit(SectionId{K::kNodeRows}, view.node_rows, nodes + 1));
  RETURN_IF_ERROR(visit(SectionId{K::kRowIds}, view.row_ids, rows));
  RETURN_IF_ERROR(visit(SectionId{K::kVersions}, view.versions, rows));
  RETURN_IF_ERROR(visit(SectionId{K::kByRowId}, view.by_row_id, rows));
  if (HasGraph(view)) {
    auto& graph = view.graph;
    RETURN_IF_ERROR(
        visit(SectionId{K::kLinks0}, graph.links0, SaturatingProduct(nodes, graph.degree0)));
    RETURN_IF_ERROR(visit(SectionId{K::kLevels}, graph.levels, nodes));
    RETURN_IF_ERROR(visit(SectionId{K::kUpperOffsets}, graph.upper_offsets, nodes + 1));
    RETURN_IF_ERROR(visit(SectionId{K::kUpperLinks}, graph.upper_links, std::nullopt));
  }
  for (auto& column : view.columns) RETURN_IF_ERROR(VisitColumn(column, rows, visit));
  return absl::OkStatus();
}

}  // namespace ordinate::vdata
