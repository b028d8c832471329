#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ordinate {

/// When segments of an index are merged. Tiers, each `fanout` times as large as the one below: a
/// row is inserted into a graph again once per tier at most, and a query searches at most
/// fanout - 1 segments of each.
struct MergePolicy {
  uint64_t least_rows = 2'000;  // the first tier ends at fanout times as many
  uint64_t fanout = 4;          // so many segments of a tier become one of the next
  size_t max_segments = 8;      // with more, the smallest are merged whatever their tiers
  double most_dead = 0.25;      // a segment of least_rows with so many lost or revised is made anew
  double most_gone = 0.25;      // or with so many lost
};

/// One segment: rows that are shown, all it holds, and those shown in versions of another file.
struct SegmentRows {
  uint64_t live = 0;
  uint64_t total = 0;
  uint64_t revised = 0;
};

/// Which of the segments to merge into one now, by their numbers, the most live rows first; empty:
/// none. One that is made anew without its dead rows takes in all that are smaller: they hold the
/// newer versions of many of those, whose nodes may stay.
std::vector<size_t> ChooseMerge(std::span<const SegmentRows> segments, const MergePolicy& policy);

}  // namespace ordinate
