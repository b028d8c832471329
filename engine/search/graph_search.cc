#include "engine/search/graph_search.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
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
// Expansions, of several nodes each, that find none nearer than all, before GraphQuery::beyond may
// end a search: until then it is on its way.
constexpr uint32_t kSettledHops = 4;
// Above this many candidates a heap's insertion is cheaper than the pool's memmove.
constexpr uint32_t kMaxPool = 512;
constexpr uint32_t kMaxNodes = 1u << 31;
// Lengths whose squares f32 holds with room for sums and for differences in the last bits.
constexpr double kShortest = 1e-10;
constexpr double kLongest = 1e15;
// How many times longer than the longest vector a query may be under L2.
constexpr double kFarthest = 1e4;
// Stepping over refused nodes, one hop looks for so many accepted ones, and for them reads the
// links of at most so many refused ones, or twice as many as it takes if each leads to so many new
// nodes.
constexpr size_t kAcceptedPerHop = 16;
constexpr size_t kStepsPerHop = 32;
constexpr double kFreshPerStep = 10;
// Once so many nodes were tried, and so many times fewer accepted than the filter's share of all
// leads to expect, the nodes it accepts are known to lie elsewhere.
constexpr uint64_t kTriedBeforeDoubt = 256;
constexpr double kDoubt = 4;
// Candidates expanded at once by a search of the pool.
constexpr size_t kExpandedAtOnce = 2;

// What one thread reuses from search to search.
struct Scratch {
  VisitedSet visited;
  VisitedSet refused;  // stepping over: tried, and not accepted
  VisitedSet hop;      // stepping over: met by one hop
  CandidatePool pool;
  std::vector<Candidate> frontier;  // min-heap
  std::vector<Candidate> nearest;   // max-heap
  std::vector<uint32_t> batch;      // nodes met by one hop
  std::vector<uint32_t> coming;     // by the hop before, to be scored
  std::vector<uint32_t> steps;      // refused nodes met by one hop
  std::vector<uint32_t> untried;    // of the links of one node
  std::vector<float> distances;     // of the batch
};

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

class GraphSearch {
 public:
  GraphSearch(const SegmentView& segment, const GraphQuery& query, const CallContext& context)
      : segment_(segment),
        graph_(segment.graph),
        query_(query),
        context_(context),
        ef_(std::min(query.ef, segment.nodes)),
        distance_(segment, *query.query, query.file),
        scratch_(ThreadScratch()) {
    scratch_.visited.Reset(segment.nodes);
    scratch_.batch.resize(std::max<size_t>(kAcceptedPerHop + graph_.degree0, graph_.degree) +
                          kExpandedAtOnce * graph_.degree0);
    scratch_.coming.resize(scratch_.batch.size());
    scratch_.distances.resize(scratch_.batch.size());
  }

  absl::StatusOr<std::vector<GraphHit>> Run() {
    RETURN_IF_ERROR(context_.Check());
    Candidate start;
    RETURN_IF_ERROR(Descend(&start));
    scratch_.visited.Reset(segment_.nodes);
    scratch_.visited.Insert(start.node());
    const bool steps_over = query_.accept != nullptr && query_.accepted_share > 0;
    if (steps_over) BeginSteppingOver(start.node());
    ASSIGN_OR_RETURN(auto hits,
                     IsTravelling() || ef_ > kMaxPool ? RunHeaps(start) : RunPool(start));
    if (steps_over) stats_.gave_up = hits.size() < ef_ || IsDoubtful();
    if (distance_.Refines()) RETURN_IF_ERROR(Refine(hits));
    return hits;
  }

  absl::StatusOr<std::vector<uint32_t>> Around() {
    RETURN_IF_ERROR(context_.Check());
    Candidate nearest;
    RETURN_IF_ERROR(Descend(&nearest));
    scratch_.visited.Reset(segment_.nodes);
    scratch_.visited.Insert(nearest.node());
    const auto others = TakeBatch(Links0(nearest.node()), scratch_.visited, 0);
    std::vector<uint32_t> around(others.begin(), others.end());
    around.push_back(nearest.node());
    return around;
  }

  const GraphStats& stats() const { return stats_; }

