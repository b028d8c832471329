#include "engine/segment/revised_rows.h"

#include <utility>

namespace ordinate {

RevisedRows::RevisedRows(std::shared_ptr<const SealedSegment> file)
    : file_(std::move(file)),
      view_(std::make_shared<View>(file_, std::vector<std::shared_ptr<const Chunk>>())) {}

TailRow RevisedRows::View::Copy(uint32_t slot) const {
  if (!IsSealed(slot)) return InMemory(slot);
  TailRow row;
  row.id = Id(slot);
  row.version = Version(slot);
  row.cells.resize(file_->columns());
  for (uint32_t i = 0; i < row.cells.size(); ++i) row.cells[i] = Own(Cell(slot, i));
  return row;
}

uint32_t RevisedRows::Add(TailRow row) {
  if (unsealed_ % kChunkRows == 0) {
    chunks_.push_back(std::make_shared<Chunk>());
    bytes_ += kChunkRows * sizeof(TailRow);
    view_ = std::make_shared<View>(
        file_, std::vector<std::shared_ptr<const Chunk>>(chunks_.begin(), chunks_.end()));
  }
  bytes_ += BytesOf(row);
  chunks_.back()->rows[unsealed_ % kChunkRows] = std::move(row);
  return sealed() + unsealed_++;
}

}  // namespace ordinate
