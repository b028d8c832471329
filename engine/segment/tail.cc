#include "engine/segment/tail.h"

#include <utility>

namespace ordinate {
namespace {

uint64_t BytesOf(const TailRow& row) {
  uint64_t bytes = row.vector.capacity() * sizeof(float) + row.cells.capacity() * sizeof(Value);
  for (const Value& cell : row.cells) {
    if (const auto* text = std::get_if<std::string>(&cell)) bytes += text->size();
  }
  return bytes;
}

}  // namespace

void Tail::Put(TailRow row) {
  Mask(row.id);
  if (size_ % kChunkRows == 0) {
    chunks_.push_back(std::make_shared<Chunk>());
    bytes_ += kChunkRows * sizeof(TailRow);
    masked_.Grow(size_ + kChunkRows);
  }
  bytes_ += BytesOf(row);
  ++live_[static_cast<size_t>(row.row_class)];
  slot_of_[row.id] = size_;
  chunks_.back()->rows[size_ % kChunkRows] = std::move(row);
  ++size_;
}

bool Tail::Mask(RowId id) {
  const auto found = slot_of_.find(id);
  if (found == slot_of_.end()) return false;
  --live_[static_cast<size_t>(At(found->second).row_class)];
  masked_.Set(found->second);
  slot_of_.erase(found);
  return true;
}

Tail Tail::NewerThan(uint64_t version) const {
  Tail newer;
  for (uint32_t slot = 0; slot < size_; ++slot) {
    if (!masked_.Test(slot) && At(slot).version > version) newer.Put(At(slot));
  }
  return newer;
}

Tail::View Tail::Share() { return View{{chunks_.begin(), chunks_.end()}, size_, masked_.Share()}; }

}  // namespace ordinate