 private:
  // Greedy walk over the upper levels: to the nearest node of level 1.
  absl::Status Descend(Candidate* nearest) {
    VisitedSet& seen = scratch_.visited;  // and no nearer than `nearest`
    RETURN_IF_ERROR(ScoreBatch(TakeBatch({&graph_.entry, 1}, seen, 0)));
    *nearest = Candidate(scratch_.distances[0], graph_.entry);
    for (uint32_t level = graph_.max_level; level >= 1; --level) {
      for (bool moved = true; moved;) {
        moved = false;
        const auto batch = TakeBatch(UpperLinks(nearest->node(), level), seen, 0);
        distance_.Fetch(batch);
        for (const uint32_t node : batch) {
          PrefetchLines(UpperLinks(node, level).data(), graph_.degree * sizeof(uint32_t));
        }
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
    pool.Reset(ef_ + refused_start_.has_value());
    pool.Insert(start);
    const auto insert = [&](Candidate candidate) {
      if (pool.Insert(candidate)) PrefetchLinks(candidate.node());
    };
    // While the nodes of one hop come in from memory, those of the hop before are scored.
    std::span<const uint32_t> coming;
    for (bool goes_on = true; goes_on && !IsDoubtful();) {
      std::span<const uint32_t> batch;
      RETURN_IF_ERROR(ExpandNearest(pool, batch, goes_on));
      goes_on |= !coming.empty();
      distance_.Fetch(batch);
      RETURN_IF_ERROR(ScoreInto(coming, insert));
      scratch_.batch.swap(scratch_.coming);
      coming = batch;
    }
    std::vector<GraphHit> hits;
    hits.reserve(pool.size());
    for (size_t i = 0; i < pool.size() && hits.size() < ef_; ++i) {
      if (pool[i].node() != refused_start_) hits.push_back({pool[i].distance(), pool[i].node()});
    }
    return hits;
  }

  // As RunPool for any ef, and with a filter: every node met is travelled through as long as the
  // results, accepted nodes only, can still get better or fewer than ef were found.
  absl::StatusOr<std::vector<GraphHit>> RunHeaps(Candidate start) {
    std::vector<Candidate>& frontier = scratch_.frontier;
    frontier.clear();
    scratch_.nearest.clear();
    Meet(start);
    const uint64_t limit = !IsTravelling()        ? UINT64_MAX
                           : query_.max_hops == 0 ? DefaultMaxHops(ef_)
                                                  : query_.max_hops;
    for (uint64_t hops = 0; !frontier.empty() && !IsDoubtful(); ++hops) {
      const Candidate current = PopFrontier();
      if (Full() && scratch_.nearest.front() < current) break;
      if (hops == limit) {
        stats_.gave_up = true;
        break;
      }
      std::span<const uint32_t> batch;
      RETURN_IF_ERROR(TakeNew(current.node(), batch));
      if (!frontier.empty()) PrefetchLinks(frontier.front().node());
      RETURN_IF_ERROR(ScoreInto(batch, [this](Candidate candidate) { Meet(candidate); }));
    }
    return SortedNearest();
  }

  // From here on, TakeNew takes accepted nodes alone.
  void BeginSteppingOver(uint32_t start) {
    const double enough = 2 * kAcceptedPerHop / kFreshPerStep / query_.accepted_share;
    most_steps_ = std::max(kStepsPerHop, static_cast<size_t>(std::min<double>(enough, kMaxNodes)));
    scratch_.refused.Reset(segment_.nodes);
    if (!Accepts(start)) refused_start_ = start;
  }

  // The nodes `node` leads to that were not met before.
  absl::Status TakeNew(uint32_t node, std::span<const uint32_t>& batch) {
    if (query_.accepted_share > 0) return TakeAccepted(node, batch);
    batch = TakeBatch(Links0(node), scratch_.visited, 0);
    return CountHop();
  }

  // Expands the nearest candidates: several at once, because a hop takes as long as memory takes to
  // answer, for one as for several. What they lead to goes to `batch`. `expanded`: there were any.
  absl::Status ExpandNearest(CandidatePool& pool, std::span<const uint32_t>& batch,
                             bool& expanded) {
    size_t at = pool.Next();
    expanded = at < pool.size();
    settled_hops_ = pool[0].node() == nearest_ ? settled_hops_ + 1 : 0;
    nearest_ = pool[0].node();
    stats_.cut = expanded && settled_hops_ >= kSettledHops && pool[at].distance() > query_.beyond;
    expanded &= !stats_.cut;
    if (!expanded) return absl::OkStatus();
    RETURN_IF_ERROR(TakeNew(pool.Expand(at).node(), batch));
    if (query_.accepted_share > 0) return absl::OkStatus();
    for (size_t i = 1; i < kExpandedAtOnce; ++i) {
      if (at = pool.Next(); at >= pool.size()) break;
      const auto more = TakeBatch(Links0(pool.Expand(at).node()), scratch_.visited, batch.size());
      batch = {batch.data(), batch.size() + more.size()};
      RETURN_IF_ERROR(CountHop());
    }
    return absl::OkStatus();
  }

  // The accepted nodes that `node` links to, and while these are few, those that refused nodes do
  // which it reaches; without those met before.
  absl::Status TakeAccepted(uint32_t node, std::span<const uint32_t>& batch) {
    std::vector<uint32_t>& steps = scratch_.steps;
    steps.clear();
    fresh_ = 0;
    scratch_.hop.Reset(segment_.nodes);
    scratch_.hop.Insert(node);
    size_t accepted = TryLinks(node);
    for (size_t i = 0; i < steps.size() && accepted < kAcceptedPerHop; ++i) {
      if (i + 1 < steps.size()) PrefetchLinks(steps[i + 1]);
      accepted += TryLinks(steps[i]);
      RETURN_IF_ERROR(CountHop());
    }
    batch = {scratch_.batch.data(), fresh_};
    return CountHop();
  }

  // Of the links this hop has not tried: adds the accepted nodes not met before to the batch and
  // the refused ones to the steps. Returns how many are accepted, met before or not.
  size_t TryLinks(uint32_t node) {
    std::vector<uint32_t>& untried = scratch_.untried;
    untried.clear();
    size_t accepted = 0;
    for (const uint32_t link : Links0(node)) {
      if (!scratch_.hop.Insert(link)) continue;
      if (scratch_.visited.Contains(link)) {
        ++accepted;
      } else if (scratch_.refused.Contains(link)) {
        AddStep(link);
      } else {
        untried.push_back(link);
      }
    }
    query_.accept->Prefetch(untried);
    for (const uint32_t link : untried) {
      if (!Accepts(link)) {
        AddStep(link);
        continue;
      }
      ++accepted;
      scratch_.visited.Insert(link);
      scratch_.batch[fresh_++] = link;
    }
    return accepted;
  }

  void AddStep(uint32_t node) {
    if (scratch_.steps.size() < most_steps_) scratch_.steps.push_back(node);
  }

  bool Accepts(uint32_t node) {
    ++tried_;
    const bool accepted = query_.accept->Accepts(node);
    accepted_ += accepted;
    if (!accepted) scratch_.refused.Insert(node);
    return accepted;
  }

  bool IsDoubtful() const {
    return tried_ >= kTriedBeforeDoubt && static_cast<double>(accepted_) * kDoubt <
                                              static_cast<double>(tried_) * query_.accepted_share;
  }

  bool IsTravelling() const { return query_.accept != nullptr && query_.accepted_share == 0; }
  bool Full() const { return scratch_.nearest.size() == ef_; }

  Candidate PopFrontier() {
    std::vector<Candidate>& frontier = scratch_.frontier;
    std::pop_heap(frontier.begin(), frontier.end(), std::greater<>());
    const Candidate nearest = frontier.back();
    frontier.pop_back();
    return nearest;
  }

  void Meet(Candidate candidate) {
    std::vector<Candidate>& nearest = scratch_.nearest;
    if (Full() && nearest.front() < candidate) return;
    scratch_.frontier.push_back(candidate);
    std::push_heap(scratch_.frontier.begin(), scratch_.frontier.end(), std::greater<>());
    if (candidate.node() == refused_start_) return;
    if (IsTravelling() && !query_.accept->Accepts(candidate.node())) return;
    if (Full()) {
      std::pop_heap(nearest.begin(), nearest.end());
      nearest.pop_back();
    }
    nearest.push_back(candidate);
    std::push_heap(nearest.begin(), nearest.end());
  }

  // Orders the hits by better distances than those that led to them.
  absl::Status Refine(std::vector<GraphHit>& hits) {
    std::vector<uint32_t>& nodes = scratch_.steps;
    nodes.clear();
    for (const GraphHit& hit : hits) nodes.push_back(hit.node);
    std::vector<float>& distances = scratch_.distances;
    if (distances.size() < nodes.size()) distances.resize(nodes.size());
    RETURN_IF_ERROR(distance_.Refine(nodes, distances));
    for (size_t i = 0; i < hits.size(); ++i) hits[i].distance = distances[i];
    std::sort(hits.begin(), hits.end(), [](const GraphHit& a, const GraphHit& b) {
      return Candidate(a.distance, a.node) < Candidate(b.distance, b.node);
    });
    return absl::OkStatus();
  }

  std::vector<GraphHit> SortedNearest() {
    std::vector<Candidate>& nearest = scratch_.nearest;
    std::sort_heap(nearest.begin(), nearest.end());
    std::vector<GraphHit> hits(nearest.size());
    for (size_t i = 0; i < hits.size(); ++i) hits[i] = {nearest[i].distance(), nearest[i].node()};
    return hits;
  }

  std::span<const uint32_t> UpperLinks(uint32_t node, uint32_t level) const {
    const size_t block = size_t{graph_.upper_offsets[node]} + level - 1;
    return graph_.upper_links.subspan(block * graph_.degree, graph_.degree);
  }
  std::span<const uint32_t> Links0(uint32_t node) const {
    return graph_.links0.subspan(size_t{node} * graph_.degree0, graph_.degree0);
  }
  void PrefetchLinks(uint32_t node) const {
    PrefetchLines(graph_.links0.data() + size_t{node} * graph_.degree0,
                  graph_.degree0 * sizeof(uint32_t));
  }

  // Those of `links` that `seen` has not met, behind the first `at` of the batch.
  std::span<const uint32_t> TakeBatch(std::span<const uint32_t> links, VisitedSet& seen,
                                      size_t at) {
    uint32_t* const out = scratch_.batch.data() + at;
    size_t count = 0;
    for (const uint32_t node : links) __builtin_prefetch(seen.Slot(node));
    for (const uint32_t node : links) {
      out[count] = node;
      count += seen.Insert(node);
    }
    return {out, count};
  }

  absl::Status ScoreBatch(std::span<const uint32_t> batch) {
    stats_.distances += batch.size();
    return distance_.Score(batch, scratch_.distances);
  }
  template <typename Take>
  absl::Status ScoreInto(std::span<const uint32_t> batch, const Take& take) {
    RETURN_IF_ERROR(ScoreBatch(batch));
    for (size_t i = 0; i < batch.size(); ++i) take(Candidate(scratch_.distances[i], batch[i]));
    return absl::OkStatus();
  }

  absl::Status CountHop() {
    if (++stats_.hops % kHopsBetweenChecks != 0) return absl::OkStatus();
    return context_.Check();
  }

  const SegmentView& segment_;
  const GraphView& graph_;
  const GraphQuery& query_;
  const CallContext& context_;
  const uint32_t ef_;
  NodeDistance distance_;
  Scratch& scratch_;
  GraphStats stats_;
  // Of RunPool: the nearest node, and expansions since it was met.
  uint32_t nearest_ = kMaxNodes;
  uint32_t settled_hops_ = 0;
  // Of stepping over.
  std::optional<uint32_t> refused_start_;
  size_t most_steps_ = 0;
  size_t fresh_ = 0;  // nodes in the batch
  uint64_t tried_ = 0, accepted_ = 0;
};

}  // namespace

bool GraphFits(const SegmentView& segment, std::span<const float> query) {
  // The query is divided by its length, in f64; so are vectors before they become codes.
  if (segment.metric == Metric::kCosine) {
    return segment.norms_fit || segment.codes.quantization == Quantization::kSq8;
  }
  const double length =
      std::sqrt(BestKernels().exact_dot(query.data(), query.data(), query.size()));
  const auto fits = [](double x) { return x == 0 || (x >= kShortest && x <= kLongest); };
  // Far beside short vectors, a long query is as far from each as from the next.
  const bool parts = segment.metric == Metric::kIp || length <= kFarthest * segment.longest;
  return fits(segment.longest) && fits(length) && parts;
}

namespace {

absl::Status CheckSearchable(const SegmentView& segment) {
  if (segment.engine == Engine::kHnsw && segment.nodes <= kMaxNodes) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("a segment of ", segment.nodes,
                   " nodes cannot be searched by its graph: it takes an HNSW segment of at most ",
                   kMaxNodes, " nodes; scan it instead"));
}

}  // namespace

absl::StatusOr<std::vector<GraphHit>> SearchGraph(const SegmentView& segment,
                                                  const GraphQuery& query,
                                                  const CallContext& context, GraphStats* stats) {
  if (query.ef == 0) return absl::InvalidArgumentError("ef is 0; a graph search takes 1 or more");
  if (segment.nodes == 0) return std::vector<GraphHit>();
  RETURN_IF_ERROR(CheckSearchable(segment));
  GraphSearch search(segment, query, context);
  auto hits = search.Run();
  if (stats != nullptr) stats->Add(search.stats());
  return hits;
}

absl::StatusOr<std::vector<uint32_t>> NodesAround(const SegmentView& segment,
                                                  const PreparedQuery& query,
                                                  const SegmentFile* file,
                                                  const CallContext& context) {
  if (segment.nodes == 0) return std::vector<uint32_t>();
  RETURN_IF_ERROR(CheckSearchable(segment));
  const GraphQuery search{.query = &query, .ef = 1, .file = file};
  return GraphSearch(segment, search, context).Around();
}

}  // namespace ordinate
