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

// A segment that has lost such a part of what makes it due is likely made anew soon.
constexpr double kSoon = 0.75;

// Whether it has lost that part of what makes it due.
bool HasLost(const SegmentRows& segment, const MergePolicy& policy, double part) {
  const auto [live, total, revised] = segment;
  const uint64_t gone = total - live;
  const uint64_t dead = gone + std::min(live, revised);
  const auto is = [&](uint64_t rows, double share) {
    return rows > 0 && static_cast<double>(rows) >= part * share * static_cast<double>(total);
  };
  return total >= policy.least_rows && (is(dead, policy.most_dead) || is(gone, policy.most_gone));
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
  const auto is_due_soon = [&](size_t i) { return HasLost(segments[i], policy, kSoon); };
  const bool waits =
      policy.may_wait && segments.size() <= policy.max_segments && due < order.size() &&
      std::any_of(order.begin() + static_cast<ptrdiff_t>(due), order.end(), is_due_soon);
  if (due >= 2 && !waits) {
    order.resize(due);
    std::reverse(order.begin(), order.end());
    return order;
  }
  for (size_t last = order.size(); last-- > 0;) {
    if (HasLost(segments[order[last]], policy, 1)) {
      order.resize(last + 1);
      std::reverse(order.begin(), order.end());
      return order;
    }
  }
  return {};
}

std::vector<size_t> ChooseMergeUpTo(uint64_t most_rows, std::span<const SegmentRows> segments,
                                    MergePolicy policy) {
  std::vector<SegmentRows> left(segments.begin(), segments.end());
  std::vector<size_t> number(segments.size());  // of those left
  std::iota(number.begin(), number.end(), size_t{0});
  while (true) {
    std::vector<size_t> chosen = ChooseMerge(left, policy);
    uint64_t rows = 0;
    for (const size_t i : chosen) rows += left[i].total;
    if (rows <= most_rows) {
      for (size_t& i : chosen) i = number[i];
      return chosen;
    }
    const auto largest = static_cast<ptrdiff_t>(chosen.front());
    left.erase(left.begin() + largest);
    number.erase(number.begin() + largest);
    policy.max_segments -= policy.max_segments > 1;  // it stays one of them
  }
}

}  // namespace ordinate
