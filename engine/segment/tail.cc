#include "engine/segment/tail.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/search/node_distance.h"

namespace ordinate {

uint64_t BytesOf(const TailRow& row) {
  uint64_t bytes = row.cells.capacity() * sizeof(Value);
  for (const Value& cell : row.cells) {
    if (const auto* text = std::get_if<std::string>(&cell)) bytes += text->size();
  }
  return bytes;
}

Tail::Chunk::Chunk(uint32_t dim)
    : stride(StrideOf(dim)),
      rows(kChunkRows),
      lines(size_t{kChunkRows} * stride / kVectorPadding),
      inverse_norms(kChunkRows) {}

void Tail::CopyVector(uint32_t slot, std::span<const float> vector) {
  Chunk& chunk = *chunks_.back();
  const uint32_t row = slot % kChunkRows;
  std::copy(vector.begin(), vector.end(), chunk.VectorAt(row));
  chunk.rows[row].vector = {chunk.VectorAt(row), vector.size()};
  chunk.inverse_norms[row] = InverseNorm(vector);
  norms_fit_ &= NormsFit({&chunk.inverse_norms[row], 1});
  longest_ = std::max(
      longest_, std::sqrt(BestKernels().exact_dot(vector.data(), vector.data(), vector.size())));
}

void Tail::Put(TailRow row) {
  Supersede(row.id);
  if (size_ % kChunkRows == 0) {
    chunks_.push_back(std::make_shared<Chunk>(dim_));
    bytes_ += kChunkRows * (sizeof(TailRow) + (StrideOf(dim_) + 1) * sizeof(float));
    masked_.Grow(size_ + kChunkRows);
    superseded_.Grow(size_ + kChunkRows);
  }
  bytes_ += BytesOf(row);
  newest_[row.id] = size_;
  const std::span<const float> vector = row.vector;
  chunks_.back()->rows[size_ % kChunkRows] = std::move(row);
  if (!vector.empty()) CopyVector(size_, vector);
  ++size_;
}

void Tail::SetMasked(uint32_t slot) {
  if (masked_.Set(slot) && slot < shown_slots_) --shown_[static_cast<size_t>(At(slot).row_class)];
}

void Tail::SetSuperseded(uint32_t slot) {
  if (superseded_.Set(slot) && slot < shown_slots_) {
    --current_[static_cast<size_t>(At(slot).row_class)];
  }
}

void Tail::Supersede(RowId id) {
  const auto found = newest_.find(id);
  if (found == newest_.end()) return;
  const uint32_t slot = found->second;
  newest_.erase(found);
  SetSuperseded(slot);
  if (slot < shown_slots_) {
    older_[id] = slot;
  } else {
    SetMasked(slot);  // it was never shown, and will not be
  }
}

void Tail::Hide(RowId id) {
  const auto found = older_.find(id);
  if (found == older_.end()) return;
  SetMasked(found->second);
  older_.erase(found);
}

void Tail::Mask(RowId id) {
  Hide(id);
  const auto found = newest_.find(id);
  if (found == newest_.end()) return;
  SetSuperseded(found->second);
  SetMasked(found->second);
  newest_.erase(found);
}

void Tail::ShowAll() {
  for (const auto& [id, slot] : older_) SetMasked(slot);
  older_.clear();
  ShowSlots();
}

void Tail::ShowSlots() {
  for (; shown_slots_ < size_; ++shown_slots_) {
    const auto row_class = static_cast<size_t>(At(shown_slots_).row_class);
    shown_[row_class] += !masked_.Test(shown_slots_);
    current_[row_class] += !superseded_.Test(shown_slots_);
  }
}

template <typename Keep>
Tail Tail::Filtered(const Keep& keep) const {
  Tail kept(dim_);
  for (uint32_t slot = 0; slot < size_; ++slot) {
    const RowId id = At(slot).id;
    if (masked_.Test(slot) || !keep(slot)) continue;
    kept.Put(At(slot));
    if (slot < shown_slots_) kept.ShowSlots();
    if (superseded_.Test(slot)) kept.Supersede(id);
  }
  return kept;
}

Tail Tail::From(uint32_t first) const {
  return Filtered([first](uint32_t slot) { return slot >= first; });
}

Tail Tail::NewerThan(uint64_t version) const {
  return Filtered([this, version](uint32_t slot) { return At(slot).version > version; });
}

Tail::View Tail::Share() {
  return View{
      {chunks_.begin(), chunks_.end()}, shown_slots_, masked_.Share(), longest_, norms_fit_};
}

Tail::View Tail::ShareNewest() {
  return View{{chunks_.begin(), chunks_.end()}, size_, superseded_.Share()};
}

}  // namespace ordinate
