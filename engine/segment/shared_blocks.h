#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ordinate {

/// Numbered blocks, of which the applier's copy changes and a copy of it published to readers never
/// does: blocks are shared, and cloned at the first change after Share(). One thread may change an
/// object; published copies are read by any.
template <typename Block>
class SharedBlocks {
 public:
  explicit SharedBlocks(size_t blocks = 0) : blocks_(blocks), owned_(blocks) {}

  /// A copy is the copier's own, to change.
  SharedBlocks(const SharedBlocks& other)
      : blocks_(other.blocks_), owned_(other.blocks_.size(), true) {
    for (std::shared_ptr<Block>& block : blocks_) {
      if (block != nullptr) block = std::make_shared<Block>(*block);
    }
  }
  SharedBlocks& operator=(const SharedBlocks& other) { return *this = SharedBlocks(other); }
  SharedBlocks(SharedBlocks&&) = default;
  SharedBlocks& operator=(SharedBlocks&&) = default;

  /// Null: it was never changed.
  const Block* Get(size_t number) const { return blocks_[number].get(); }
  /// To change. `empty`: what one that was never changed holds.
  Block& Own(size_t number, typename Block::value_type empty) {
    std::shared_ptr<Block>& block = blocks_[number];
    if (block == nullptr) {
      block = std::make_shared<Block>();
      block->fill(empty);
    } else if (!owned_[number]) {
      block = std::make_shared<Block>(*block);
    }
    owned_[number] = true;
    return *block;
  }
  /// There are so many blocks, if there were fewer.
  void Grow(size_t blocks) {
    if (blocks <= blocks_.size()) return;
    blocks_.resize(blocks);
    owned_.resize(blocks);
  }
  uint64_t bytes() const {
    const auto used = std::count_if(blocks_.begin(), blocks_.end(),
                                    [](const auto& block) { return block != nullptr; });
    return blocks_.size() * sizeof(blocks_[0]) + static_cast<uint64_t>(used) * sizeof(Block);
  }

  /// A copy for readers.
  SharedBlocks Share() {
    std::fill(owned_.begin(), owned_.end(), false);
    SharedBlocks shared;
    shared.blocks_ = blocks_;
    shared.owned_ = owned_;
    return shared;
  }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
  std::vector<bool> owned_;  // not shared with a published copy
};

}  // namespace ordinate
