#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/index/column_capture.h"
#include "engine/index/graph_builder.h"
#include "engine/index/vector_pool.h"
#include "storage/base/context.h"
#include "storage/model/schema.h"

namespace ordinate {

/// A segment file as .vindex lists it, and what is in it.
struct BuiltSegment {
  std::string path;
  uint64_t checksum = 0;
  uint64_t file_bytes = 0;
  uint32_t nodes = 0;
  uint32_t vector_rows = 0;
  uint32_t null_rows = 0;
  uint32_t invalid_rows = 0;
};

struct SegmentBuildOptions {
  std::string path;
  uint32_t threads = 1;  // of the graph's build; 1 makes the file a function of the rows and seed
  uint64_t seed = 0;
};

/// Collects the rows of a segment and writes its .vdata file. One thread, except that Finish may
/// use more. After an error of Add other than FAILED_PRECONDITION, or after Finish, it is used up.
class SegmentBuilder {
 public:
  /// Rows are as of sequence `seq`. INVALID_ARGUMENT when the index is not on a vector column of
  /// the table, or its dim is out of range.
  static absl::StatusOr<std::unique_ptr<SegmentBuilder>> Create(const TableDef& table,
                                                                const IndexDef& index,
                                                                uint64_t seq);

  /// Takes a copy of what the index holds of `row`; each row id once, in any order. A NULL vector,
  /// and a zero vector under COSINE, makes a null row. A vector of another dim makes an invalid row
  /// under DimPolicy::kSkip; under kError it is FAILED_PRECONDITION naming row, dim and expected
  /// dim, and the row is not taken. INVALID_ARGUMENT for NaN, infinity or a cell not of its
  /// column's type; RESOURCE_EXHAUSTED when memory or row numbers run out.
  absl::Status Add(const Row& row);

  /// In the order of the file.
  enum class RowClass : uint8_t { kVector, kNull, kInvalid };
  /// A row that an index holds already: `vector` has the index's dim, and is empty but for kVector.
  struct KnownRow {
    RowId id = 0;
    uint64_t version = 0;
    RowClass row_class = RowClass::kNull;
    std::span<const float> vector;
  };
  /// As Add, without a look at the vector. `cell` gives the row's cells by their positions.
  absl::Status AddKnown(const KnownRow& row, const std::function<Value(uint32_t)>& cell);

  /// Room for so many rows, and vectors that differ, before the first: without it, as more is
  /// needed, all there is moves to twice the memory. RESOURCE_EXHAUSTED when there is not so much.
  absl::Status Expect(size_t rows, size_t vectors);

  /// The graph is made of `graph`, which outlives Finish, less the nodes that are not among `kept`.
  /// REQUIRES: the first vectors that are added, each distinct one counted once, are those of
  /// `kept`, in its order.
  void GrowFrom(const GraphView& graph, std::vector<uint32_t> kept);

  uint32_t rows() const { return static_cast<uint32_t>(rows_.size()); }

  /// Builds the graph (HNSW; `graphs` may be null for FLAT) and writes the file. INVALID_ARGUMENT
  /// when a row id was added twice; the builder's, the context's and the file's errors.
  absl::StatusOr<BuiltSegment> Finish(const GraphBuilder* graphs,
                                      const SegmentBuildOptions& options,
                                      const CallContext& context,
                                      const BuildProgress& progress = nullptr);

 private:
  struct CollectedRow {
    RowId id;
    uint64_t version;
    uint32_t node;  // kVector: in the pool, then in the segment
    RowClass row_class;
  };
  struct Contents;

  SegmentBuilder(const TableDef& table, const IndexDef& index, uint32_t vector_cell, uint64_t seq);

  absl::StatusOr<RowClass> Classify(const Row& row) const;
  absl::Status CheckCells(const Row& row) const;
  absl::Status CheckCell(RowId id, size_t capture, const Value& cell) const;
  absl::Status CheckRoom() const;
  void Append(const Row& row, RowClass row_class);

  std::vector<uint32_t> NumberNodes();
  void Rename(std::span<const uint32_t> order);
  std::vector<uint32_t> OrderRows() const;
  absl::Status Link(const GraphBuilder* graphs, const SegmentBuildOptions& options,
                    const CallContext& context, const BuildProgress& progress, Contents* contents);
  absl::Status Arrange(Contents* contents);
  absl::Status Encode(uint64_t seed, const CallContext& context, Contents* contents);
  absl::StatusOr<BuiltSegment> FinishOrThrow(const GraphBuilder* graphs,
                                             const SegmentBuildOptions& options,
                                             const CallContext& context,
                                             const BuildProgress& progress);

  const TableDef table_;
  const IndexDef index_;
  const uint32_t vector_cell_;  // position of the indexed column
  const uint64_t seq_;

  VectorPool pool_;
  std::vector<CollectedRow> rows_;
  std::vector<uint32_t> captured_cells_;  // positions, parallel to captures_
  std::vector<ColumnCapture> captures_;
  GraphView base_;              // GrowFrom
  std::vector<uint32_t> kept_;  // of its nodes; empty: no base
};

}  // namespace ordinate
