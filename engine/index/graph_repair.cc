#include "engine/index/graph_repair.h"

#include <algorithm>

namespace ordinate {
namespace {

// How far to look past nodes that are left out: where most of a region is gone, the neighbours of
// its nodes are gone, too.
constexpr int kSteps = 3;
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
  std::sort(found_.begin(), found_.end());
  found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
  distances_.resize(found_.size());
  matrix_.Distances(matrix_.row(node), found_, distances_.data());
  sorted_.clear();
  for (size_t i = 0; i < found_.size(); ++i) sorted_.emplace_back(distances_[i], found_[i]);
  std::sort(sorted_.begin(), sorted_.end());
}

void GraphRepair::TakeOver(uint32_t old_node) {
  const uint32_t node = number_[old_node];
  for (uint32_t level = 0; level <= draft_.level(node); ++level) {
    found_.clear();
    lost_ = false;
    Collect(node, old_node, level, kSteps);
    Measure(node);
    const uint32_t capacity = draft_.capacity(level);
    if (!lost_ && sorted_.size() <= capacity) {
      draft_.Set(node, level, sorted_, 0);
      continue;
    }
    const auto spread = choice_.Choose(sorted_, capacity);
    links_.assign(spread.begin(), spread.end());
    const size_t chosen = links_.size();
    // As many as an insertion gives a node at least.
    const bool fills = level == 0 && !matrix_.lengths_differ();
    const size_t least = std::min<size_t>(fills ? draft_.capacity(1) : 0, sorted_.size());
    for (size_t i = 0, next = 0; links_.size() < least; ++i) {
      if (next < chosen && links_[next].node() == sorted_[i].node()) {
        ++next;
      } else {
        links_.push_back(sorted_[i]);
      }
    }
    draft_.Set(node, level, links_, chosen);
  }
}

}  // namespace ordinate
