// Scores read from an index's snapshot: the EXACT and the ANN path.
#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "engine/search/flat_search.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "engine/segment/row_matcher.h"
#include "engine/shard/rank.h"
#include "engine/shard/sealed_reader.h"
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
    job_.stats.nodes_visited += stats.nodes_visited;
    job_.stats.distances += stats.distances;
    job_.stats.candidates += stats.candidates;
    job_.stats.rescored += stats.rescored;
    if (!job_.query.analyze) return;
    stats.nanos = job_.source.clock->MonotonicNanos() - started_;
    job_.stats.segments.push_back(std::move(stats));
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

absl::Status ScanNodes(SealedReader& reader, uint32_t first, uint32_t last, const RankJob& job,
                       RankSink& sink, uint64_t& rescored) {
  const uint32_t step = job.query.filter.has_value() ? kMatchNodes : kCheckEvery;
  for (uint32_t begin = first; begin < last; begin += step) {
    RETURN_IF_ERROR(job.context.Check());
    const uint32_t end = std::min(last, begin + step);
    RETURN_IF_ERROR(reader.OfferNodes(begin, end, sink, rescored));
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

/// The plan's W nearest nodes by the graph, scored exactly but for those that cannot be kept. What
/// was left out sets the job's bound.
absl::Status SearchGraphOf(const IndexSnapshot::Sealed& part, SealedReader& reader, RankJob& job,
                           SegmentStats& stats) {
  const SegmentView& view = part.segment->view();
  const ShardQuery& query = job.query;
  ASSIGN_OR_RETURN(const PreparedQuery prepared, PreparedQuery::Create(view, query.vector));
  const bool in_graph = query.plan.filter_strategy == FilterStrategy::kInGraph;
  const WantedNodes wanted(reader, view, in_graph);
  GraphQuery search;
  search.query = &prepared;
  search.ef = static_cast<uint32_t>(std::max<uint64_t>(query.plan.ef_search, query.plan.w));
  search.accept = in_graph || part.masked.count() > 0 ? &wanted : nullptr;
  if (in_graph) search.accepted_share = std::max(query.plan.ShareNearby(), kLeastShare);
  search.file = &part.segment->file();
  GraphStats graph_stats;
  ASSIGN_OR_RETURN(const std::vector<GraphHit> hits,
                   SearchGraph(view, search, job.context, &graph_stats));
  stats.nodes_visited += graph_stats.hops;
  stats.distances += graph_stats.distances;
  // Giving up among masked rows says nothing of a filter: a larger W goes on.
  job.gave_up |= in_graph && graph_stats.gave_up;
  const size_t w = std::min<size_t>(hits.size(), query.plan.w);
  stats.candidates += w;
  std::optional<double> worst;
  size_t matched = 0;
  bool all = true;
  const BestScore best(view, prepared, query.vector);
  for (size_t i = 0; i < std::min(2 * kFetchAhead, w); ++i) reader.Fetch(hits[i].node);
  for (size_t i = 0; i < w; ++i) {
    // What comes after it is no better: rescoring any of them would change nothing.
    if (best.known() && job.sink.IsBeyond(best.At(hits[i].distance))) {
      all = false;
      break;
    }
    if (i + 2 * kFetchAhead < w) reader.Fetch(hits[i + 2 * kFetchAhead].node);
    if (i + kFetchAhead < w) reader.FetchCells(hits[i + kFetchAhead].node);
    std::optional<double> score;
    RETURN_IF_ERROR(reader.OfferNode(hits[i].node, job.sink, stats.rescored, &score));
    matched += score.has_value();
    KeepWorst(job.order, score, worst);
  }
  job.gave_up |= all && FewMatched(query.plan, w, matched);
  if (w == query.plan.w || (graph_stats.gave_up && w > 0)) {
    if (best.known() && !prepared.has_codes()) {
      worst = best.At(hits[w - 1].distance);  // what was left out is no better
    } else {
      ASSIGN_OR_RETURN(const double last, reader.Score(hits[w - 1].node));
      KeepWorst(job.order, last, worst);
    }
    const bool tighter = !job.bound.has_value() ||
                         (job.order.score_descending() ? *worst > *job.bound : *worst < *job.bound);
    if (tighter) job.bound = worst;
  }
  return job.context.Check();
}

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

absl::Status SearchSealed(const IndexSnapshot& index, size_t number, RankJob& job) {
  const IndexSnapshot::Sealed& part = index.sealed[number];
  const SegmentView& view = part.segment->view();
  const bool scan = ScansAll(view, job.query);
  SegmentTally tally(job, FileName(part), scan ? Path::kExact : Path::kAnn);
  SealedReader reader(part, number, job);
  if (job.query.include_null_vectors) reader.OfferNullRows(job.sink);
  if (!scan) return SearchGraphOf(part, reader, job, tally.stats);
  return ScanNodes(reader, 0, view.nodes, job, job.sink, tally.stats.rescored);
}

}  // namespace

absl::Status ScanTail(const IndexSnapshot& index, RankJob& job) {
  SegmentTally tally(job, "tail", Path::kExact);
  const ShardQuery& query = job.query;
  TailCells cells;
  for (uint32_t slot = 0; slot < index.tail.size; ++slot) {
    if (slot % kCheckEvery == 0) RETURN_IF_ERROR(job.context.Check());
    if (!index.tail.IsLive(slot)) continue;
    const TailRow& row = index.tail.Row(slot);
    ++job.stats.tail_rows;
    if (row.row_class == RowClass::kInvalid) continue;
    if (row.row_class == RowClass::kNull && !query.include_null_vectors) continue;
    cells.MoveTo(row);
    if (query.filter.has_value() && !Matches(*query.filter, cells)) continue;
    RankedRow ranked;
    if (row.row_class == RowClass::kVector) {
      ranked.score = job.scorer.Score(row.vector.data());
      ++tally.stats.rescored;
    }
    if (!IsWanted(query, row.id, ranked.score) || !job.sink.CouldEnter(ranked.score)) continue;
    ranked.id = row.id;
    ranked.version = row.version;
    job.order.ReadKeys(cells, ranked);
    job.sink.Offer(std::move(ranked));
  }
  return absl::OkStatus();
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
    return ScanNodes(reader, 0, nodes, job, job.sink, tally.stats.rescored);
  }
  Mutex mutex;
  absl::Status first_error;
  executor->ParallelFor(blocks, [&](size_t block) {
    SealedReader block_reader = reader;
    const std::unique_ptr<RankSink> fork = job.sink.Fork();
    uint64_t rescored = 0;
    const auto begin = static_cast<uint32_t>(block * kBlockNodes);
    const absl::Status status =
        ScanNodes(block_reader, begin, std::min(nodes, begin + kBlockNodes), job, *fork, rescored);
    MutexLock lock(mutex);
    first_error.Update(status);
    tally.stats.rescored += rescored;
    job.sink.Join(*fork);
  });
  return first_error;
}

absl::Status ExactFromIndex(const IndexSnapshot& index, RankJob& job) {
  for (size_t i = 0; i < index.sealed.size(); ++i) RETURN_IF_ERROR(ScanSealed(index, i, job));
  return ScanTail(index, job);
}

absl::Status AnnFromIndex(const IndexSnapshot& index, RankJob& job) {
  for (size_t i = 0; i < index.sealed.size(); ++i) RETURN_IF_ERROR(SearchSealed(index, i, job));
  return ScanTail(index, job);
}

}  // namespace ordinate
