#include "engine/segment/tombstones.h"

#include <algorithm>

namespace ordinate {

Tombstones::Tombstones(const Tombstones& other)
    : blocks_(other.blocks_), owned_(other.blocks_.size(), true), count_(other.count_) {
  for (std::shared_ptr<Block>& block : blocks_) {
    if (block != nullptr) block = std::make_shared<Block>(*block);
  }
}

Tombstones::Block& Tombstones::OwnBlock(uint32_t number) {
  std::shared_ptr<Block>& block = blocks_[number];
  if (block == nullptr) {
    block = std::make_shared<Block>();
    block->fill(0);
  } else if (!owned_[number]) {
    block = std::make_shared<Block>(*block);
  }
  owned_[number] = true;
  return *block;
}

bool Tombstones::Set(uint32_t row) {
  if (Test(row)) return false;
  OwnBlock(row / kBlockRows)[row % kBlockRows / 64] |= uint64_t{1} << (row % 64);
  ++count_;
  return true;
}

bool Tombstones::Clear(uint32_t row) {
  if (!Test(row)) return false;
  OwnBlock(row / kBlockRows)[row % kBlockRows / 64] &= ~(uint64_t{1} << (row % 64));
  --count_;
  return true;
}

void Tombstones::Grow(uint32_t rows) {
  const size_t blocks = (size_t{rows} + kBlockRows - 1) / kBlockRows;
  if (blocks <= blocks_.size()) return;
  blocks_.resize(blocks);
  owned_.resize(blocks);
}

uint64_t Tombstones::bytes() const {
  const auto used = std::count_if(blocks_.begin(), blocks_.end(),
                                  [](const auto& block) { return block != nullptr; });
  return blocks_.size() * sizeof(blocks_[0]) + static_cast<uint64_t>(used) * sizeof(Block);
}

Tombstones Tombstones::Share() {
  std::fill(owned_.begin(), owned_.end(), false);
  Tombstones shared;
  shared.blocks_ = blocks_;
  shared.owned_ = owned_;
  shared.count_ = count_;
  return shared;
}

}  // namespace ordinate
