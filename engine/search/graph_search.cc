#include "engine/search/graph_search.h"

#include <algorithm>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/search/candidate.h"
#include "engine/search/node_distance.h"
#include "engine/search/visited_set.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

constexpr uint64_t kHopsBetweenChecks = 256;
// Above this many candidates a heap's insertion is cheaper than the pool's memmove.
constexpr uint32_t kMaxPool = 512;
constexpr uint32_t kMaxNodes = 1u << 31;

// What one thread reuses from search to search.
struct Scratch {
  VisitedSet visited;
  CandidatePool pool;
  std::vector<Candidate> frontier;  // min-heap
  std::vector<Candidate> nearest;   // max-heap
  std::vector<uint32_t> batch;      // nodes met by one hop
  std::vector<float> distances;     // of the batch
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

class GraphSearch {
 public:
  GraphSearch(const SegmentView& segment, const GraphQuery& query, const CallContext& context)
      : graph_(segment.graph),
        query_(query),
        context_(context),
        ef_(std::min(query.ef, segment.nodes)),
        distance_(segment, query.query, query.file),
        scratch_(ThreadScratch()) {
    scratch_.visited.Reset(segment.nodes);
    scratch_.batch.resize(std::max<size_t>({graph_.degree0, graph_.degree, 1}));
    scratch_.distances.resize(scratch_.batch.size());
  }

  absl::StatusOr<std::vector<GraphHit>> Run() {
    RETURN_IF_ERROR(context_.Check());
    Candidate start;
    RETURN_IF_ERROR(Descend(&start));
    scratch_.visited.Insert(start.node());
    if (query_.accept != nullptr || ef_ > kMaxPool) return RunHeaps(start);
    return RunPool(start);
  }

  const GraphStats& stats() const { return stats_; }

