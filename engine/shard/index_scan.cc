// Scores read from an index's snapshot: the EXACT and the ANN path.
#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/search/exact_score.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "engine/segment/row_matcher.h"
#include "engine/shard/query_exec.h"
#include "storage/base/mutex.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Nodes one task of a parallel scan takes: some milliseconds of work, and often enough to stop.
constexpr uint32_t kBlockNodes = 8'192;
constexpr uint32_t kCheckEvery = 256;
// Rows a filter is tried on, per shard, to estimate its selectivity.
constexpr uint64_t kFilterSample = 512;

/// One sealed segment as a query sees it.
class SealedReader {
 public:
  SealedReader(const IndexSnapshot::Sealed& part, const ShardQuery& query, const RowOrder& order)
      : part_(part),
        view_(part.segment->view()),
        order_(order),
        matcher_(query.filter.has_value()
                     ? std::make_shared<const RowMatcher>(*query.filter, *part.segment)
                     : nullptr),
        cells_(*part.segment) {}

  bool IsMatch(uint32_t row) const {
    return !part_.masked.Test(row) && (matcher_ == nullptr || matcher_->Matches(row));
  }

  void Offer(uint32_t row, const std::optional<double>& score, TopRows& top) {
    if (!top.CouldEnter(score)) return;
    RankedRow ranked;
    ranked.score = score;
    ranked.id = view_.row_ids[row];
    ranked.version = view_.versions[row];
    cells_.MoveTo(row);
    order_.ReadKeys(cells_, ranked);
    top.Offer(std::move(ranked));
  }

  /// Scores the node once and offers its live matching rows.
  absl::Status OfferNode(uint32_t node, const ExactScorer& scorer, TopRows& top,
                         ShardQueryStats& stats) {
    std::optional<double> score;
    for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
      if (IsMatch(row)) RETURN_IF_ERROR(OfferScored(node, row, scorer, score, top, stats));
    }
    return absl::OkStatus();
  }

  /// OfferNode for the nodes [first, last).
  absl::Status OfferNodes(uint32_t first, uint32_t last, const ExactScorer& scorer, TopRows& top,
                          ShardQueryStats& stats) {
    if (matcher_ == nullptr) {
      for (uint32_t node = first; node < last; ++node) {
        RETURN_IF_ERROR(OfferNode(node, scorer, top, stats));
      }
      return absl::OkStatus();
    }
    const std::span<const uint32_t> node_rows = view_.node_rows;
    matcher_->MatchBlock(node_rows[first], node_rows[last], matched_);
    std::optional<double> score;  // of `node`
    uint32_t node = first;
    for (uint32_t row = matched_.Next(node_rows[first]); row < node_rows[last];
         row = matched_.Next(row + 1)) {
      if (part_.masked.Test(row)) continue;
      if (node_rows[node + 1] <= row) score.reset();
      while (node_rows[node + 1] <= row) ++node;
      RETURN_IF_ERROR(OfferScored(node, row, scorer, score, top, stats));
    }
    return absl::OkStatus();
  }

  void OfferNullRows(TopRows& top) {
    for (uint32_t row = view_.vector_rows; row < view_.vector_rows + view_.null_rows; ++row) {
      if (IsMatch(row)) Offer(row, std::nullopt, top);
    }
  }

 private:
  // `score`: of the node, once it is known.
  absl::Status OfferScored(uint32_t node, uint32_t row, const ExactScorer& scorer,
                           std::optional<double>& score, TopRows& top, ShardQueryStats& stats) {
    if (!score.has_value()) {
      RETURN_IF_ERROR(part_.segment->file().EnsureVectors(node, node + 1));
      score = scorer.Score(view_.vectors.data() + size_t{node} * view_.stride);
      ++stats.rescored;
    }
    Offer(row, score, top);
    return absl::OkStatus();
  }

  const IndexSnapshot::Sealed& part_;
  const SegmentView& view_;
  const RowOrder& order_;
  const std::shared_ptr<const RowMatcher> matcher_;  // null: no filter; shared by copies
  SealedCells cells_;
  MatchedRows matched_;
};

