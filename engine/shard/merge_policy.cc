#include "engine/shard/merge_policy.h"

#include <algorithm>
#include <numeric>

namespace ordinate {
namespace {

int TierOf(uint64_t rows, const MergePolicy& policy) {
  int tier = 0;
  for (uint64_t end = policy.least_rows * policy.fanout; rows >= end; end *= policy.fanout) ++tier;
  return tier;
}

}  // namespace

std::vector<size_t> ChooseMerge(std::span<const SegmentRows> segments, const MergePolicy& policy) {
  std::vector<size_t> order(segments.size());  // the fewest live rows first
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return segments[a].live < segments[b].live; });
  // The longest run from the smallest segment on whose merging is due: what a merge makes may
  // complete the next tier, and then goes there at once.
  size_t due =
      segments.size() > policy.max_segments ? segments.size() - policy.max_segments + 1 : size_t{0};
  uint64_t in_tier = 0;
  int tier = -1;
  uint64_t sum = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const int own = TierOf(segments[order[i]].live, policy);
    const int reached = due == i && i > 0 ? TierOf(sum, policy) : -1;
    if (own != tier) in_tier = reached >= own ? 1 : 0;
    tier = own;
    ++in_tier;
    sum += segments[order[i]].live;
    if (in_tier >= policy.fanout) due = std::max(due, i + 1);
  }
  if (due >= 2) {
    order.resize(due);
    std::reverse(order.begin(), order.end());
    return order;
  }
  for (size_t last = order.size(); last-- > 0;) {
    const auto [live, total, revised] = segments[order[last]];
    const uint64_t gone = total - live;
    const uint64_t dead = gone + std::min(live, revised);
    const auto is = [rows = static_cast<double>(total)](uint64_t part, double share) {
      return part > 0 && static_cast<double>(part) >= share * rows;
    };
    if (total >= policy.least_rows && (is(dead, policy.most_dead) || is(gone, policy.most_gone))) {
      order.resize(last + 1);
      std::reverse(order.begin(), order.end());
      return order;
    }
  }
  return {};
}

}  // namespace ordinate
