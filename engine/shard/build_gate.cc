#include "engine/shard/build_gate.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/query/top_rows.h"
#include "engine/shard/check_reads.h"
#include "engine/shard/rank.h"
#include "engine/shard/vector_sample.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

/// The segment alone, with all of its rows.
IndexSnapshot SnapshotOf(const IndexDef& index, std::shared_ptr<const SealedSegment> segment) {
  IndexSnapshot snapshot;
  snapshot.definition = index;
  snapshot.live_vector_rows = segment->view().vector_rows;
  const Tombstones none(segment->view().rows());
  snapshot.sealed.push_back({std::move(segment), none});
  return snapshot;
}

ShardQuery QuestionOf(const RebuildGate& gate, const IndexDef& index) {
  ShardQuery query;
  query.plan.metric = index.metric;
  query.plan.score_descending = HigherIsBetter(index.metric);
  query.plan.k = gate.k;
  query.plan.ef_search = gate.ef_search;
  query.plan.w = static_cast<uint64_t>(std::ceil(gate.alpha * (gate.k + 1)));  // it finds itself
  query.plan.alpha = gate.alpha;
  return query;
}

absl::StatusOr<std::vector<RankedRow>> Find(const IndexSnapshot& snapshot, ShardQuery& query,
                                            Path path, const Clock& clock,
                                            const CallContext& context) {
  query.plan.path = path;
  QuerySource source;
  source.clock = &clock;
  const RowOrder order = SelectionOrder(query.plan, {});
  const ExactScorer scorer(query.plan.metric, query.vector);
  TopRows best(order, query.plan.k, nullptr);
  ShardQueryResult result;
  RankJob job{source, query, order, scorer, context, best, result};
  RETURN_IF_ERROR(path == Path::kAnn ? AnnFromIndex(snapshot, job) : ExactFromIndex(snapshot, job));
  return best.Take();
}

/// The share of the best rows that was found; those that are as near as the last of them count.
double RecallOf(const std::vector<RankedRow>& found, const std::vector<RankedRow>& truth,
                bool descending) {
  if (truth.empty()) return 1;
  const double last = *truth.back().score;
  const auto good = std::count_if(found.begin(), found.end(), [&](const RankedRow& row) {
    return descending ? *row.score >= last : *row.score <= last;
  });
  return std::min(1.0, static_cast<double>(good) / static_cast<double>(truth.size()));
}

}  // namespace

absl::Status CheckGate(const RebuildGate& gate, const IndexDef& index,
                       std::shared_ptr<const SealedSegment> segment, uint64_t seed,
                       const Clock& clock, const CallContext& context) {
  if (index.engine == Engine::kFlat) return absl::OkStatus();
  const IndexSnapshot snapshot = SnapshotOf(index, std::move(segment));
  ASSIGN_OR_RETURN(const std::vector<SampledVector> sample,
                   SampleVectors(snapshot, gate.samples, seed, context));
  ShardQuery query = QuestionOf(gate, index);
  double sum = 0;
  for (const SampledVector& one : sample) {
    query.vector = one.vector;
    query.exclude = one.id;
    ASSIGN_OR_RETURN(const auto truth, Find(snapshot, query, Path::kExact, clock, context));
    ASSIGN_OR_RETURN(const auto found, Find(snapshot, query, Path::kAnn, clock, context));
    sum += RecallOf(found, truth, query.plan.score_descending);
  }
  RETURN_IF_ERROR(CheckReads(snapshot.sealed));
  const double recall = sample.empty() ? 1 : sum / static_cast<double>(sample.size());
  if (recall >= gate.min_recall) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat("the gate refused it: recall@", gate.k, " over ", sample.size(), " vectors is ",
             recall, ", under min_recall ", gate.min_recall, "; the live index stays"));
}

}  // namespace ordinate
