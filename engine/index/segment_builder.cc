#include "engine/index/segment_builder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <new>
#include <numeric>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "engine/index/node_order.h"
#include "engine/search/kernels.h"
#include "engine/search/node_distance.h"
#include "engine/search/scalar_code.h"
#include "storage/base/status_macros.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {
namespace {

constexpr uint32_t kMaxRows = 1u << 30;
constexpr uint32_t kNodesBetweenChecks = 4096;

const Value& CellOf(const Row& row, uint32_t position) {
  static const Value null;
  return position < row.cells.size() ? row.cells[position] : null;
}

double LongestOf(const SegmentView& view) {
  double squared = 0;
  for (uint32_t node = 0; node < view.nodes; ++node) {
    const float* x = view.vectors.data() + size_t{node} * view.stride;
    squared = std::max(squared, BestKernels().exact_dot(x, x, view.dim));
  }
  return std::sqrt(squared);
}

float RoundedUp(double x) {
  return std::nextafter(static_cast<float>(x), std::numeric_limits<float>::infinity());
}

absl::Status OutOfMemory(const IndexDef& index, size_t rows) {
  return absl::ResourceExhaustedError(
      absl::StrCat("memory ran out while a segment of index '", index.name, "' with ", rows,
                   " rows was built: give the process more memory"));
}

}  // namespace

// The arrays of a segment, in the order of the file; SegmentView borrows them.
struct SegmentBuilder::Contents {
  AlignedFloats vectors;
  std::vector<float> inverse_norms;
  std::vector<uint32_t> node_rows;
  std::vector<RowId> row_ids;
  std::vector<uint64_t> versions;
  std::vector<uint32_t> by_row_id;
  Graph graph;
  ScalarCodeParams code_params;
  std::vector<uint8_t> codes;
  SegmentView view;
};

absl::StatusOr<std::unique_ptr<SegmentBuilder>> SegmentBuilder::Create(const TableDef& table,
                                                                       const IndexDef& index,
                                                                       uint64_t seq) {
  const auto column =
      std::find_if(table.columns.begin(), table.columns.end(),
                   [&](const ColumnDef& candidate) { return candidate.id == index.column_id; });
  if (column == table.columns.end() || column->type != DataType::kVector) {
    return absl::InvalidArgumentError(
        absl::StrCat("index '", index.name, "' is on column ", index.column_id, " of table '",
                     table.name, "', which is not a vector column of that table"));
  }
  if (index.dim == 0 || index.dim > kMaxDim) {
    return absl::InvalidArgumentError(
        absl::StrCat("index '", index.name, "' has dim ", index.dim, "; a dim is 1 to ", kMaxDim));
  }
  const auto position = static_cast<uint32_t>(column - table.columns.begin());
  return std::unique_ptr<SegmentBuilder>(new SegmentBuilder(table, index, position, seq));
}

SegmentBuilder::SegmentBuilder(const TableDef& table, const IndexDef& index, uint32_t vector_cell,
                               uint64_t seq)
    : table_(table), index_(index), vector_cell_(vector_cell), seq_(seq), pool_(index.dim) {
  for (uint32_t position = 0; position < table_.columns.size(); ++position) {
    if (!ColumnCapture::Captures(table_.columns[position])) continue;
    captured_cells_.push_back(position);
    captures_.emplace_back(table_.columns[position]);
  }
}

absl::Status SegmentBuilder::CheckRoom() const {
  if (rows_.size() < kMaxRows) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("a segment of index '", index_.name, "' takes at most ", kMaxRows, " rows"));
}

absl::Status SegmentBuilder::Add(const Row& row) {
  RETURN_IF_ERROR(CheckRoom());
  ASSIGN_OR_RETURN(const RowClass row_class, Classify(row));
  RETURN_IF_ERROR(CheckCells(row));
  try {
    Append(row, row_class);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(index_, rows_.size());
  }
  return absl::OkStatus();
}

