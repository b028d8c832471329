#include "engine/shard/filter_sample.h"

#include <algorithm>
#include <functional>

#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "engine/segment/part_matcher.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Rows a filter is tried on, per segment, to estimate its selectivity, in rounds: the first are
// enough where so many of them match.
constexpr uint64_t kFilterSample = 256;
constexpr uint64_t kRounds = 4;
constexpr uint64_t kEnoughMatches = 8;
constexpr uint64_t kSampleAhead = 8;  // rows fetched ahead

// What the filter says of a node's live rows.
struct NodeMatch {
  bool live = false;
  bool matches = false;
};
NodeMatch MatchNodeRows(const IndexSnapshot::Sealed& part, const PartMatcher& matcher,
                        uint32_t node) {
  const std::span<const uint32_t> node_rows = part.segment->view().node_rows;
  NodeMatch match;
  for (uint32_t row = node_rows[node]; row < node_rows[node + 1]; ++row) {
    if (part.masked.Test(row)) continue;
    match.live = true;
    match.matches |= matcher.Matches(row);
  }
  return match;
}

// A part's share of matching rows counts for as many rows as the part has.
void AddShare(uint64_t tried, uint64_t matched, uint64_t rows, ShardProbe& probe) {
  if (tried == 0) return;
  const double share = static_cast<double>(matched) / static_cast<double>(tried);
  probe.sampled += rows;
  probe.sample_matched += static_cast<uint64_t>(share * static_cast<double>(rows) + 0.5);
}

// Where fewer of the nodes around the vector match than one in so many, but so many times the share
// of all rows, the nearest are tried: so many, as those around it lie further out.
constexpr uint64_t kFewMatch = 4;
constexpr double kManyTimes = 3;
constexpr uint32_t kNearest = 8;

struct NodeTally {
  uint64_t tried = 0, matched = 0;  // nodes with live rows
};
template <typename NodeOf, typename Nodes>
NodeTally TryNodes(const IndexSnapshot::Sealed& part, const PartMatcher& matcher,
                   const Nodes& nodes, const NodeOf& node_of) {
  NodeTally tally;
  for (const auto& one : nodes) matcher.Prefetch(part.segment->view().node_rows[node_of(one)]);
  for (const auto& one : nodes) {
    const NodeMatch match = MatchNodeRows(part, matcher, node_of(one));
    tally.tried += match.live;
    tally.matched += match.matches;
  }
  return tally;
}

// Of nodes near the vector; of none where the graph does not answer. `share`: of all rows,
// matching.
absl::StatusOr<NodeTally> TryNearbyNodes(const IndexSnapshot::Sealed& part,
                                         const PartMatcher& matcher, std::span<const float> vector,
                                         double share, const CallContext& context) {
  const SegmentView& view = part.segment->view();
  if (view.engine != Engine::kHnsw || view.dim != vector.size() || !GraphFits(view, vector)) {
    return NodeTally();
  }
  const SegmentFile* const file = &part.segment->file();
  ASSIGN_OR_RETURN(const PreparedQuery prepared, PreparedQuery::Create(view, vector));
  ASSIGN_OR_RETURN(const auto around, NodesAround(view, prepared, file, context));
  const NodeTally tally = TryNodes(part, matcher, around, std::identity());
  const double expected = share * static_cast<double>(tally.tried);
  if (tally.matched * kFewMatch >= tally.tried ||
      static_cast<double>(tally.matched) <= kManyTimes * expected) {
    return tally;
  }
  const GraphQuery search{.query = &prepared, .ef = kNearest, .file = file};
  ASSIGN_OR_RETURN(const auto nearest, SearchGraph(view, search, context, nullptr));
  return TryNodes(part, matcher, nearest, [](const GraphHit& hit) { return hit.node; });
}

// At a fixed stride in the order of row ids, which, unlike the order of the rows, no build changes:
// the same rows give the same estimate.
void SampleSealed(const IndexSnapshot::Sealed& part, const Filter& filter, ShardProbe& probe) {
  const SegmentView& view = part.segment->view();
  const uint64_t rows = view.by_row_id.size();
  const uint64_t step = std::max<uint64_t>(1, rows / kFilterSample);
  const uint64_t stride = step * kRounds;
  const PartMatcher matcher(filter, part);
  uint64_t tried = 0, matched = 0;
  for (uint64_t round = 0; round < kRounds && matched < kEnoughMatches; ++round) {
    for (uint64_t at = step / 2 + round * step; at < rows; at += stride) {
      const uint64_t ahead = at + kSampleAhead * stride, further = ahead + kSampleAhead * stride;
      if (further < rows) __builtin_prefetch(view.by_row_id.data() + further);
      if (ahead < rows) matcher.Prefetch(view.by_row_id[ahead]);
      const uint32_t row = view.by_row_id[at];
      if (row >= view.vector_rows || part.masked.Test(row)) continue;
      ++tried;
      matched += matcher.Matches(row);
    }
  }
  // Rows without a vector may be masked too.
  const uint64_t masked = std::min<uint64_t>(view.vector_rows, part.masked.count());
  AddShare(tried, matched, std::max(tried, view.vector_rows - masked), probe);
}

void SampleTail(const Tail::View& tail, const Filter& filter, ShardProbe& probe) {
  TailCells cells;
  uint64_t tried = 0, matched = 0;
  const uint64_t step = std::max<uint64_t>(1, tail.size / kFilterSample);
  for (uint64_t slot = 0; slot < tail.size; slot += step) {
    const TailRow& row = tail.Row(static_cast<uint32_t>(slot));
    if (!tail.IsLive(static_cast<uint32_t>(slot)) || row.row_class != RowClass::kVector) continue;
    cells.MoveTo(row);
    ++tried;
    matched += Matches(filter, cells);
  }
  AddShare(tried, matched, tried * step, probe);
}

}  // namespace

void SampleFilter(const IndexSnapshot& index, const Filter& filter, ShardProbe& probe) {
  for (const IndexSnapshot::Sealed& part : index.sealed) SampleSealed(part, filter, probe);
  SampleTail(index.tail, filter, probe);
}

absl::Status SampleNearby(const IndexSnapshot& index, const Filter& filter,
                          std::span<const float> vector, const CallContext& context,
                          ShardProbe& probe) {
  const double share = probe.sampled == 0 ? 1
                                          : static_cast<double>(probe.sample_matched) /
                                                static_cast<double>(probe.sampled);
  for (const IndexSnapshot::Sealed& part : index.sealed) {
    const PartMatcher matcher(filter, part);
    ASSIGN_OR_RETURN(const NodeTally tally, TryNearbyNodes(part, matcher, vector, share, context));
    probe.nearby += tally.tried;
    probe.nearby_matched += tally.matched;
  }
  return absl::OkStatus();
}

}  // namespace ordinate
