// Scores read from an index's snapshot: the EXACT and the ANN path.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "engine/shard/rank.h"
#include "engine/shard/sealed_reader.h"
#include "engine/shard/tail_reader.h"
#include "storage/base/mutex.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Nodes one task of a parallel scan takes: some milliseconds of work, and often enough to stop.
constexpr uint32_t kBlockNodes = 8'192;
constexpr uint32_t kCheckEvery = 256;
// Nodes a filter is asked about at once.
constexpr uint32_t kMatchNodes = 4'096;
constexpr size_t kFetchAhead = SealedReader::kFetchAhead;
// The share of rows that match when the sample has none.
constexpr double kLeastShare = 1e-6;
// A preselection that should hold at least so many matching nodes, and holds so many times fewer,
// says that the rows that match lie elsewhere.
constexpr double kLeastExpected = 16;
constexpr double kFewTimes = 4;

/// Adds one segment's share to the totals, when it goes.
class SegmentTally {
 public:
  SegmentTally(RankJob& job, std::string segment, Path path)
      : job_(job), started_(job.source.clock->MonotonicNanos()) {
    stats.segment = std::move(segment);
    stats.path = path;
  }
  ~SegmentTally() {
    job_.result.stats.nodes_visited += stats.nodes_visited;
    job_.result.stats.distances += stats.distances;
    job_.result.stats.candidates += stats.candidates;
    job_.result.stats.rescored += stats.rescored;
    if (!job_.query.analyze) return;
    stats.nanos = job_.source.clock->MonotonicNanos() - started_;
    job_.result.stats.segments.push_back(std::move(stats));
  }
  SegmentTally(const SegmentTally&) = delete;
  SegmentTally& operator=(const SegmentTally&) = delete;

  SegmentStats stats;

 private:
  RankJob& job_;
  const int64_t started_;
};

std::string FileName(const IndexSnapshot::Sealed& part) {
  const std::string& path = part.segment->file().path();
  return path.substr(path.rfind('/') + 1);
}

// `beyond`: see SealedReader::OfferNodes.
absl::Status ScanNodes(SealedReader& reader, uint32_t first, uint32_t last, const RankJob& job,
                       RankSink& sink, std::optional<double> beyond, SegmentStats& stats) {
  const uint32_t step = job.query.filter.has_value() ? kMatchNodes : kCheckEvery;
  for (uint32_t begin = first; begin < last; begin += step) {
    RETURN_IF_ERROR(job.context.Check());
    const uint32_t end = std::min(last, begin + step);
    RETURN_IF_ERROR(reader.OfferNodes(begin, end, sink, beyond, stats));
  }
  return absl::OkStatus();
}

/// Accepts nodes that have a live row, or a live matching row.
class WantedNodes final : public NodeFilter {
 public:
  WantedNodes(SealedReader& reader, const SegmentView& view, bool matching)
      : reader_(reader),
        view_(view),
        matching_(matching),
        rows_are_nodes_(view.nodes == view.vector_rows) {}
  bool Accepts(uint32_t node) const override {
    if (rows_are_nodes_) return matching_ ? reader_.IsMatch(node) : reader_.IsLive(node);
    for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
      if (matching_ ? reader_.IsMatch(row) : reader_.IsLive(row)) return true;
    }
    return false;
  }
  void Prefetch(std::span<const uint32_t> nodes) const override {
    for (const uint32_t node : nodes) {
      if (rows_are_nodes_) {
        reader_.PrefetchCells(node);
      } else {
        __builtin_prefetch(view_.node_rows.data() + node);
      }
    }
    if (rows_are_nodes_) return;
    for (const uint32_t node : nodes) reader_.PrefetchCells(view_.node_rows[node]);
  }

 private:
  SealedReader& reader_;
  const SegmentView& view_;
  const bool matching_;
  const bool rows_are_nodes_;  // no two rows have one vector
};

