#include "engine/shard/query_exec.h"

#include <memory>
#include <utility>

#include "engine/query/top_groups.h"
#include "engine/query/top_rows.h"
#include "engine/shard/rank.h"
#include "storage/base/status_macros.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

/// The plan's index as published; null when the plan has none.
absl::StatusOr<const IndexSnapshot*> FindIndex(const QuerySource& source, const Plan& plan) {
  if (plan.index_id == 0) return nullptr;
  const PublishedIndex* published = source.snapshot->FindIndex(plan.index_id);
  if (published == nullptr) return absl::AbortedError("it was dropped");
  if (published->snapshot == nullptr) return absl::AbortedError(published->problem);
  return published->snapshot.get();
}

std::unique_ptr<RankSink> MakeSink(const ShardQuery& query, const RowOrder& order) {
  if (query.groups.has_value()) {
    if (query.groups->values.empty()) return std::make_unique<BestGroups>(order, query.plan.k);
    return std::make_unique<GroupRows>(order, query.groups->values, query.groups->rows);
  }
  const RankedRow* after = query.after.has_value() ? &*query.after : nullptr;
  return std::make_unique<TopRows>(order, query.plan.k, after);
}

absl::Status Rank(const IndexSnapshot* index, RankJob& job) {
  if (index == nullptr) return ExactFromRows(job);
  return job.query.plan.path == Path::kAnn ? AnnFromIndex(*index, job)
                                           : ExactFromIndex(*index, job);
}

std::vector<ShardFetch::Ref> RefsOf(const std::vector<RankedRow>& ranked) {
  std::vector<ShardFetch::Ref> refs;
  refs.reserve(ranked.size());
  for (const RankedRow& row : ranked) refs.push_back({row.id, row.version, row.place});
  return refs;
}

}  // namespace

QueryOutcome ExecuteQuery(const QuerySource& source, const ShardQuery& query,
                          const CallContext& context) {
  const absl::StatusOr<const IndexSnapshot*> index = FindIndex(source, query.plan);
  if (!index.ok()) return {index.status()};
  ShardQueryResult result;
  result.visible_seq = *index == nullptr ? source.snapshot->seq : source.snapshot->SeqOf(**index);
  result.generation = *index == nullptr ? 0 : (*index)->generation;
  RowOrder order = SelectionOrder(query.plan, query.order_by);
  if (query.groups.has_value()) order.Carry(query.groups->column_position);
  const std::unique_ptr<RankSink> sink = MakeSink(query, order);
  const ExactScorer scorer(query.plan.metric, query.vector);
  RankJob job{source, query,        order,        scorer,        context,
              *sink,  result.stats, result.bound, result.gave_up};
  const int64_t started = source.clock->MonotonicNanos();
  if (const absl::Status status = Rank(*index, job); !status.ok()) {
    return {status, *index != nullptr && absl::IsDataLoss(status)};
  }
  result.ranked = sink->Take();
  const int64_t ranked = source.clock->MonotonicNanos();
  result.stats.rank_nanos = ranked - started;
  auto rows =
      FetchColumns(source, query.plan.index_id, RefsOf(result.ranked), query.columns, context);
  if (!rows.ok()) return {rows.status()};
  result.rows = *std::move(rows);
  result.stats.fetch_nanos = source.clock->MonotonicNanos() - ranked;
  return {std::move(result)};
}

namespace {

// Scores one stored row and offers it. `cells` as decoded.
void OfferStored(const StoredRow& stored, const Row& row, RankJob& job) {
  const ShardQuery& query = job.query;
  const RowCells cells(row);
  const ValueView cell = cells.Cell(query.column_position);
  const auto dim = static_cast<uint32_t>(query.vector.size());
  const RowClass row_class = ClassifyCell(cell, query.plan.metric, dim);
  if (row_class == RowClass::kInvalid) return;
  if (row_class == RowClass::kNull && !query.include_null_vectors) return;
  if (query.filter.has_value() && !Matches(*query.filter, cells)) return;
  RankedRow ranked;
  if (row_class == RowClass::kVector) {
    ranked.score = job.scorer.Score(std::get<std::span<const float>>(cell).data());
    ++job.stats.rescored;
  }
  if (!IsWanted(query, stored.id, ranked.score) || !job.sink.CouldEnter(ranked.score)) return;
  ranked.id = stored.id;
  ranked.version = stored.version;
  job.order.ReadKeys(cells, ranked);
  job.sink.Offer(std::move(ranked));
}

}  // namespace

absl::Status ExactFromRows(RankJob& job) {
  const QuerySource& source = job.source;
  const int64_t started = source.clock->MonotonicNanos();
  uint64_t seen = 0;
  const absl::Status status =
      source.rows->Scan(source.snapshot->rows.get(), source.table->id, 0, source.snapshot->seq,
                        [&](StoredRow&& stored) -> absl::StatusOr<bool> {
                          if (++seen % 256 == 0) RETURN_IF_ERROR(job.context.Check());
                          Row row;
                          ASSIGN_OR_RETURN(row.cells, DecodeCells(*source.table, stored.cells));
                          OfferStored(stored, row, job);
                          return true;
                        });
  if (job.query.analyze) {
    job.stats.segments.push_back({.segment = "rows",
                                  .rescored = job.stats.rescored,
                                  .nanos = source.clock->MonotonicNanos() - started});
  }
  return status;
}

}  // namespace ordinate
