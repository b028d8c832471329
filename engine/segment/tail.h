#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/query/filter.h"
#include "engine/segment/row_class.h"
#include "engine/segment/tombstones.h"
#include "storage/model/schema.h"

namespace ordinate {

/// A row of the tail. Immutable once published.
struct TailRow {
  RowId id = 0;
  uint64_t version = 0;
  RowClass row_class = RowClass::kNull;
  std::vector<float> vector;  // kVector: dim components; else empty
  std::vector<Value> cells;   // by column position; vectors and payload are NULL here
};

/// Recent rows, not in a sealed segment yet, scanned exactly. Rows live in chunks that are shared
/// with readers; the applier fills slots that no published view counts yet.
class Tail {
 public:
  static constexpr uint32_t kChunkRows = 512;
  struct Chunk {
    std::vector<TailRow> rows{kChunkRows};
  };

  /// What readers get: the first `size` slots, less the masked ones.
  struct View {
    std::vector<std::shared_ptr<const Chunk>> chunks;
    uint32_t size = 0;
    Tombstones masked;

    const TailRow& Row(uint32_t slot) const {
      return chunks[slot / kChunkRows]->rows[slot % kChunkRows];
    }
    bool IsLive(uint32_t slot) const { return !masked.Test(slot); }
  };

  /// Adds a row, masking its earlier version here if there is one. Applier.
  void Put(TailRow row);
  /// Masks the row's version here, if any. Applier.
  bool Mask(RowId id);
  /// A tail of this one's live rows newer than `version`. Applier.
  Tail NewerThan(uint64_t version) const;
  /// For publishing. Applier.
  View Share();

  uint64_t live(RowClass row_class) const { return live_[static_cast<size_t>(row_class)]; }
  uint64_t live() const { return live_[0] + live_[1] + live_[2]; }
  /// Slots used, masked ones included.
  uint32_t size() const { return size_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const TailRow& At(uint32_t slot) const {
    return chunks_[slot / kChunkRows]->rows[slot % kChunkRows];
  }

  std::vector<std::shared_ptr<Chunk>> chunks_;
  uint32_t size_ = 0;
  Tombstones masked_;
  absl::flat_hash_map<RowId, uint32_t> slot_of_;  // live rows
  uint64_t live_[3] = {0, 0, 0};                  // by RowClass
  uint64_t bytes_ = 0;
};

/// Reads cells of one tail row at a time.
class TailCells final : public CellSource {
 public:
  void MoveTo(const TailRow& row) { row_ = &row; }
  ValueView Cell(uint32_t position) const override {
    return position < row_->cells.size() ? ordinate::View(row_->cells[position]) : ValueView();
  }

 private:
  const TailRow* row_ = nullptr;
};

}  // namespace ordinate