absl::Status ScanTail(const IndexSnapshot& index, const ShardQuery& query, const RowOrder& order,
                      const ExactScorer& scorer, const CallContext& context, TopRows& top,
                      ShardQueryStats& stats) {
  TailCells cells;
  for (uint32_t slot = 0; slot < index.tail.size; ++slot) {
    if (slot % kCheckEvery == 0) RETURN_IF_ERROR(context.Check());
    if (!index.tail.IsLive(slot)) continue;
    const TailRow& row = index.tail.Row(slot);
    ++stats.tail_rows;
    if (row.row_class == RowClass::kInvalid) continue;
    if (row.row_class == RowClass::kNull && !query.include_null_vectors) continue;
    cells.MoveTo(row);
    if (query.filter.has_value() && !Matches(*query.filter, cells)) continue;
    RankedRow ranked;
    if (row.row_class == RowClass::kVector) {
      ranked.score = scorer.Score(row.vector.data());
      ++stats.rescored;
    }
    if (!top.CouldEnter(ranked.score)) continue;
    ranked.id = row.id;
    ranked.version = row.version;
    order.ReadKeys(cells, ranked);
    top.Offer(std::move(ranked));
  }
  return absl::OkStatus();
}

absl::Status ScanNodes(SealedReader& reader, uint32_t first, uint32_t last,
                       const ExactScorer& scorer, const CallContext& context, TopRows& top,
                       ShardQueryStats& stats) {
  for (uint32_t begin = first; begin < last; begin += kCheckEvery) {
    RETURN_IF_ERROR(context.Check());
    const uint32_t end = std::min(last, begin + kCheckEvery);
    RETURN_IF_ERROR(reader.OfferNodes(begin, end, scorer, top, stats));
  }
  return absl::OkStatus();
}

/// Scans all nodes of a segment, in blocks over the executor when there are several.
absl::Status ScanSealed(const IndexSnapshot::Sealed& part, const ShardQuery& query,
                        const RowOrder& order, const ExactScorer& scorer, Executor* executor,
                        const CallContext& context, TopRows& top, ShardQueryStats& stats) {
  SealedReader reader(part, query, order);
  const uint32_t nodes = part.segment->view().nodes;
  const uint32_t blocks = (nodes + kBlockNodes - 1) / kBlockNodes;
  if (query.include_null_vectors) reader.OfferNullRows(top);
  if (blocks <= 1 || executor == nullptr || executor->threads() <= 1) {
    return ScanNodes(reader, 0, nodes, scorer, context, top, stats);
  }
  Mutex mutex;
  absl::Status first_error;
  executor->ParallelFor(blocks, [&](size_t block) {
    SealedReader block_reader = reader;
    TopRows block_top(order, query.plan.k);
    ShardQueryStats block_stats;
    const auto begin = static_cast<uint32_t>(block * kBlockNodes);
    const absl::Status status = ScanNodes(block_reader, begin, std::min(nodes, begin + kBlockNodes),
                                          scorer, context, block_top, block_stats);
    MutexLock lock(mutex);
    if (!status.ok()) {
      first_error.Update(status);
      return;
    }
    stats.rescored += block_stats.rescored;
    for (RankedRow& row : block_top.Take()) top.Offer(std::move(row));
  });
  return first_error;
}

/// Accepts nodes that have a live matching row.
class LiveNodes final : public NodeFilter {
 public:
  LiveNodes(const SealedReader& reader, const SegmentView& view) : reader_(reader), view_(view) {}
  bool Accepts(uint32_t node) const override {
    for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
      if (reader_.IsMatch(row)) return true;
    }
    return false;
  }

 private:
  const SealedReader& reader_;
  const SegmentView& view_;
};