 private:
  // Greedy walk over the upper levels: to the nearest node of level 1.
  absl::Status Descend(Candidate* nearest) {
    RETURN_IF_ERROR(ScoreBatch(TakeBatch({&graph_.entry, 1}, /*unseen_only=*/false)));
    *nearest = Candidate(scratch_.distances[0], graph_.entry);
    for (uint32_t level = graph_.max_level; level >= 1; --level) {
      for (bool moved = true; moved;) {
        moved = false;
        const uint32_t node = nearest->node();
        const size_t block = size_t{graph_.upper_offsets[node]} + level - 1;
        const auto links = graph_.upper_links.subspan(block * graph_.degree, graph_.degree);
        const auto batch = TakeBatch(links, /*unseen_only=*/false, node);
        RETURN_IF_ERROR(ScoreBatch(batch));
        for (size_t i = 0; i < batch.size(); ++i) {
          const Candidate candidate(scratch_.distances[i], batch[i]);
          if (candidate < *nearest) {
            *nearest = candidate;
            moved = true;
          }
        }
        RETURN_IF_ERROR(CountHop());
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<GraphHit>> RunPool(Candidate start) {
    CandidatePool& pool = scratch_.pool;
    pool.Reset(ef_);
    pool.Insert(start);
    for (size_t at = pool.Next(); at < pool.size(); at = pool.Next()) {
      const uint32_t node = pool.Expand(at).node();
      const auto batch = TakeBatch(Links0(node), /*unseen_only=*/true);
      distance_.Prefetch(batch);
      // Likely the next hop, unless this one finds something nearer.
      if (const size_t next = pool.Next(); next < pool.size()) PrefetchLinks(pool[next].node());
      RETURN_IF_ERROR(ScoreBatch(batch));
      for (size_t i = 0; i < batch.size(); ++i) {
        pool.Insert(Candidate(scratch_.distances[i], batch[i]));
      }
      RETURN_IF_ERROR(CountHop());
    }
    std::vector<GraphHit> hits(pool.size());
    for (size_t i = 0; i < hits.size(); ++i) hits[i] = {pool[i].distance(), pool[i].node()};
    return hits;
  }

  // As RunPool for any ef, and with a filter: every node met is travelled through as long as the
  // results, accepted nodes only, can still get better or fewer than ef were found.
  absl::StatusOr<std::vector<GraphHit>> RunHeaps(Candidate start) {
    std::vector<Candidate>& frontier = scratch_.frontier;
    frontier.clear();
    scratch_.nearest.clear();
    Meet(start);
    const uint64_t limit = query_.accept == nullptr ? UINT64_MAX
                           : query_.max_hops == 0   ? DefaultMaxHops(ef_)
                                                    : query_.max_hops;
    for (uint64_t hops = 0; !frontier.empty(); ++hops) {
      std::pop_heap(frontier.begin(), frontier.end(), std::greater<>());
      const Candidate current = frontier.back();
      frontier.pop_back();
      if (Full() && scratch_.nearest.front() < current) break;
      if (hops == limit) {
        stats_.gave_up = true;
        break;
      }
      const auto batch = TakeBatch(Links0(current.node()), /*unseen_only=*/true);
      distance_.Prefetch(batch);
      if (!frontier.empty()) PrefetchLinks(frontier.front().node());
      RETURN_IF_ERROR(ScoreBatch(batch));
      for (size_t i = 0; i < batch.size(); ++i) Meet(Candidate(scratch_.distances[i], batch[i]));
      RETURN_IF_ERROR(CountHop());
    }
    return SortedNearest();
  }

  bool Full() const { return scratch_.nearest.size() == ef_; }

  void Meet(Candidate candidate) {
    std::vector<Candidate>& nearest = scratch_.nearest;
    if (Full() && nearest.front() < candidate) return;
    scratch_.frontier.push_back(candidate);
    std::push_heap(scratch_.frontier.begin(), scratch_.frontier.end(), std::greater<>());
    if (query_.accept != nullptr && !query_.accept->Accepts(candidate.node())) return;
    if (Full()) {
      std::pop_heap(nearest.begin(), nearest.end());
      nearest.pop_back();
    }
    nearest.push_back(candidate);
    std::push_heap(nearest.begin(), nearest.end());
  }

  std::vector<GraphHit> SortedNearest() {
    std::vector<Candidate>& nearest = scratch_.nearest;
    std::sort_heap(nearest.begin(), nearest.end());
    std::vector<GraphHit> hits(nearest.size());
    for (size_t i = 0; i < hits.size(); ++i) hits[i] = {nearest[i].distance(), nearest[i].node()};
    return hits;
  }

  std::span<const uint32_t> Links0(uint32_t node) const {
    return graph_.links0.subspan(size_t{node} * graph_.degree0, graph_.degree0);
  }
  void PrefetchLinks(uint32_t node) const {
    PrefetchLines(graph_.links0.data() + size_t{node} * graph_.degree0,
                  graph_.degree0 * sizeof(uint32_t));
  }

  // The nodes among `links` to score: not `self` (unused slots), not met before when `unseen_only`.
  std::span<const uint32_t> TakeBatch(std::span<const uint32_t> links, bool unseen_only,
                                      uint32_t self = UINT32_MAX) {
    uint32_t* out = scratch_.batch.data();
    size_t count = 0;
    if (unseen_only) {
      for (const uint32_t node : links) __builtin_prefetch(scratch_.visited.Slot(node));
    }
    for (const uint32_t node : links) {
      out[count] = node;
      count += unseen_only ? scratch_.visited.Insert(node) : node != self;
    }
    return {out, count};
  }

  absl::Status ScoreBatch(std::span<const uint32_t> batch) {
    stats_.distances += batch.size();
    return distance_.Score(batch, scratch_.distances);
  }

  absl::Status CountHop() {
    if (++stats_.hops % kHopsBetweenChecks != 0) return absl::OkStatus();
    return context_.Check();
  }

  const GraphView& graph_;
  const GraphQuery& query_;
  const CallContext& context_;
  const uint32_t ef_;
  const NodeDistance distance_;
  Scratch& scratch_;
  GraphStats stats_;
};

}  // namespace

absl::StatusOr<std::vector<GraphHit>> SearchGraph(const SegmentView& segment,
                                                  const GraphQuery& query,
                                                  const CallContext& context, GraphStats* stats) {
  if (query.ef == 0) return absl::InvalidArgumentError("ef is 0; a graph search takes 1 or more");
  if (segment.nodes == 0) return std::vector<GraphHit>();
  if (segment.engine != Engine::kHnsw || segment.nodes > kMaxNodes) {
    return absl::FailedPreconditionError(
        absl::StrCat("a segment of ", segment.nodes,
                     " nodes cannot be searched by its graph: it takes an HNSW segment of at most ",
                     kMaxNodes, " nodes; scan it instead"));
  }
  GraphSearch search(segment, query, context);
  auto hits = search.Run();
  if (stats != nullptr) stats->Add(search.stats());
  return hits;
}

}  // namespace ordinate
