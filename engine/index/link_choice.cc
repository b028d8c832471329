#include "engine/index/link_choice.h"

#include <algorithm>

namespace ordinate {
namespace {

// Candidates looked at together: the farther ones are not needed when the nearer ones fill a list.
constexpr size_t kTogether = 48;

}  // namespace

std::span<const Candidate> LinkChoice::Choose(std::span<const Candidate> sorted, size_t most) {
  chosen_.clear();
  for (size_t begin = 0; begin < sorted.size() && chosen_.size() < most; begin += kTogether) {
    const auto part = sorted.subspan(begin, std::min(kTogether, sorted.size() - begin));
    left_.assign(part.rbegin(), part.rend());  // the nearest last
    for (const Candidate chosen : chosen_) Refuse(chosen);
    while (!left_.empty() && chosen_.size() < most) {
      const Candidate nearest = left_.back();
      left_.pop_back();
      chosen_.push_back(nearest);
      Refuse(nearest);
    }
  }
  return chosen_;
}

// Drops what is nearer to `chosen` than to the node.
void LinkChoice::Refuse(Candidate chosen) {
  asked_.clear();
  for (const Candidate candidate : left_) {
    if (!(chosen.expanded() && candidate.expanded())) asked_.push_back(candidate.node());
  }
  if (asked_.empty()) return;
  distances_.resize(std::max(distances_.size(), asked_.size()));
  matrix_.Distances(matrix_.row(chosen.node()), asked_, distances_.data());
  size_t kept = 0, next = 0;
  for (const Candidate candidate : left_) {
    const bool asked = !(chosen.expanded() && candidate.expanded());
    left_[kept] = candidate;
    kept += !asked || !(distances_[next] < candidate.distance());
    next += asked;
  }
  left_.resize(kept);
}

}  // namespace ordinate