absl::Status SegmentBuilder::AddKnown(const KnownRow& row,
                                      const std::function<Value(uint32_t)>& cell) {
  RETURN_IF_ERROR(CheckRoom());
  try {
    std::vector<Value> cells;
    cells.reserve(captures_.size());
    for (size_t i = 0; i < captures_.size(); ++i) {
      RETURN_IF_ERROR(CheckCell(row.id, i, cells.emplace_back(cell(captured_cells_[i]))));
    }
    const uint32_t node = row.row_class == RowClass::kVector ? pool_.Add(row.vector) : 0;
    for (size_t i = 0; i < captures_.size(); ++i) captures_[i].Append(cells[i]);
    rows_.push_back({row.id, row.version, node, row.row_class});
  } catch (const std::bad_alloc&) {
    return OutOfMemory(index_, rows_.size());
  }
  return absl::OkStatus();
}

absl::Status SegmentBuilder::Expect(size_t rows, size_t vectors) {
  try {
    pool_.Reserve(vectors);
    rows_.reserve(rows);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(index_, rows);
  }
  return absl::OkStatus();
}

void SegmentBuilder::GrowFrom(const GraphView& graph, std::vector<uint32_t> kept) {
  base_ = graph;
  kept_ = std::move(kept);
}

absl::StatusOr<SegmentBuilder::RowClass> SegmentBuilder::Classify(const Row& row) const {
  const Value& cell = CellOf(row, vector_cell_);
  if (IsNull(cell)) return RowClass::kNull;
  const auto* vector = std::get_if<Vector>(&cell);
  if (vector == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("row ", row.id, " has ", ToString(View(cell)), " in vector column '",
                     table_.columns[vector_cell_].name, "'; it takes a vector or NULL"));
  }
  if (vector->size() != index_.dim) {
    if (index_.dim_policy == DimPolicy::kSkip) return RowClass::kInvalid;
    return absl::FailedPreconditionError(absl::StrCat(
        "row ", row.id, " has a vector of dim ", vector->size(), "; index '", index_.name,
        "' expects dim ", index_.dim, ": correct the row, or give the index dim_policy SKIP"));
  }
  bool zero = true;
  for (const float x : *vector) {
    if (!std::isfinite(x)) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", row.id, " has NaN or infinity in vector column '",
                       table_.columns[vector_cell_].name, "'; every coordinate is finite"));
    }
    zero &= x == 0;
  }
  return zero && index_.metric == Metric::kCosine ? RowClass::kNull : RowClass::kVector;
}

absl::Status SegmentBuilder::CheckCells(const Row& row) const {
  for (size_t i = 0; i < captures_.size(); ++i) {
    RETURN_IF_ERROR(CheckCell(row.id, i, CellOf(row, captured_cells_[i])));
  }
  return absl::OkStatus();
}

absl::Status SegmentBuilder::CheckCell(RowId id, size_t capture, const Value& cell) const {
  if (captures_[capture].Fits(cell)) return absl::OkStatus();
  const ColumnDef& column = table_.columns[captured_cells_[capture]];
  const std::string_view type = DataTypeName(column.type);
  return absl::InvalidArgumentError(absl::StrCat("row ", id, " has ", ToString(View(cell)),
                                                 " in column '", column.name, "' of type ",
                                                 absl::string_view(type.data(), type.size())));
}

void SegmentBuilder::Append(const Row& row, RowClass row_class) {
  uint32_t node = 0;
  if (row_class == RowClass::kVector) {
    node = pool_.Add(std::get<Vector>(row.cells[vector_cell_]));
  }
  for (size_t i = 0; i < captures_.size(); ++i) {
    captures_[i].Append(CellOf(row, captured_cells_[i]));
  }
  rows_.push_back({row.id, row.version, node, row_class});
}

