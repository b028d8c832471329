#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/query/filter.h"
#include "engine/search/kernels.h"
#include "engine/segment/row_class.h"
#include "engine/segment/tombstones.h"
#include "storage/model/schema.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A row of the tail. Immutable once published.
struct TailRow {
  RowId id = 0;
  uint64_t version = 0;
  RowClass row_class = RowClass::kNull;
  std::span<const float> vector;  // kVector: dim components, of its chunk; else empty
  std::vector<Value> cells;       // by column position; vectors and payload are NULL here
};

/// What its cells take in memory.
uint64_t BytesOf(const TailRow& row);

/// Recent rows, not in a sealed segment yet, scanned exactly. Rows live in chunks that are shared
/// with readers; the applier fills slots that no published view counts yet.
///
/// It has two states at once: what is shown, a prefix of the slots; and the newest, all of them. A
/// row whose newer version is not shown yet stays shown in the older one. Applier thread.
class Tail {
 public:
  static constexpr uint32_t kChunkRows = 128;
  /// Rows, and beside them their vectors as a segment has them: StrideOf(dim) floats each, 64-byte
  /// aligned, zeros for a row without; and 1/|x| of each.
  struct Chunk {
    explicit Chunk(uint32_t dim);

    const float* VectorAt(uint32_t row) const {
      return lines.data()->floats + size_t{row} * stride;
    }
    float* VectorAt(uint32_t row) { return lines.data()->floats + size_t{row} * stride; }

    struct alignas(64) Line {
      float floats[kVectorPadding];
    };
    const uint32_t stride;
    std::vector<TailRow> rows;
    std::vector<Line> lines;
    std::vector<float> inverse_norms;
  };

  /// What readers get: the shown slots, less the masked ones.
  struct View {
    std::vector<std::shared_ptr<const Chunk>> chunks;
    uint32_t size = 0;
    Tombstones masked;
    double longest = 0;     // no vector is longer
    bool norms_fit = true;  // NormsFit of all

    const TailRow& Row(uint32_t slot) const {
      return chunks[slot / kChunkRows]->rows[slot % kChunkRows];
    }
    bool IsLive(uint32_t slot) const { return !masked.Test(slot); }
  };

  /// Of vectors of so many dimensions.
  explicit Tail(uint32_t dim) : dim_(dim) {}

  /// Adds a row's newest version, not shown yet, in place of the one here, if any. The vector is
  /// copied.
  void Put(TailRow row);
  /// The row has a newer version, elsewhere, or here later.
  void Supersede(RowId id);
  /// What is shown of a row whose newer version was noted by Supersede is shown no more.
  void Hide(RowId id);
  /// The row is gone from both states.
  void Mask(RowId id);
  /// Shows the newest state.
  void ShowAll();
  /// Shows every slot; rows of theirs that are superseded stay shown. After Hide of the row that
  /// was put since the last call.
  void ShowSlots();

  /// The part of this tail whose slots are at least `first`, or versions newer than `version`.
  Tail From(uint32_t first) const;
  Tail NewerThan(uint64_t version) const;
  /// For publishing: what is shown, and the newest.
  View Share();
  View ShareNewest();

  bool IsMasked(uint32_t slot) const { return masked_.Test(slot); }
  bool IsSuperseded(uint32_t slot) const { return superseded_.Test(slot); }
  /// Shown rows.
  uint64_t shown(RowClass row_class) const { return shown_[static_cast<size_t>(row_class)]; }
  uint64_t shown() const { return shown_[0] + shown_[1] + shown_[2]; }
  /// Rows of the newest state.
  uint64_t newest() const { return newest_.size(); }
  /// Rows whose shown version is the newest.
  uint64_t current(RowClass row_class) const { return current_[static_cast<size_t>(row_class)]; }
  /// Slots used, masked ones included.
  uint32_t size() const { return size_; }
  uint32_t shown_slots() const { return shown_slots_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const TailRow& At(uint32_t slot) const {
    return chunks_[slot / kChunkRows]->rows[slot % kChunkRows];
  }
  void SetMasked(uint32_t slot);
  void SetSuperseded(uint32_t slot);
  void CopyVector(uint32_t slot, std::span<const float> vector);
  template <typename Keep>
  Tail Filtered(const Keep& keep) const;

  uint32_t dim_;
  std::vector<std::shared_ptr<Chunk>> chunks_;
  uint32_t size_ = 0;
  uint32_t shown_slots_ = 0;
  Tombstones masked_;                            // of the shown state
  Tombstones superseded_;                        // those, and what has a newer version
  absl::flat_hash_map<RowId, uint32_t> newest_;  // not superseded
  absl::flat_hash_map<RowId, uint32_t> older_;   // shown, and superseded
  uint64_t shown_[3] = {0, 0, 0};                // by RowClass
  uint64_t current_[3] = {0, 0, 0};              // by RowClass
  uint64_t bytes_ = 0;
  double longest_ = 0;
  bool norms_fit_ = true;
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