/// The worse of two scores, where none is the best.
void KeepWorst(const RowOrder& order, const std::optional<double>& score,
               std::optional<double>& worst) {
  if (!score.has_value()) return;
  const bool worse =
      !worst.has_value() || (order.score_descending() ? *score < *worst : *score > *worst);
  if (worse) worst = score;
}

// Whether of W nodes of any kind so few matched that W would have to grow past all reason.
bool FewMatched(const Plan& plan, size_t w, size_t matched) {
  if (plan.filter_strategy != FilterStrategy::kLargerW || matched >= plan.k) return false;
  const double expected = static_cast<double>(w) * plan.ShareNearby();
  return expected >= kLeastExpected && static_cast<double>(matched) * kFewTimes < expected;
}

// Whether as many rows are kept as the answer wants: worse ones are beyond them, however bad.
bool IsFull(const RankJob& job) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return job.sink.IsBeyond(job.order.score_descending() ? -kInfinity : kInfinity);
}

// A score that none of what a search left out is expected to be better than.
void SetBound(double bound, RankJob& job) {
  const bool tighter =
      !job.result.bound.has_value() ||
      (job.order.score_descending() ? bound > *job.result.bound : bound < *job.result.bound);
  if (tighter) job.result.bound = bound;
}

/// Distances of the nearest nodes of the segments searched so far, as many as one search keeps:
/// what is farther in a later segment is not among those of all segments together.
class NearestSoFar {
 public:
  explicit NearestSoFar(const Plan& plan)
      : most_(static_cast<size_t>(std::max<uint64_t>(plan.ef_search, plan.w))) {}

  void Add(std::span<const GraphHit> hits) {
    const auto before = static_cast<std::ptrdiff_t>(distances_.size());
    for (const GraphHit& hit : hits) distances_.push_back(hit.distance);
    std::inplace_merge(distances_.begin(), distances_.begin() + before, distances_.end());
    distances_.resize(std::min(distances_.size(), most_));
  }
  /// The worst of them; infinity while there are fewer.
  float Last() const {
    return distances_.size() < most_ ? std::numeric_limits<float>::infinity() : distances_.back();
  }

 private:
  const size_t most_;
  std::vector<float> distances_;  // ascending
};

/// Ranks the nodes of a segment that its graph finds.
class GraphRanking {
 public:
  GraphRanking(const IndexSnapshot::Sealed& part, SealedReader& reader, RankJob& job,
               NearestSoFar& nearest, SegmentStats& stats)
      : view_(part.segment->view()),
        file_(part.segment->file()),
        query_(job.query),
        reader_(reader),
        job_(job),
        nearest_(nearest),
        stats_(stats),
        masked_(static_cast<double>(part.masked.count()) / std::max(1u, view_.rows())),
        in_graph_(query_.plan.filter_strategy == FilterStrategy::kInGraph),
        filters_(in_graph_ || part.masked.count() > 0),
        wanted_(reader, view_, in_graph_) {}

  /// What was left out sets the job's bound. Codes may order rows that tie far apart: where that
  /// could change the answer, the graph is searched once more, by vectors.
  absl::Status Run() {
    ASSIGN_OR_RETURN(const PreparedQuery prepared, PreparedQuery::Create(view_, query_.vector));
    if (!prepared.has_codes() && !VectorsFit()) {  // so far from all codes that it has none itself
      return ScanNodes(reader_, 0, view_.nodes, job_, job_.sink, std::nullopt, stats_);
    }
    RETURN_IF_ERROR(Search(prepared));
    if (!proven_ && prepared.has_codes() && TiesMatter() && VectorsFit() && !job_.result.gave_up) {
      ASSIGN_OR_RETURN(const PreparedQuery by_vectors,
                       PreparedQuery::Create(view_.metric, view_.dim, query_.vector));
      for (size_t i = 0; i < scored_; ++i) offered_.push_back(hits_[i].node);
      std::sort(offered_.begin(), offered_.end());
      RETURN_IF_ERROR(Search(by_vectors));
    }
    job_.result.bound_proven &= proven_;
    if (bound_.has_value()) SetBound(*bound_, job_);
    return job_.context.Check();
  }

