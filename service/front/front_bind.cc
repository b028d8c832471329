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
                                                           uint32_t index_id,
                                                           std::span<const float> vector, bool hold,
                                                           const CallContext& context) const {
  const Filter* filter = bound.query.filter.has_value() ? &*bound.query.filter : nullptr;
  RETURN_IF_ERROR(context.Check());
  auto probes = GatherEach<ShardProbe>(shards_.size(), Spread::kInline, options_.executor,
                                       [&](size_t shard, ShardClient::Done<ShardProbe> done) {
                                         const ShardProbeQuery probe{
                                             bound.table.id, index_id, bound.SnapshotOf(shard),
                                             filter,         vector,   hold};
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

absl::Status Front::BindPage(const QueryRequest& request, uint32_t index_id,
                             BoundQuery& bound) const {
  bound.paged = request.paged || !request.page_token.empty();
  if (!bound.paged) return absl::OkStatus();
  bound.fingerprint = QueryFingerprint(request, index_id, bound.table);
  if (request.page_token.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(QueryCursor cursor, ReadQueryToken(request.page_token, bound.table,
                                                      bound.fingerprint, bound.query.order_by));
  if (cursor.snapshot_ids.size() != shards_.size()) {
    return InField(absl::InvalidArgumentError(Concat("page_token is of a server with ",
                                                     cursor.snapshot_ids.size(),
                                                     " shards; this one has ", shards_.size())),
                   "page_token");
  }
  bound.offset = 0;  // it was applied to the first page
  bound.query.plan.before = cursor.rows_before;
  bound.snapshot_ids = std::move(cursor.snapshot_ids);
  bound.after = std::move(cursor.last);
  if (request.ties.form != TieForm::kWithinK) bound.query.after = bound.after;
  return absl::OkStatus();
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
  RETURN_IF_ERROR(ResolveLike(table, request, query.exclude, context));
  ASSIGN_OR_RETURN(const Settings settings, WithOverrides(options_.settings, request.settings));
  if (const auto valid = ValidateQuery(request, table, settings); !valid.ok()) {
    return AboutQuery(valid, request);
  }
  const auto choice = ChooseIndex(request, table, set->IndexesOf(table.id));
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
  const uint32_t index_id = choice->index == nullptr ? 0 : choice->index->id;
  RETURN_IF_ERROR(BindPage(request, index_id, bound));
  std::span<const float> vector;
  const bool may_take_ann = request.path != Path::kExact && request.limit > 0 &&
                            !request.group_by.has_value() &&
                            IsNearestFirst(request, choice->metric);
  if (may_take_ann) vector = request.vector;
  auto probes = ProbeShards(bound, index_id, vector, hold, context);
  if (IsLost(bound, probes.status()) && request.on_lost_snapshot == OnLostSnapshot::kLatest) {
    bound.snapshot_ids.clear();
    probes = ProbeShards(bound, index_id, vector, hold, context);
  }
  if (!probes.ok()) return probes.status();
  bound.probes = *std::move(probes);
  if (hold) {
    for (const ShardProbe& probe : bound.probes) bound.snapshot_ids.push_back(probe.snapshot_id);
  }
  query.plan = MakePlan(request, *choice, settings, bound.probes, query.plan.before);
  query.vector = std::move(request.vector);
  return bound;
}

bool Front::IsLost(const BoundQuery& bound, const absl::Status& status) {
  return !bound.snapshot_ids.empty() && absl::IsFailedPrecondition(status);
}

}  // namespace ordinate
