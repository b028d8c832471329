#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/filter.h"
#include "engine/segment/row_class.h"
#include "storage/model/schema.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// An opened segment file bound to its table's columns. Immutable, thread-safe.
class SealedSegment {
 public:
  /// FAILED_PRECONDITION when the file is not of this table and index (flavour, metric, dim,
  /// engine), naming what differs. It may be built with other options: IsBuiltAs.
  static absl::StatusOr<std::shared_ptr<const SealedSegment>> Create(
      std::unique_ptr<SegmentFile> file, const TableDef& table, const IndexDef& index);

  const SegmentView& view() const { return file_->view(); }
  const SegmentFile& file() const { return *file_; }

  /// The captured column at a position of TableDef::columns; null: not captured.
  const CapturedColumn* Captured(uint32_t position) const {
    return position < columns_.size() ? columns_[position] : nullptr;
  }

  /// Columns of the table when this was opened.
  uint32_t columns() const { return static_cast<uint32_t>(columns_.size()); }

  RowClass ClassOf(uint32_t row) const {
    const SegmentView& v = view();
    if (row < v.vector_rows) return RowClass::kVector;
    return row < v.vector_rows + v.null_rows ? RowClass::kNull : RowClass::kInvalid;
  }

  /// Whether its graph and codes are of the index's m, ef_build and quantization.
  bool IsBuiltAs(const IndexDef& index) const;

  /// Node of a vector row. REQUIRES: row < vector_rows.
  uint32_t NodeOf(uint32_t row) const;

 private:
  explicit SealedSegment(std::unique_ptr<SegmentFile> file) : file_(std::move(file)) {}

  std::unique_ptr<SegmentFile> file_;
  std::vector<const CapturedColumn*> columns_;  // by position
};

/// Reads captured cells of one row at a time; a column that is not captured reads NULL.
class SealedCells final : public CellSource {
 public:
  explicit SealedCells(const SealedSegment& segment) : segment_(segment) {}
  void MoveTo(uint32_t row) { row_ = row; }
  ValueView Cell(uint32_t position) const override {
    const CapturedColumn* column = segment_.Captured(position);
    return column == nullptr ? ValueView() : column->Get(row_);
  }

 private:
  const SealedSegment& segment_;
  uint32_t row_ = 0;
};

}  // namespace ordinate
