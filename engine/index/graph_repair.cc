#include "engine/index/graph_repair.h"

#include <algorithm>

namespace ordinate {
namespace {

// How far to look past nodes that are left out. One step mostly finds enough; where most of a
// region is gone, the neighbours of its nodes are gone, too. Always looking so far, a graph of
// 50,000 x 128 that lost a twelfth took 1.7 times as long and found no more.
constexpr int kMostSteps = 3;
// More candidates than that are not looked for.
constexpr size_t kEnough = 256;

}  // namespace

GraphRepair::GraphRepair(const GraphView& old, std::span<const uint32_t> number,
                         const BuildMatrix& matrix, LinkDraft& draft)
    : old_(old), number_(number), matrix_(matrix), draft_(draft), choice_(matrix) {}

std::span<const uint32_t> GraphRepair::OldLinks(uint32_t old_node, uint32_t level) const {
  const uint32_t degree = level == 0 ? old_.degree0 : old_.degree;
  const uint32_t* const links =
      level == 0
          ? old_.links0.data() + size_t{old_node} * degree
          : old_.upper_links.data() + (size_t{old_.upper_offsets[old_node]} + level - 1) * degree;
  const uint32_t* const end = std::find(links, links + degree, old_node);
  return {links, end};
}

void GraphRepair::Collect(uint32_t self, uint32_t old_node, uint32_t level, int steps) {
  for (const uint32_t link : OldLinks(old_node, level)) {
    const uint32_t node = number_[link];
    if (node != kLeftOut) {
      // A node that lacks the level: a link of zeros, of a lost file.
      if (node != self && draft_.level(node) >= level) found_.push_back(node);
      continue;
    }
    lost_ = true;
    if (steps > 0 && found_.size() < kEnough) Collect(self, link, level, steps - 1);
  }
}

void GraphRepair::Measure(uint32_t node) {
  distances_.resize(found_.size());
  matrix_.Distances(matrix_.row(node), found_, distances_.data());
  sorted_.clear();
  staying_.clear();
  for (size_t i = 0, next = 0; i < found_.size(); ++i) {
    sorted_.emplace_back(distances_[i], found_[i]);
    while (next < stay_.size() && stay_[next] < found_[i]) ++next;
    if (next < stay_.size() && stay_[next] == found_[i]) staying_.push_back(sorted_.back());
  }
  std::sort(sorted_.begin(), sorted_.end());
  std::sort(staying_.begin(), staying_.end());
}

// Fills `links_` with the node's new ones; so many of them, the first, are spread.
size_t GraphRepair::ChooseLinks(uint32_t level) {
  const uint32_t capacity = draft_.capacity(level);
  const auto spread = choice_.Choose(sorted_, capacity);
  links_.assign(spread.begin(), spread.end());
  const size_t chosen = links_.size();
  // A list that was not full was never thinned: links to the node keep theirs back.
  for (size_t i = 0, next = 0; i < staying_.size() && links_.size() < capacity; ++i) {
    while (next < chosen && links_[next] < staying_[i]) ++next;
    if (next == chosen || links_[next].node() != staying_[i].node()) links_.push_back(staying_[i]);
  }
  // As many as an insertion gives a node at least.
  const size_t least = level == 0 && !matrix_.lengths_differ() ? draft_.capacity(1) : 0;
  for (size_t i = 0; i < sorted_.size() && links_.size() < least; ++i) {
    const auto same = std::ranges::find(links_, sorted_[i].node(), &Candidate::node);
    if (same == links_.end()) links_.push_back(sorted_[i]);
  }
  return chosen;
}

void GraphRepair::TakeOver(uint32_t old_node) {
  const uint32_t node = number_[old_node];
  for (uint32_t level = 0; level <= draft_.level(node); ++level) {
    const uint32_t capacity = draft_.capacity(level);
    for (const int steps : {0, 1, kMostSteps}) {
      found_.clear();
      lost_ = false;
      Collect(node, old_node, level, steps);
      std::sort(found_.begin(), found_.end());
      found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
      if (steps == 0) stay_ = found_;
      if (!lost_ || (steps > 0 && found_.size() >= capacity)) break;
    }
    Measure(node);
    if (!lost_ && sorted_.size() <= capacity) {
      draft_.Set(node, level, sorted_, 0);
    } else {
      const size_t spread = ChooseLinks(level);
      draft_.Set(node, level, links_, spread);
    }
  }
}

}  // namespace ordinate