absl::Status SearchSealed(const IndexSnapshot::Sealed& part, const ShardQuery& query,
                          const RowOrder& order, const ExactScorer& scorer,
                          const CallContext& context, TopRows& top, ShardQueryStats& stats) {
  const SegmentView& view = part.segment->view();
  SealedReader reader(part, query, order);
  if (query.include_null_vectors) reader.OfferNullRows(top);
  if (view.engine != Engine::kHnsw || query.plan.w >= view.nodes) {
    // Preselecting every node is scanning them all.
    return ScanNodes(reader, 0, view.nodes, scorer, context, top, stats);
  }
  ASSIGN_OR_RETURN(const PreparedQuery prepared,
                   PreparedQuery::Create(view.metric, view.dim, query.vector));
  const LiveNodes live(reader, view);
  GraphQuery search;
  search.query = prepared.data();
  search.ef = static_cast<uint32_t>(std::max<uint64_t>(query.plan.ef_search, query.plan.w));
  search.accept = query.filter.has_value() || part.masked.count() > 0 ? &live : nullptr;
  search.file = &part.segment->file();
  GraphStats graph_stats;
  ASSIGN_OR_RETURN(const std::vector<GraphHit> hits,
                   SearchGraph(view, search, context, &graph_stats));
  stats.nodes_visited += graph_stats.hops;
  stats.distances += graph_stats.distances;
  const size_t w = std::min<size_t>(hits.size(), query.plan.w);
  for (size_t i = 0; i < w; ++i) {
    RETURN_IF_ERROR(reader.OfferNode(hits[i].node, scorer, top, stats));
  }
  return context.Check();
}

}  // namespace

absl::Status ExactFromIndex(const IndexSnapshot& index, const ShardQuery& query,
                            const RowOrder& order, Executor* executor, const CallContext& context,
                            TopRows& top, ShardQueryStats& stats) {
  const ExactScorer scorer(query.plan.metric, query.vector);
  for (const IndexSnapshot::Sealed& part : index.sealed) {
    RETURN_IF_ERROR(ScanSealed(part, query, order, scorer, executor, context, top, stats));
  }
  return ScanTail(index, query, order, scorer, context, top, stats);
}

absl::Status AnnFromIndex(const IndexSnapshot& index, const ShardQuery& query,
                          const RowOrder& order, const CallContext& context, TopRows& top,
                          ShardQueryStats& stats) {
  const ExactScorer scorer(query.plan.metric, query.vector);
  for (const IndexSnapshot::Sealed& part : index.sealed) {
    RETURN_IF_ERROR(SearchSealed(part, query, order, scorer, context, top, stats));
  }
  return ScanTail(index, query, order, scorer, context, top, stats);
}

void SampleFilter(const IndexSnapshot& index, const Filter& filter, ShardProbe& probe) {
  for (const IndexSnapshot::Sealed& part : index.sealed) {
    const uint32_t rows = part.segment->view().vector_rows;
    // A fixed stride: the same snapshot gives the same estimate.
    const uint64_t step = std::max<uint64_t>(1, rows / kFilterSample);
    SealedCells cells(*part.segment);
    for (uint64_t row = step / 2; row < rows; row += step) {
      if (part.masked.Test(static_cast<uint32_t>(row))) continue;
      cells.MoveTo(static_cast<uint32_t>(row));
      ++probe.sampled;
      if (Matches(filter, cells)) ++probe.sample_matched;
    }
  }
  TailCells cells;
  const uint64_t step = std::max<uint64_t>(1, index.tail.size / kFilterSample);
  for (uint64_t slot = 0; slot < index.tail.size; slot += step) {
    const TailRow& row = index.tail.Row(static_cast<uint32_t>(slot));
    if (!index.tail.IsLive(static_cast<uint32_t>(slot)) || row.row_class != RowClass::kVector) {
      continue;
    }
    cells.MoveTo(row);
    ++probe.sampled;
    if (Matches(filter, cells)) ++probe.sample_matched;
  }
}

}  // namespace ordinate