// Gives rows their segment's node numbers, which follow each node's smallest row id, and returns
// the pool's ids in that order.
std::vector<uint32_t> SegmentBuilder::NumberNodes() {
  std::vector<RowId> smallest(pool_.size(), UINT64_MAX);
  for (const CollectedRow& row : rows_) {
    if (row.row_class != RowClass::kVector) continue;
    smallest[row.node] = std::min(smallest[row.node], row.id);
  }
  std::vector<uint32_t> order(pool_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return smallest[a] < smallest[b]; });
  Rename(order);
  return order;
}

std::vector<uint32_t> SegmentBuilder::OrderRows() const {
  std::vector<uint32_t> order(rows_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const CollectedRow& x = rows_[a];
    const CollectedRow& y = rows_[b];
    if (x.row_class != y.row_class) return x.row_class < y.row_class;
    if (x.node != y.node) return x.node < y.node;
    return x.id < y.id;
  });
  return order;
}

// Renames the nodes of the rows: node order[i] is called i from now on.
void SegmentBuilder::Rename(std::span<const uint32_t> order) {
  std::vector<uint32_t> number(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) number[order[i]] = i;
  for (CollectedRow& row : rows_) {
    if (row.row_class == RowClass::kVector) row.node = number[row.node];
  }
}

// Fills vectors and graph, and numbers the nodes for good: by row id, or, in a graph, so that
// neighbours are near each other.
absl::Status SegmentBuilder::Link(const GraphBuilder* graphs, const SegmentBuildOptions& options,
                                  const CallContext& context, const BuildProgress& progress,
                                  Contents* contents) {
  Contents& c = *contents;
  const uint32_t stride = pool_.stride();
  std::vector<uint32_t> numbers;
  if (kept_.empty()) numbers = NumberNodes();
  c.vectors = pool_.Take();
  Rearrange(c.vectors, stride, numbers);
  if (index_.engine != Engine::kHnsw) return absl::OkStatus();
  const GraphParams params{index_.metric,   index_.dim,      stride,      index_.m,
                           index_.ef_build, options.threads, options.seed};
  const GraphBase base{base_, kept_};
  ASSIGN_OR_RETURN(c.graph, graphs->Extend(params, c.vectors, base, context, progress));
  RETURN_IF_ERROR(context.Check());
  const std::vector<uint32_t> order = BreadthFirstOrder(c.graph);
  c.graph = Renumber(c.graph, order);
  Rearrange(c.vectors, stride, order);
  Rename(order);
  return absl::OkStatus();
}

// Fills everything but vectors, graph and codes.
absl::Status SegmentBuilder::Arrange(Contents* contents) {
  Contents& c = *contents;
  SegmentView& view = c.view;
  view = {table_.flavour(), index_.engine,   index_.metric, index_.dim,
          index_.m,         index_.ef_build, seq_};
  view.stride = StrideOf(index_.dim);
  view.nodes = static_cast<uint32_t>(c.vectors.size() / view.stride);
  view.graph = c.graph.view();
  const std::vector<uint32_t> row_order = OrderRows();
  c.node_rows.assign(size_t{view.nodes} + 1, 0);
  c.row_ids.reserve(rows_.size());
  c.versions.reserve(rows_.size());
  for (const uint32_t number : row_order) {
    const CollectedRow& row = rows_[number];
    c.row_ids.push_back(row.id);
    c.versions.push_back(row.version);
    view.vector_rows += row.row_class == RowClass::kVector;
    view.null_rows += row.row_class == RowClass::kNull;
    view.invalid_rows += row.row_class == RowClass::kInvalid;
    if (row.row_class == RowClass::kVector) c.node_rows[row.node + 1] = view.vector_rows;
  }
  c.by_row_id.resize(rows_.size());
  std::iota(c.by_row_id.begin(), c.by_row_id.end(), 0u);
  std::sort(c.by_row_id.begin(), c.by_row_id.end(),
            [&](uint32_t a, uint32_t b) { return c.row_ids[a] < c.row_ids[b]; });
  for (size_t i = 1; i < c.by_row_id.size(); ++i) {
    if (c.row_ids[c.by_row_id[i - 1]] != c.row_ids[c.by_row_id[i]]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("row ", c.row_ids[c.by_row_id[i]], " was added twice to a segment of index '",
                     index_.name, "'; each row is added once, by its newest version"));
  }
  rows_ = std::vector<CollectedRow>();
  if (index_.metric == Metric::kCosine) {
    for (uint32_t node = 0; node < view.nodes; ++node) {
      c.inverse_norms.push_back(
          InverseNorm({c.vectors.data() + size_t{node} * view.stride, view.dim}));
    }
  }
  for (ColumnCapture& capture : captures_) {
    capture.Reorder(row_order);
    view.columns.push_back(capture.view());
  }
  view.vectors = c.vectors;
  view.longest = LongestOf(view);
  view.inverse_norms = c.inverse_norms;
  view.node_rows = c.node_rows;
  view.row_ids = c.row_ids;
  view.versions = c.versions;
  view.by_row_id = c.by_row_id;
  return absl::OkStatus();
}

