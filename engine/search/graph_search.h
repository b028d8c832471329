#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/search/node_distance.h"
#include "storage/base/context.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// Which nodes may be results.
class NodeFilter {
 public:
  virtual ~NodeFilter() = default;
  /// Called on the searching thread, at most once per node and search. Must not search itself.
  virtual bool Accepts(uint32_t node) const = 0;
  /// Brings into the cache what Accepts reads of `nodes`.
  virtual void Prefetch(std::span<const uint32_t> /*nodes*/) const {}
};

/// One search of a segment's graph. Everything is borrowed for the call.
struct GraphQuery {
  const PreparedQuery* query = nullptr;  // created for the segment
  uint32_t ef = 0;                       // candidates kept = hits wanted; 1..nodes matter
  /// Null: every node. Nodes it refuses are travelled through: scored like the others, which suits
  /// a filter that refuses few.
  const NodeFilter* accept = nullptr;
  /// With `accept`: refused nodes are not scored but stepped over, to what they link to. Suits a
  /// filter that accepts about this share of the nodes. 0: they are travelled through.
  double accepted_share = 0;
  /// With `accept`, travelling: nodes expanded before the search gives up; 0 takes
  /// DefaultMaxHops(ef).
  uint64_t max_hops = 0;
  /// Without `accept`: nodes farther than this are not wanted. The search ends once what it would
  /// expand next is, and some steps have led no nearer.
  float beyond = std::numeric_limits<float>::infinity();
  /// The file the segment is mapped from, when blocks of its vectors or codes are to be verified at
  /// first touch.
  const SegmentFile* file = nullptr;
};

/// Smaller is nearer: approximate, as NodeDistance says.
struct GraphHit {
  float distance = 0;
  uint32_t node = 0;
};

struct GraphStats {
  uint64_t hops = 0;       // nodes whose links were read, all levels
  uint64_t distances = 0;  // distances computed
  /// max_hops ended the search before it had `ef` hits or the whole graph; stepping over, so few
  /// nodes near the query were accepted that those found may not be the nearest.
  bool gave_up = false;
  /// GraphQuery::beyond ended the search: of nodes that are farther, it may have missed any.
  bool cut = false;

  void Add(const GraphStats& other) {
    hops += other.hops;
    distances += other.distances;
    gave_up |= other.gave_up;
    cut |= other.cut;
  }
};

inline uint64_t DefaultMaxHops(uint32_t ef) { return 1024 + 64 * uint64_t{ef}; }

/// Whether the graph's f32 arithmetic can tell the segment's vectors apart for this query: the
/// squares of lengths and distances neither overflow nor vanish. Where it is false, scan instead.
bool GraphFits(const SegmentView& segment, std::span<const float> query);

/// Up to `ef` accepted nodes near the query, nearest first, equal distances by node id. The same
/// input gives the same hits on every machine and thread. A segment without nodes gives none.
/// `stats`, when not null, is added to.
///
/// Thread-safe; each calling thread keeps a byte per node of the largest segment it searched, and
/// two more once it stepped over refused ones.
/// Errors: `context`'s; DATA_LOSS from the file; INVALID_ARGUMENT for ef 0; FAILED_PRECONDITION
/// for a segment without a graph.
absl::StatusOr<std::vector<GraphHit>> SearchGraph(const SegmentView& segment,
                                                  const GraphQuery& query,
                                                  const CallContext& context, GraphStats* stats);

/// Some nodes around the query, for the price of the descent: its nearest node of level 1 and those
/// that this links to on level 0. The same input gives the same nodes on every machine and thread.
/// Errors: as SearchGraph's, but for ef.
absl::StatusOr<std::vector<uint32_t>> NodesAround(const SegmentView& segment,
                                                  const PreparedQuery& query,
                                                  const SegmentFile* file,
                                                  const CallContext& context);

}  // namespace ordinate