 private:
  bool TiesMatter() const {
    return !query_.order_by.empty() || query_.after.has_value() || query_.hold == HoldFor::kPage ||
           query_.plan.ties.form != TieForm::kTies;
  }
  bool VectorsFit() const { return view_.metric != Metric::kCosine || view_.norms_fit; }

  /// The plan's W nearest nodes, scored exactly but for those that cannot be kept; and of the nodes
  /// the search kept beyond them, those that may tie. Of a later segment, those of them that are
  /// among the nearest of all.
  absl::Status Search(const PreparedQuery& prepared) {
    const BestScore best(view_, prepared, query_.vector);
    const bool comparable = !prepared.has_codes() && !in_graph_ && best.known();
    const float beyond = comparable ? nearest_.Last() : std::numeric_limits<float>::infinity();
    const auto ef = static_cast<uint32_t>(std::max<uint64_t>(query_.plan.ef_search, query_.plan.w));
    GraphStats graph_stats;
    RETURN_IF_ERROR(FindHits(prepared, ef, beyond, graph_stats));
    stats_.nodes_visited += graph_stats.hops;
    stats_.distances += graph_stats.distances;
    // Giving up among masked rows says nothing of a filter: a larger W goes on.
    job_.result.gave_up |= in_graph_ && graph_stats.gave_up;
    if (comparable) nearest_.Add(hits_);
    RETURN_IF_ERROR(Score(hits_, best));
    if (graph_stats.cut) {
      const float next = scored_ < hits_.size() ? hits_[scored_].distance : beyond;
      bound_ = best.At(std::min(next, beyond));
      proven_ = true;
      return absl::OkStatus();
    }
    const bool dry = hits_.size() < std::min(ef, view_.nodes) && !graph_stats.gave_up;
    return Judge(prepared, best, hits_, dry);
  }

  // Fills `hits_`. Where few rows are masked, more nodes than are wanted are searched for without a
  // look at the rows, which is faster, and those without a live row are struck out.
  absl::Status FindHits(const PreparedQuery& prepared, uint32_t ef, float beyond,
                        GraphStats& graph_stats) {
    GraphQuery search{.query = &prepared, .ef = ef, .beyond = beyond, .file = &file_};
    if (!in_graph_ && masked_ <= kFewMasked) {
      if (filters_) search.ef = static_cast<uint32_t>(ef / (1 - masked_)) + kMoreForMasked;
      ASSIGN_OR_RETURN(hits_, SearchGraph(view_, search, job_.context, &graph_stats));
      if (!filters_) return absl::OkStatus();
      std::erase_if(hits_, [this](const GraphHit& hit) { return !wanted_.Accepts(hit.node); });
      if (hits_.size() >= ef) hits_.resize(ef);
      if (hits_.size() >= ef || graph_stats.cut) return absl::OkStatus();
      search.ef = ef;
    }
    search.accept = filters_ ? &wanted_ : nullptr;
    if (in_graph_) search.accepted_share = std::max(query_.plan.ShareNearby(), kLeastShare);
    ASSIGN_OR_RETURN(hits_, SearchGraph(view_, search, job_.context, &graph_stats));
    return absl::OkStatus();
  }

  absl::Status Score(std::span<const GraphHit> hits, const BestScore& best) {
    const size_t w = std::min<size_t>(hits.size(), query_.plan.w);
    for (size_t i = 0; i < std::min(2 * kFetchAhead, w); ++i) reader_.Fetch(hits[i].node);
    size_t matched = 0;
    for (scored_ = 0; !Ends(hits, w, best); ++scored_) {
      const size_t i = scored_;
      if (i + 2 * kFetchAhead < w) reader_.Fetch(hits[i + 2 * kFetchAhead].node);
      if (i + kFetchAhead < w) reader_.FetchCells(hits[i + kFetchAhead].node);
      if (std::binary_search(offered_.begin(), offered_.end(), hits[i].node)) continue;
      std::optional<double> score;
      RETURN_IF_ERROR(reader_.OfferNode(hits[i].node, job_.sink, stats_.rescored, &score));
      matched += score.has_value();
      KeepWorst(job_.order, score, worst_);
    }
    const size_t weighed = std::max(w, scored_);
    stats_.candidates += weighed;
    job_.result.w_used = std::max<uint64_t>(job_.result.w_used, weighed);
    if (offered_.empty() && scored_ >= w) {
      job_.result.gave_up |= FewMatched(query_.plan, w, matched);
    }
    return absl::OkStatus();
  }

