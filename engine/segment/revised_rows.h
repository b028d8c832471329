#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/segment/sealed_segment.h"
#include "engine/segment/tail.h"

namespace ordinate {

/// Newer versions of rows whose vectors stayed as sealed segments of the index have them: their
/// other cells. A row of a segment refers to one by its slot (RowSlots), and keeps its node.
///
/// The first slots are the rows of a file, which is a segment without nodes; later ones are in
/// memory. A slot, once it was given out, never changes. Applier thread.
class RevisedRows {
 public:
  static constexpr uint32_t kChunkRows = 1024;
  struct Chunk {
    std::vector<TailRow> rows = std::vector<TailRow>(kChunkRows);
  };

  /// Reads slots that were given out before it was made. Immutable; any thread.
  class View {
   public:
    View() = default;
    View(std::shared_ptr<const SealedSegment> file,
         std::vector<std::shared_ptr<const Chunk>> chunks)
        : file_(std::move(file)),
          chunks_(std::move(chunks)),
          sealed_(file_ == nullptr ? 0 : file_->view().rows()) {}

    const SealedSegment* file() const { return file_.get(); }
    /// Whether the slot is a row of the file, the one of that number.
    bool IsSealed(uint32_t slot) const { return slot < sealed_; }
    RowId Id(uint32_t slot) const {
      return IsSealed(slot) ? file_->view().row_ids[slot] : InMemory(slot).id;
    }
    uint64_t Version(uint32_t slot) const {
      return IsSealed(slot) ? file_->view().versions[slot] : InMemory(slot).version;
    }
    /// Whether key and attribute columns at the position can be read; otherwise Cell is NULL.
    bool Has(uint32_t slot, uint32_t position) const {
      return IsSealed(slot) ? file_->Captured(position) != nullptr
                            : position < InMemory(slot).cells.size();
    }
    ValueView Cell(uint32_t slot, uint32_t position) const {
      if (!Has(slot, position)) return ValueView();
      return IsSealed(slot) ? file_->Captured(position)->Get(slot)
                            : ordinate::View(InMemory(slot).cells[position]);
    }
    TailRow Copy(uint32_t slot) const;
    /// REQUIRES: not IsSealed(slot).
    const TailRow& InMemory(uint32_t slot) const {
      const uint32_t at = slot - sealed_;
      return chunks_[at / kChunkRows]->rows[at % kChunkRows];
    }

   private:
    std::shared_ptr<const SealedSegment> file_;
    std::vector<std::shared_ptr<const Chunk>> chunks_;
    uint32_t sealed_ = 0;
  };

  RevisedRows() = default;
  /// `file` may be null.
  explicit RevisedRows(std::shared_ptr<const SealedSegment> file);

  /// The row's slot.
  uint32_t Add(TailRow row);
  /// Null: none.
  const std::shared_ptr<const SealedSegment>& file() const { return file_; }
  /// Slots of the file, and of those in memory.
  uint32_t sealed() const { return file_ == nullptr ? 0 : file_->view().rows(); }
  uint32_t unsealed() const { return unsealed_; }
  uint64_t bytes() const { return bytes_; }

  /// For publishing, and to read from.
  const std::shared_ptr<const View>& Share() const { return view_; }

 private:
  std::shared_ptr<const SealedSegment> file_;
  std::vector<std::shared_ptr<Chunk>> chunks_;
  uint32_t unsealed_ = 0;
  uint64_t bytes_ = 0;  // in memory
  std::shared_ptr<const View> view_ = std::make_shared<View>();
};

}  // namespace ordinate
