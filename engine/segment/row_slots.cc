#include "engine/segment/row_slots.h"

namespace ordinate {

RowSlots::RowSlots(const RowSlots& other)
    : blocks_(other.blocks_), owned_(other.blocks_.size(), true), count_(other.count_) {
  for (std::shared_ptr<Block>& block : blocks_) {
    if (block != nullptr) block = std::make_shared<Block>(*block);
  }
}

void RowSlots::Set(uint32_t row, uint32_t slot) {
  const uint32_t number = row / kBlockRows;
  std::shared_ptr<Block>& block = blocks_[number];
  if (block == nullptr) {
    block = std::make_shared<Block>();
    block->fill(kNone);
  } else if (!owned_[number]) {
    block = std::make_shared<Block>(*block);
  }
  owned_[number] = true;
  uint32_t& entry = (*block)[row % kBlockRows];
  count_ += entry == kNone;
  entry = slot;
}

uint64_t RowSlots::bytes() const {
  const auto used = std::count_if(blocks_.begin(), blocks_.end(),
                                  [](const auto& block) { return block != nullptr; });
  return blocks_.size() * sizeof(blocks_[0]) + static_cast<uint64_t>(used) * sizeof(Block);
}

RowSlots RowSlots::Share() {
  std::fill(owned_.begin(), owned_.end(), false);
  RowSlots shared;
  shared.blocks_ = blocks_;
  shared.owned_ = owned_;
  shared.count_ = count_;
  return shared;
}

}  // namespace ordinate