  // What comes after a hit that cannot be kept is no better.
  bool Ends(std::span<const GraphHit> hits, size_t w, const BestScore& best) const {
    if (scored_ == hits.size()) return true;
    if (best.known() && job_.sink.IsBeyond(best.At(hits[scored_].distance))) return true;
    return scored_ >= w && !(best.known() && IsFull(job_));
  }

  // Sets what is known of the nodes that were left out. `dry`: the search ran out of nodes.
  absl::Status Judge(const PreparedQuery& prepared, const BestScore& best,
                     std::span<const GraphHit> hits, bool dry) {
    bound_.reset();
    proven_ = true;
    if (dry) {
      ASSIGN_OR_RETURN(const bool whole, HasNoMoreThan(hits.size()));
      if (whole && scored_ == hits.size()) return absl::OkStatus();
      dry = !whole;
    }
    if (dry || hits.empty()) {
      // Of nodes that the search could not reach, nothing is known.
      bound_ = job_.order.score_descending() ? kInfinity : -kInfinity;
      return absl::OkStatus();
    }
    const bool beyond = scored_ < hits.size() && best.known() &&
                        job_.sink.IsBeyond(best.At(hits[scored_].distance));
    // By first planes the search may have dropped nodes that whole codes would have kept.
    const bool by_whole_codes = !NodeDistance(view_, prepared, &file_).Refines();
    proven_ = best.known() && (!prepared.has_codes() || (beyond && by_whole_codes));
    if (proven_) {
      bound_ = best.At(hits[std::min(scored_, hits.size() - 1)].distance);
      return absl::OkStatus();
    }
    const size_t w = std::min<size_t>(hits.size(), query_.plan.w);
    ASSIGN_OR_RETURN(const double last, reader_.Score(hits[w - 1].node));
    bound_ = worst_;
    KeepWorst(job_.order, last, bound_);
    return absl::OkStatus();
  }

  // Whether no more nodes than so many are wanted.
  absl::StatusOr<bool> HasNoMoreThan(size_t most) const {
    if (!filters_) return view_.nodes <= most;
    size_t count = 0;
    for (uint32_t node = 0; node < view_.nodes && count <= most; ++node) {
      if (node % kMatchNodes == 0) RETURN_IF_ERROR(job_.context.Check());
      count += wanted_.Accepts(node);
    }
    return count <= most;
  }

  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // Up to this part of the rows, and so many nodes more than there are masked ones among as many.
  static constexpr double kFewMasked = 0.4;
  static constexpr uint32_t kMoreForMasked = 16;

  const SegmentView& view_;
  const SegmentFile& file_;
  const ShardQuery& query_;
  SealedReader& reader_;
  RankJob& job_;
  NearestSoFar& nearest_;
  SegmentStats& stats_;
  const double masked_;  // the part of the rows
  const bool in_graph_;
  const bool filters_;
  const WantedNodes wanted_;

  std::vector<GraphHit> hits_;     // of the last search
  std::vector<uint32_t> offered_;  // nodes of the search before it, ascending
  size_t scored_ = 0;              // hits of the last search
  std::optional<double> worst_;    // of the scores
  std::optional<double> bound_;
  bool proven_ = true;
};

// Whether all nodes of the segment are scored: preselecting as many, or as many as match, is that;
// and the graph may be unable to tell the vectors apart.
bool ScansAll(const SegmentView& view, const ShardQuery& query) {
  const Plan& plan = query.plan;
  if (view.engine != Engine::kHnsw || plan.w >= view.nodes || !GraphFits(view, query.vector)) {
    return true;
  }
  return plan.filter_strategy == FilterStrategy::kInGraph &&
         plan.selectivity * view.nodes <= plan.ef_search;
}