// Fills the codes.
absl::Status SegmentBuilder::Encode(uint64_t seed, const CallContext& context, Contents* contents) {
  Contents& c = *contents;
  SegmentView& view = c.view;
  c.code_params = ScalarCoder::Calibrate(view.metric, view.dim, view.vectors, view.stride,
                                         /*rotation_seed=*/seed);
  const ScalarCodeParams& params = c.code_params;
  const ScalarCoder coder(view.metric, view.dim, params.rotation_seed, params.scale, params.centre);
  const uint32_t stride = CodeStrideOf(view.dim);
  c.codes.resize(size_t{view.nodes} * stride);
  double error = 0;
  for (uint32_t node = 0; node < view.nodes; ++node) {
    if (node % kNodesBetweenChecks == 0) RETURN_IF_ERROR(context.Check());
    error =
        std::max(error, coder.Encode(view.vectors.subspan(size_t{node} * view.stride, view.dim),
                                     std::span(c.codes).subspan(size_t{node} * stride, stride)));
  }
  view.codes = {Quantization::kSq8, stride, params.rotation_seed, params.scale, RoundedUp(error),
                params.centre,      c.codes};
  return absl::OkStatus();
}

absl::StatusOr<BuiltSegment> SegmentBuilder::Finish(const GraphBuilder* graphs,
                                                    const SegmentBuildOptions& options,
                                                    const CallContext& context,
                                                    const BuildProgress& progress) {
  if (index_.engine == Engine::kHnsw && graphs == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("index '", index_.name, "' has engine HNSW, and no graph builder was given"));
  }
  const size_t rows = rows_.size();
  try {
    return FinishOrThrow(graphs, options, context, progress);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(index_, rows);
  }
}

absl::StatusOr<BuiltSegment> SegmentBuilder::FinishOrThrow(const GraphBuilder* graphs,
                                                           const SegmentBuildOptions& options,
                                                           const CallContext& context,
                                                           const BuildProgress& progress) {
  RETURN_IF_ERROR(context.Check());
  Contents contents;
  RETURN_IF_ERROR(Link(graphs, options, context, progress, &contents));
  RETURN_IF_ERROR(Arrange(&contents));
  const SegmentView& view = contents.view;
  if (index_.quantization == Quantization::kSq8) {
    RETURN_IF_ERROR(Encode(options.seed, context, &contents));
  }
  RETURN_IF_ERROR(context.Check());
  ASSIGN_OR_RETURN(const uint64_t checksum, WriteSegmentFile(options.path, view));
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(options.path, error);
  if (error) {
    return absl::InternalError(absl::StrCat("the size of the segment file just written, ",
                                            options.path, ", cannot be read: ", error.message()));
  }
  return BuiltSegment{options.path,   checksum,         bytes, view.nodes, view.vector_rows,
                      view.null_rows, view.invalid_rows};
}

}  // namespace ordinate
