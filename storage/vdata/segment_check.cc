#include "storage/vdata/segment_check.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/vdata/segment_format.h"
#include "storage/vdata/segment_layout.h"

namespace ordinate::vdata {
namespace {

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

template <typename Enum>
bool IsBetween(Enum value, Enum first, Enum last) {
  return value >= first && value <= last;
}

absl::Status CheckEnums(const SegmentView& view) {
  if (!IsBetween(view.flavour, RowIdFlavour::kPkU64, RowIdFlavour::kOrdinal)) {
    return Refuse("row id flavour ", static_cast<int>(view.flavour), "; expected 1 to 3");
  }
  if (!IsBetween(view.engine, Engine::kHnsw, Engine::kFlat)) {
    return Refuse("engine ", static_cast<int>(view.engine), "; expected 1 (HNSW) or 2 (FLAT)");
  }
  if (!IsBetween(view.metric, Metric::kL2, Metric::kIp)) {
    return Refuse("metric ", static_cast<int>(view.metric), "; expected 1 to 3");
  }
  return absl::OkStatus();
}

absl::Status CheckGraphShape(const SegmentView& view) {
  const GraphView& graph = view.graph;
  if (!HasGraph(view)) {
    if (view.engine == Engine::kFlat &&
        (graph.degree0 | graph.degree | graph.entry | graph.max_level) != 0) {
      return Refuse("a FLAT segment with a graph (degree0 ", graph.degree0, ", degree ",
                    graph.degree, ", entry ", graph.entry, ", max_level ", graph.max_level, ")");
    }
    return absl::OkStatus();
  }
  if (graph.degree0 == 0 || graph.degree0 % 16 != 0 || graph.degree0 > kMaxDegree) {
    return Refuse("degree0 ", graph.degree0, "; expected a multiple of 16 up to ", kMaxDegree);
  }
  if (graph.degree == 0 || graph.degree > kMaxDegree) {
    return Refuse("degree ", graph.degree, "; expected 1 to ", kMaxDegree);
  }
  if (graph.entry >= view.nodes) {
    return Refuse("entry ", graph.entry, " of a graph of ", view.nodes, " nodes");
  }
  if (graph.max_level > UINT8_MAX) return Refuse("max_level ", graph.max_level, "; at most 255");
  return absl::OkStatus();
}

absl::Status CheckCodesShape(const SegmentView& view) {
  const CodesView& codes = view.codes;
  if (codes.quantization == Quantization::kNone) {
    if (codes.stride == 0 && codes.rotation_seed == 0 && codes.scale == 0 && codes.error == 0) {
      return absl::OkStatus();
    }
    return Refuse("code_stride ", codes.stride, ", rotation_seed ", codes.rotation_seed,
                  ", code_scale ", codes.scale, " and code_error ", codes.error,
                  " without codes; expected zeros");
  }
  if (codes.quantization != Quantization::kSq8) {
    return Refuse("quantization ", static_cast<int>(codes.quantization), "; expected 1 or 2");
  }
  if (view.engine != Engine::kHnsw) return Refuse("a FLAT segment with codes");
  if (codes.stride != RoundUp(view.dim, kStrideCodes)) {
    return Refuse("code_stride ", codes.stride, " for dim ", view.dim, "; expected ",
                  RoundUp(view.dim, kStrideCodes));
  }
  if (!std::isfinite(codes.scale) || codes.scale <= 0) {
    return Refuse("code_scale ", codes.scale, "; expected a finite number above 0");
  }
  if (!(codes.error > 0)) {
    return Refuse("code_error ", codes.error, "; expected a number above 0");
  }
  return absl::OkStatus();
}

absl::Status CheckColumnList(const SegmentView& view) {
  if (view.columns.size() > kMaxColumns) {
    return Refuse(view.columns.size(), " captured columns; at most ", kMaxColumns);
  }
  for (size_t i = 0; i < view.columns.size(); ++i) {
    const CapturedColumn& column = view.columns[i];
    if (!IsBetween(column.type, DataType::kBool, DataType::kTimestamp)) {
      return Refuse("column ", column.column_id, " of data type ", static_cast<int>(column.type),
                    "; only scalars are captured");
    }
    if (column.column_id == 0) return Refuse("a captured column without an id");
    for (size_t j = 0; j < i; ++j) {
      if (view.columns[j].column_id == column.column_id) {
        return Refuse("column ", column.column_id, " is captured twice");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLevels(const SegmentView& view) {
  const GraphView& graph = view.graph;
  uint64_t blocks = 0;
  if (graph.upper_offsets[0] != 0) {
    return Refuse("upper_offsets starts at ", graph.upper_offsets[0], "; expected 0");
  }
  for (uint32_t node = 0; node < view.nodes; ++node) {
    const uint8_t level = graph.levels[node];
    if (level > graph.max_level) {
      return Refuse("levels: node ", node, " is on level ", static_cast<int>(level),
                    "; max_level is ", graph.max_level);
    }
    blocks += level;
    if (graph.upper_offsets[node + 1] != blocks) {
      return Refuse("upper_offsets: ", graph.upper_offsets[node + 1], " after node ", node,
                    "; its levels end at ", blocks);
    }
  }
  if (graph.levels[graph.entry] != graph.max_level) {
    return Refuse("entry ", graph.entry, " is on level ",
                  static_cast<int>(graph.levels[graph.entry]), "; max_level is ", graph.max_level);
  }
  if (graph.upper_links.size() != SaturatingProduct(blocks, graph.degree)) {
    return Refuse("upper_links: ", graph.upper_links.size(), " links; ", blocks, " blocks of ",
                  graph.degree, " expected");
  }
  return absl::OkStatus();
}

/// A link on level l must lead to a node that has level l, or the search would read another node's
/// block there.
absl::Status CheckUpperLinks(const SegmentView& view) {
  const GraphView& graph = view.graph;
  for (uint32_t node = 0; node < view.nodes; ++node) {
    const uint32_t* links =
        graph.upper_links.data() + uint64_t{graph.upper_offsets[node]} * graph.degree;
    for (int level = 1; level <= graph.levels[node]; ++level) {
      for (uint32_t i = 0; i < graph.degree; ++i, ++links) {
        if (*links >= view.nodes || graph.levels[*links] < level) {
          return Refuse("upper_links: node ", node, " links to ", *links, " on level ", level,
                        ", which is no node of that level (", view.nodes, " nodes)");
        }
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckStrings(const CapturedColumn& column) {
  uint64_t last = 0;
  if (column.offsets[0] != 0) {
    return Refuse("column ", column.column_id, ": offsets start at ", column.offsets[0],
                  "; expected 0");
  }
  for (size_t i = 1; i < column.offsets.size(); ++i) {
    if (column.offsets[i] < last) {
      return Refuse("column ", column.column_id, ": offset ", column.offsets[i], " of row ", i,
                    " is below its predecessor ", last);
    }
    last = column.offsets[i];
  }
  if (last != column.bytes.size()) {
    return Refuse("column ", column.column_id, ": offsets end at ", last, "; it has ",
                  column.bytes.size(), " bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckColumn(const CapturedColumn& column, uint32_t rows) {
  if (rows % 64 != 0 && column.present.back() >> (rows % 64) != 0) {
    return Refuse("column ", column.column_id, ": present bits beyond the last row ", rows);
  }
  if (column.type == DataType::kString) return CheckStrings(column);
  if (column.type == DataType::kBool) {
    for (size_t row = 0; row < column.words.size(); ++row) {
      if (column.words[row] > 1) {
        return Refuse("column ", column.column_id, ": BOOL ", column.words[row], " in row ", row);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckShape(const SegmentView& view) {
  RETURN_IF_ERROR(CheckEnums(view));
  if (view.dim == 0 || view.dim > kMaxDim) {
    return Refuse("dim ", view.dim, "; expected 1 to ", kMaxDim);
  }
  if (view.stride != RoundUp(view.dim, kStrideFloats)) {
    return Refuse("stride ", view.stride, " for dim ", view.dim, "; expected ",
                  RoundUp(view.dim, kStrideFloats));
  }
  if (!std::isfinite(view.longest) || view.longest < 0) {
    return Refuse("longest ", view.longest, "; expected a finite length");
  }
  const uint64_t rows =
      uint64_t{view.vector_rows} + uint64_t{view.null_rows} + uint64_t{view.invalid_rows};
  if (rows > UINT32_MAX) return Refuse(rows, " rows; at most ", UINT32_MAX);
  RETURN_IF_ERROR(CheckGraphShape(view));
  RETURN_IF_ERROR(CheckCodesShape(view));
  return CheckColumnList(view);
}

absl::Status CheckRows(const SegmentView& view) {
  uint32_t row = 0;
  for (size_t i = 0; i < view.node_rows.size(); ++i) {
    if (view.node_rows[i] < row || (i == 0 && view.node_rows[i] != 0)) {
      return Refuse("node_rows: ", view.node_rows[i], " at node ", i, " after ", row);
    }
    row = view.node_rows[i];
  }
  if (row != view.vector_rows) {
    return Refuse("node_rows ends at ", row, "; expected ", view.vector_rows,
                  " rows with a vector");
  }
  const uint32_t rows = view.rows();
  RowId last = 0;
  for (uint32_t i = 0; i < rows; ++i) {
    const uint32_t at = view.by_row_id[i];
    if (at >= rows) return Refuse("by_row_id: row ", at, " of ", rows);
    // Strictly ascending ids make every row appear exactly once.
    if (i > 0 && view.row_ids[at] <= last) {
      return Refuse("by_row_id: row id ", view.row_ids[at], " follows ", last);
    }
    last = view.row_ids[at];
  }
  for (size_t node = 0; node < view.inverse_norms.size(); ++node) {
    if (!(view.inverse_norms[node] >= 0)) {
      return Refuse("inverse_norms: ", view.inverse_norms[node], " of node ", node);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckGraph(const SegmentView& view) {
  if (!HasGraph(view)) return absl::OkStatus();
  uint32_t largest = 0;
  for (const uint32_t link : view.graph.links0) largest = std::max(largest, link);
  if (largest >= view.nodes) {
    const auto at = std::ranges::find(view.graph.links0, largest) - view.graph.links0.begin();
    return Refuse("links0: node ", at / view.graph.degree0, " links to ", largest, " of ",
                  view.nodes, " nodes");
  }
  RETURN_IF_ERROR(CheckLevels(view));
  return CheckUpperLinks(view);
}

absl::Status CheckColumns(const SegmentView& view) {
  for (const CapturedColumn& column : view.columns) {
    RETURN_IF_ERROR(CheckColumn(column, view.rows()));
  }
  return absl::OkStatus();
}

absl::Status CheckCentre(const SegmentView& view) {
  for (size_t i = 0; i < view.codes.centre.size(); ++i) {
    if (!std::isfinite(view.codes.centre[i])) {
      return Refuse("code_centre: ", view.codes.centre[i], " in dimension ", i);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCodes(const SegmentView& view) {
  const uint64_t stride = view.codes.stride;
  if (!HasCodes(view) || stride == view.dim) return absl::OkStatus();
  for (uint64_t node = 0; node < view.nodes; ++node) {
    const uint8_t* code = view.codes.codes.data() + node * stride;
    for (uint64_t i = view.dim; i < stride; ++i) {
      // The halves of the number of dimension i, in the two planes.
      const uint64_t at = i / 64 * 32 + i % 32;
      const int shift = i % 64 < 32 ? 0 : 4;
      const int halves = (code[at] >> shift & 15) << 4 | (code[stride / 2 + at] >> shift & 15);
      if (halves != 0) {
        return Refuse("codes: ", halves, " in dimension ", i, " of node ", node,
                      "; expected zero padding");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVectors(const SegmentView& view) {
  for (uint64_t node = 0; node < view.nodes; ++node) {
    const float* vector = view.vectors.data() + node * view.stride;
    for (uint32_t i = 0; i < view.stride; ++i) {
      // The padding's bits are compared, so that -0.0 is refused too.
      if (i < view.dim ? !std::isfinite(vector[i]) : std::bit_cast<uint32_t>(vector[i]) != 0) {
        return Refuse("vectors: ", vector[i], " in dimension ", i, " of node ", node,
                      i < view.dim ? "; expected a finite number" : "; expected zero padding");
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace ordinate::vdata
