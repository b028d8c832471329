// From a question as asked to one with every name resolved and a plan.
#include <span>
#include <utility>

#include "engine/query/column_lookup.h"
#include "service/front/bound_query.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/projection.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

absl::Status AboutQuery(const absl::Status& status, const QueryRequest& request) {
  if (!absl::IsNotFound(status)) return status;
  const bool index =
      !request.index.empty() && MessageOf(status).find("no index") != std::string::npos;
  return index ? WithResource(status, "index", request.index)
               : WithResource(status, "column", request.column);
}

absl::StatusOr<std::optional<Filter>> BindQueryFilter(const QueryRequest& request,
                                                      const TableDef& table) {
  if (!request.filter.has_value()) return std::optional<Filter>();
  auto filter = BindFilter(*request.filter, table);
  if (!filter.ok()) return InField(filter.status(), "filter");
  return std::optional<Filter>(*std::move(filter));
}

}  // namespace

absl::Status Front::ResolveLike(const TableDef& table, QueryRequest& request,
                                std::optional<RowId>& exclude, const CallContext& context) {
  if (!request.like.has_value()) return absl::OkStatus();
  if (!request.vector.empty()) {
    return InField(
        absl::InvalidArgumentError("vector and like are both set; a question takes one of them"),
        "like");
  }
  if (const auto column = FindVectorColumn(table, request.column); !column.ok()) {
    return AboutQuery(column.status(), request);
  }
  auto found =
      Get(table.name, {{request.like->key, request.like->row_id}}, {request.column}, context);
  if (!found.ok()) return InField(found.status(), "like");
  if (found->rows.empty()) {
    return WithResource(absl::NotFoundError("there is no row like asks for"), "row",
                        Concat(request.like->row_id));
  }
  const auto* vector = std::get_if<Vector>(&found->rows.front().cells.front());
  if (vector == nullptr) {
    return InField(
        absl::InvalidArgumentError(Concat("the row like names has no vector in column \"",
                                          request.column, "\": it is NULL")),
        "like");
  }
  request.vector = *vector;
  exclude = found->rows.front().id;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ShardProbe>> Front::ProbeShards(const BoundQuery& bound,
                                                           std::span<const float> vector, bool hold,
                                                           const CallContext& context) const {
  const Filter* filter = bound.query.filter.has_value() ? &*bound.query.filter : nullptr;
  RETURN_IF_ERROR(context.Check());
  auto probes = GatherEach<ShardProbe>(shards_.size(), Spread::kInline, options_.executor,
                                       [&](size_t shard, ShardClient::Done<ShardProbe> done) {
                                         const ShardProbeQuery probe{bound.table.id,
                                                                     bound.index_id,
                                                                     bound.SnapshotOf(shard),
                                                                     bound.query.plan.lag_policy,
                                                                     filter,
                                                                     vector,
                                                                     hold};
                                         shards_[shard]->Probe(probe, context, std::move(done));
                                       });
  absl::Status failed;
  for (const auto& probe : probes) failed.Update(probe.status());
  std::vector<ShardProbe> all;
  for (size_t shard = 0; shard < probes.size(); ++shard) {
    if (!probes[shard].ok()) continue;
    if (!failed.ok() && hold) shards_[shard]->ReleaseSnapshot(probes[shard]->snapshot_id);
    all.push_back(*std::move(probes[shard]));
  }
  if (!failed.ok()) return failed;
  return all;
}

absl::Status Front::Await(const BoundQuery& bound, const Freshness& freshness,
                          const CallContext& context) const {
  if (!freshness.min_seq.empty() && freshness.min_seq.rbegin()->first >= shards_.size()) {
    return InField(absl::InvalidArgumentError(Concat("min_token names shard ",
                                                     freshness.min_seq.rbegin()->first,
                                                     "; this server has ", shards_.size())),
                   "freshness.min_token");
  }
  // A pinned snapshot shows what it showed.
  if (!freshness.asks() || !bound.snapshot_ids.empty()) return absl::OkStatus();
  ShardAwait await{bound.index_id, bound.query.plan.lag_policy, 0, freshness.max_lag_rows,
                   freshness.max_lag_micros};
  if (!await.max_lag_rows.has_value() && !await.max_lag_micros.has_value()) await.max_lag_rows = 0;
  return Gather<uint64_t>(shards_.size(), Spread::kInline, options_.executor, context,
                          [&](size_t shard, ShardClient::Done<uint64_t> done) {
                            const auto least = freshness.min_seq.find(static_cast<uint32_t>(shard));
                            await.min_seq = least == freshness.min_seq.end() ? 0 : least->second;
                            shards_[shard]->Await(await, context, std::move(done));
                          })
      .status();
}

absl::Status Front::ReadPage(const QueryRequest& request, BoundQuery& bound,
                             std::optional<QueryCursor>& cursor) const {
  bound.paged = request.paged || !request.page_token.empty();
  if (!bound.paged) return absl::OkStatus();
  bound.fingerprint = QueryFingerprint(request, bound.table);
  if (request.page_token.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(cursor, ReadQueryToken(request.page_token, bound.table, bound.fingerprint,
                                          bound.query.order_by));
  if (cursor->snapshot_ids.size() != shards_.size()) {
    return InField(absl::InvalidArgumentError(Concat("page_token is of a server with ",
                                                     cursor->snapshot_ids.size(),
                                                     " shards; this one has ", shards_.size())),
                   "page_token");
  }
  bound.offset = 0;  // it was applied to the first page
  bound.query.plan.before = cursor->rows_before;
  bound.snapshot_ids = cursor->snapshot_ids;
  bound.after = cursor->last;
  if (request.ties.form != TieForm::kWithinK) bound.query.after = bound.after;
  return absl::OkStatus();
}

absl::StatusOr<IndexChoice> Front::ChooseFor(const QueryRequest& request, const DefinitionSet& set,
                                             const std::optional<QueryCursor>& cursor,
                                             BoundQuery& bound) const {
  const std::vector<const IndexDef*> all = set.IndexesOf(bound.table.id);
  absl::StatusOr<IndexChoice> choice = ChooseIndex(request, bound.table, all);
  if (!cursor.has_value()) return choice;
  // The pages of one answer are read from one index, whatever others there are by now.
  const auto id = [](const IndexChoice& one) { return one.index == nullptr ? 0 : one.index->id; };
  if (choice.ok() && id(*choice) == cursor->index_id) return choice;
  std::vector<const IndexDef*> same;
  for (const IndexDef* index : all) {
    if (index->id == cursor->index_id) same.push_back(index);
  }
  if (!same.empty() || cursor->index_id == 0) return ChooseIndex(request, bound.table, same);
  if (request.on_lost_snapshot == OnLostSnapshot::kError) {
    return absl::FailedPreconditionError(
        "the index that the earlier pages were read from was dropped; start over, or set "
        "on_lost_snapshot = LATEST");
  }
  bound.snapshot_ids.clear();
  return choice;
}

absl::StatusOr<Front::BoundQuery> Front::Bind(QueryRequest request, bool hold,
                                              const CallContext& context) {
  BoundQuery bound;
  bound.limit = request.limit;
  bound.offset = request.offset;
  const auto set = definitions_.Current();
  ASSIGN_OR_RETURN(bound.table, FindTable(request.table));
  const TableDef& table = bound.table;
  ShardQuery& query = bound.query;
  ASSIGN_OR_RETURN(query.order_by, BindSortKeys(request.order_by, table));
  if (!request.page_token.empty()) request.offset = 0;  // it counted on the first page
  std::optional<QueryCursor> cursor;
  RETURN_IF_ERROR(ReadPage(request, bound, cursor));
  if (cursor.has_value() && request.like.has_value()) {
    request.vector = cursor->like_vector;
    query.exclude = cursor->like_id;
    bound.like_vector = request.vector;
  } else {
    RETURN_IF_ERROR(ResolveLike(table, request, query.exclude, context));
    if (request.like.has_value()) bound.like_vector = request.vector;
  }
  ASSIGN_OR_RETURN(const Settings settings, WithOverrides(options_.settings, request.settings));
  if (const auto valid = ValidateQuery(request, table); !valid.ok()) {
    return AboutQuery(valid, request);
  }
  const auto choice = ChooseFor(request, *set, cursor, bound);
  if (!choice.ok()) return AboutQuery(choice.status(), request);

  query.table_id = table.id;
  query.column_position = *table.FindColumn(request.column);
  query.include_null_vectors = request.include_null_vectors;
  ASSIGN_OR_RETURN(query.columns, ResolveColumns(table, request.columns, DefaultColumns::kKey));
  ASSIGN_OR_RETURN(query.filter, BindQueryFilter(request, table));
  if (request.group_by.has_value()) {
    const auto position = FindScalarColumn(table, request.group_by->column, "group_by");
    if (!position.ok()) return InField(position.status(), "group_by.column");
    bound.group_position = *position;
    bound.group_rows = request.group_by->rows;
  }
  if (choice->index != nullptr) bound.index_m = choice->index->m;
  bound.index_id = choice->index == nullptr ? 0 : choice->index->id;
  // The mode may have changed since the first page, which decided.
  if (cursor.has_value()) request.freshness.policy = cursor->lag_policy;
  bound.lag_policy = ResolveLagPolicy(request.freshness, choice->index);
  query.plan.lag_policy = bound.lag_policy;
  RETURN_IF_ERROR(Await(bound, request.freshness, context));
  const bool may_take_ann = request.path != Path::kExact && request.limit > 0 &&
                            !request.group_by.has_value() &&
                            IsNearestFirst(request, choice->metric);
  // A stream takes as much of the index as it can use.
  if (may_take_ann && choice->index != nullptr && !hold) {
    RETURN_IF_ERROR(CheckW(request, settings));
  }
  RETURN_IF_ERROR(ProbeFor(request, may_take_ann, hold, context, bound));
  query.plan = MakePlan(request, *choice, settings, bound.probes, query.plan.before);
  query.vector = std::move(request.vector);
  return bound;
}

absl::Status Front::ProbeFor(const QueryRequest& request, bool may_take_ann, bool hold,
                             const CallContext& context, BoundQuery& bound) const {
  std::span<const float> vector;
  if (may_take_ann) vector = request.vector;
  auto probes = ProbeShards(bound, vector, hold, context);
  if (IsLost(bound, probes.status()) && request.on_lost_snapshot == OnLostSnapshot::kLatest) {
    bound.snapshot_ids.clear();
    RETURN_IF_ERROR(Await(bound, request.freshness, context));
    probes = ProbeShards(bound, vector, hold, context);
  }
  if (!probes.ok()) return probes.status();
  bound.probes = *std::move(probes);
  if (hold) {
    for (const ShardProbe& probe : bound.probes) bound.snapshot_ids.push_back(probe.snapshot_id);
  }
  return absl::OkStatus();
}

bool Front::IsLost(const BoundQuery& bound, const absl::Status& status) {
  return !bound.snapshot_ids.empty() && absl::IsFailedPrecondition(status);
}

}  // namespace ordinate
