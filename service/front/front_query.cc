#include <algorithm>
#include <utility>

#include "engine/shard/answer_size.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/projection.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"

namespace ordinate {

struct Front::BoundQuery {
  TableDef table;
  ShardQuery query;  // its plan included
  uint64_t offset = 0;
  uint64_t limit = 0;
  uint64_t index_rows = 0;  // rows an index answers with, over all shards
};

namespace {

absl::Status AboutQuery(const absl::Status& status, const QueryRequest& request) {
  if (!absl::IsNotFound(status)) return status;
  const bool index =
      !request.index.empty() && MessageOf(status).find("no index") != std::string::npos;
  return index ? WithResource(status, "index", request.index)
               : WithResource(status, "column", request.column);
}

void AddStats(const ShardQueryStats& shard, ShardQueryStats& total) {
  total.nodes_visited += shard.nodes_visited;
  total.distances += shard.distances;
  total.rescored += shard.rescored;
  total.tail_rows += shard.tail_rows;
}

// Contract 3.4: min(k, matching rows) come back. Under a filter nobody knows how many match, so
// any shortfall counts.
bool IsUnderfilled(const Plan& plan, const ShardQuery& query, uint64_t found, uint64_t index_rows) {
  if (plan.path != Path::kAnn || found >= plan.k) return false;
  return query.filter.has_value() || query.include_null_vectors ||
         found < std::min(plan.k, index_rows);
}

}  // namespace

absl::StatusOr<Front::BoundQuery> Front::Bind(const QueryRequest& request,
                                              const CallContext& context) const {
  BoundQuery bound{.offset = request.offset, .limit = request.limit};
  const auto set = definitions_.Current();
  ASSIGN_OR_RETURN(bound.table, FindTable(request.table));
  const TableDef& table = bound.table;
  auto settings = WithOverrides(options_.settings, request.settings);
  if (!settings.ok()) return settings.status();
  if (const auto valid = ValidateQuery(request, table, *settings); !valid.ok()) {
    return AboutQuery(valid, request);
  }
  const std::vector<const IndexDef*> indexes = set->IndexesOf(table.id);
  const auto choice = ChooseIndex(request, table, indexes);
  if (!choice.ok()) return AboutQuery(choice.status(), request);

  ShardQuery& query = bound.query;
  query.table_id = table.id;
  query.column_position = *table.FindColumn(request.column);
  query.include_null_vectors = request.include_null_vectors;
  ASSIGN_OR_RETURN(query.columns, ResolveColumns(table, request.columns, DefaultColumns::kKey));
  ASSIGN_OR_RETURN(query.order_by, BindSortKeys(request.order_by, table));
  if (request.filter.has_value()) {
    auto filter = BindFilter(*request.filter, table);
    if (!filter.ok()) return InField(filter.status(), "filter");
    query.filter = *std::move(filter);
  }
  const uint32_t index_id = choice->index == nullptr ? 0 : choice->index->id;
  const Filter* filter = query.filter.has_value() ? &*query.filter : nullptr;
  ASSIGN_OR_RETURN(const std::vector<ShardProbe> probes,
                   Gather<ShardProbe>(shards_.size(), Spread::kInline, options_.executor, context,
                                      [&](size_t shard, ShardClient::Done<ShardProbe> done) {
                                        shards_[shard]->Probe(table.id, index_id, filter, context,
                                                              std::move(done));
                                      }));
  for (const ShardProbe& probe : probes) bound.index_rows += probe.index_rows;
  query.plan = MakePlan(request, *choice, *settings, probes);
  query.vector = request.vector;
  return bound;
}

absl::StatusOr<QueryResult> Front::Run(const BoundQuery& bound, const CallContext& context) const {
  const ShardQuery& query = bound.query;
  const Spread spread = query.plan.path == Path::kExact ? Spread::kParallel : Spread::kInline;
  ASSIGN_OR_RETURN(std::vector<ShardQueryResult> answers,
                   Gather<ShardQueryResult>(
                       shards_.size(), spread, options_.executor, context,
                       [&](size_t shard, ShardClient::Done<ShardQueryResult> done) {
                         shards_[shard]->Query(bound.table, query, context, std::move(done));
                       }));
  QueryResult result{.plan = query.plan, .columns = query.columns};
  std::vector<std::vector<RankedRow>> lists;
  lists.reserve(answers.size());
  for (uint32_t shard = 0; shard < answers.size(); ++shard) {
    ShardQueryResult& answer = answers[shard];
    result.visible_seq[shard] = answer.visible_seq;
    if (query.plan.index_id != 0) result.plan.generation_by_shard[shard] = answer.generation;
    AddStats(answer.stats, result.stats);
    lists.push_back(std::move(answer.ranked));
  }
  const RowOrder order(query.plan.score_descending, query.order_by);
  uint64_t bytes = 0;
  for (const MergedRef& ref : MergeSorted(order, lists, bound.offset, bound.limit)) {
    result.ranked.push_back(std::move(lists[ref.list][ref.position]));
    result.rows.push_back(std::move(answers[ref.list].rows[ref.position]));
    bytes += RoughBytes(result.rows.back());
    RETURN_IF_ERROR(CheckAnswerBytes(bytes, options_.max_answer_bytes));
  }
  return result;
}

absl::StatusOr<QueryResult> Front::RunWithFallback(const QueryRequest& request,
                                                   const CallContext& context) const {
  ASSIGN_OR_RETURN(BoundQuery bound, Bind(request, context));
  absl::StatusOr<QueryResult> first = Run(bound, context);
  if (absl::IsAborted(first.status()) && bound.query.plan.index_id != 0) {
    // The index stopped answering since the shards were asked: dropped, or found damaged.
    bound.query.plan = FallBack(bound.query.plan, Reason::kIndexNotReady);
    return Run(bound, context);
  }
  ASSIGN_OR_RETURN(QueryResult result, std::move(first));
  const uint64_t found = result.ranked.empty() ? 0 : bound.offset + result.ranked.size();
  if (!IsUnderfilled(bound.query.plan, bound.query, found, bound.index_rows)) return result;
  bound.query.plan = FallBack(bound.query.plan, Reason::kUnderfilled);
  const ShardQueryStats spent = result.stats;
  ASSIGN_OR_RETURN(result, Run(bound, context));
  AddStats(spent, result.stats);
  return result;
}

absl::StatusOr<QueryResult> Front::Query(const QueryRequest& request, const CallContext& context) {
  const auto now = [&] {
    return options_.clock == nullptr ? int64_t{0} : options_.clock->MonotonicNanos();
  };
  const int64_t start = now();
  absl::StatusOr<QueryResult> result = RunWithFallback(request, context);
  const int64_t nanos = now() - start;
  if (result.ok()) result->server_nanos = nanos;
  if (options_.observer != nullptr) options_.observer->OnQuery(request, result, nanos);
  return result;
}

absl::StatusOr<Plan> Front::Explain(const QueryRequest& request, const CallContext& context) {
  ASSIGN_OR_RETURN(BoundQuery bound, Bind(request, context));
  return std::move(bound.query.plan);
}

}  // namespace ordinate