absl::Status SearchSealed(const IndexSnapshot& index, size_t number, RankJob& job,
                          NearestSoFar& nearest) {
  const IndexSnapshot::Sealed& part = index.sealed[number];
  const SegmentView& view = part.segment->view();
  const bool scan = ScansAll(view, job.query);
  SegmentTally tally(job, FileName(part), scan ? Path::kExact : Path::kAnn);
  SealedReader reader(part, number, job);
  if (job.query.include_null_vectors) reader.OfferNullRows(job.sink);
  if (!scan) return GraphRanking(part, reader, job, nearest, tally.stats).Run();
  return ScanNodes(reader, 0, view.nodes, job, job.sink, std::nullopt, tally.stats);
}

}  // namespace

std::optional<double> FirstBeyond(const RankJob& job, const RankSink& sink) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool descending = job.order.score_descending();
  if (descending != HigherIsBetter(job.scorer.metric())) return std::nullopt;
  std::optional<double> beyond = sink.FirstBeyond();
  const ScoreRange& range = job.query.plan.range;
  const std::optional<double>& end = descending ? range.min : range.max;
  if (end.has_value()) {
    const double next = std::nextafter(*end, descending ? -kInfinity : kInfinity);
    if (!beyond.has_value() || (descending ? next > *beyond : next < *beyond)) beyond = next;
  }
  return beyond;
}

absl::Status ScanTail(const IndexSnapshot& index, RankJob& job) {
  SegmentTally tally(job, "tail", Path::kExact);
  return TailReader(index, job, tally.stats).OfferAll();
}

absl::Status ScanSealed(const IndexSnapshot& index, size_t number, RankJob& job) {
  const IndexSnapshot::Sealed& part = index.sealed[number];
  SegmentTally tally(job, FileName(part), Path::kExact);
  SealedReader reader(part, number, job);
  const uint32_t nodes = part.segment->view().nodes;
  const uint32_t blocks = (nodes + kBlockNodes - 1) / kBlockNodes;
  if (job.query.include_null_vectors) reader.OfferNullRows(job.sink);
  Executor* executor = job.source.executor;
  if (blocks <= 1 || executor == nullptr || executor->threads() <= 1) {
    return ScanNodes(reader, 0, nodes, job, job.sink, std::nullopt, tally.stats);
  }
  Mutex mutex;
  absl::Status first_error;
  executor->ParallelFor(blocks, [&](size_t block) {
    SealedReader block_reader = reader;
    const std::unique_ptr<RankSink> fork = job.sink.Fork();
    SegmentStats stats;
    std::optional<double> beyond;
    {
      MutexLock lock(mutex);
      beyond = FirstBeyond(job, job.sink);
    }
    const auto begin = static_cast<uint32_t>(block * kBlockNodes);
    const absl::Status status = ScanNodes(block_reader, begin, std::min(nodes, begin + kBlockNodes),
                                          job, *fork, beyond, stats);
    MutexLock lock(mutex);
    first_error.Update(status);
    tally.stats.distances += stats.distances;
    tally.stats.rescored += stats.rescored;
    job.sink.Join(*fork);
  });
  return first_error;
}

absl::Status ExactFromIndex(const IndexSnapshot& index, RankJob& job) {
  for (size_t i = 0; i < index.sealed.size(); ++i) RETURN_IF_ERROR(ScanSealed(index, i, job));
  return ScanTail(index, job);
}

absl::Status AnnFromIndex(const IndexSnapshot& index, RankJob& job) {
  NearestSoFar nearest(job.query.plan);
  for (size_t i = 0; i < index.sealed.size(); ++i) {
    RETURN_IF_ERROR(SearchSealed(index, i, job, nearest));
  }
  return ScanTail(index, job);
}

}  // namespace ordinate
