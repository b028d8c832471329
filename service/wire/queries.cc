#include "service/wire/queries.h"

#include <utility>

#include "service/wire/durations.h"
#include "service/wire/enums.h"
#include "service/wire/filters.h"
#include "service/wire/rows.h"
#include "service/wire/values.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// The domain's enums carry the API's numbers.
static_assert(static_cast<int>(Metric::kIp) == v1::METRIC_IP);
static_assert(static_cast<int>(Engine::kFlat) == v1::ENGINE_FLAT);
static_assert(static_cast<int>(Path::kExact) == v1::PATH_EXACT);
static_assert(static_cast<int>(Direction::kDescending) == v1::DIRECTION_DESC);
static_assert(static_cast<int>(Reason::kUnderfilled) == v1::REASON_UNDERFILLED);
static_assert(static_cast<int>(FilterStrategy::kInGraph) == v1::FILTER_STRATEGY_IN_GRAPH);
static_assert(static_cast<int>(LagPolicy::kSkipTail) == v1::LAG_POLICY_SKIP_TAIL);

absl::StatusOr<SortKey> SortKeyFromProto(const v1::SortKey& proto, int position) {
  SortKey key{.column = proto.column(), .descending = proto.descending()};
  switch (proto.nulls()) {
    case v1::SortKey::NULLS_UNSPECIFIED:
      key.nulls_first = key.descending;
      return key;
    case v1::SortKey::NULLS_FIRST:
      key.nulls_first = true;
      return key;
    case v1::SortKey::NULLS_LAST:
      key.nulls_first = false;
      return key;
    default:
      return EnumRefusal(Concat("order_by[", position, "].nulls"), proto.nulls(), "FIRST, LAST");
  }
}

absl::Status EnumsFromProto(const v1::QueryRequest& proto, QueryRequest& request) {
  if (!v1::Metric_IsValid(proto.metric())) {
    return EnumRefusal("metric", proto.metric(), "L2, COSINE, IP");
  }
  if (!v1::Direction_IsValid(proto.direction())) {
    return EnumRefusal("direction", proto.direction(), "ASC, DESC");
  }
  if (!v1::Path_IsValid(proto.path())) return EnumRefusal("path", proto.path(), "ANN, EXACT");
  if (proto.metric() != v1::METRIC_UNSPECIFIED) {
    request.metric = static_cast<Metric>(proto.metric());
  }
  request.direction = static_cast<Direction>(proto.direction());
  request.path = static_cast<Path>(proto.path());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QueryRequest> QueryFromProto(const v1::QueryRequest& proto) {
  QueryRequest request;
  request.table = proto.table();
  request.column = proto.column();
  auto vector = VectorFromProto(proto.vector());
  if (!vector.ok()) {
    return InField(WithMessage(vector.status(), Concat("vector: ", MessageOf(vector.status()))),
                   "vector");
  }
  request.vector = *std::move(vector);
  RETURN_IF_ERROR(EnumsFromProto(proto, request));
  request.limit = proto.limit();
  request.offset = proto.offset();
  if (static_cast<size_t>(proto.order_by_size()) > kMaxSortKeys) {
    return InField(absl::InvalidArgumentError(Concat("order_by has ", proto.order_by_size(),
                                                     " keys; the most is ", kMaxSortKeys)),
                   "order_by");
  }
  for (int i = 0; i < proto.order_by_size(); ++i) {
    ASSIGN_OR_RETURN(SortKey key, SortKeyFromProto(proto.order_by(i), i));
    request.order_by.push_back(std::move(key));
  }
  if (proto.has_filter()) {
    ASSIGN_OR_RETURN(request.filter, FilterFromProto(proto.filter()));
  }
  request.columns.assign(proto.columns().begin(), proto.columns().end());
  request.index = proto.index();
  request.settings.insert(proto.settings().begin(), proto.settings().end());
  request.include_null_vectors = proto.include_null_vectors();
  return request;
}

void QueryToProto(const QueryRequest& request, v1::QueryRequest* proto) {
  proto->set_table(request.table);
  proto->set_column(request.column);
  VectorToProto(request.vector, proto->mutable_vector());
  if (request.metric.has_value()) proto->set_metric(MetricToProto(*request.metric));
  proto->set_limit(static_cast<uint32_t>(request.limit));
  proto->set_offset(static_cast<uint32_t>(request.offset));
  proto->set_direction(static_cast<v1::Direction>(request.direction));
  for (const SortKey& key : request.order_by) {
    auto* out = proto->add_order_by();
    out->set_column(key.column);
    out->set_descending(key.descending);
    out->set_nulls(key.nulls_first ? v1::SortKey::NULLS_FIRST : v1::SortKey::NULLS_LAST);
  }
  if (request.filter.has_value()) FilterToProto(*request.filter, proto->mutable_filter());
  for (const std::string& column : request.columns) proto->add_columns(column);
  proto->set_index(request.index);
  proto->set_path(static_cast<v1::Path>(request.path));
  for (const auto& [name, value] : request.settings) (*proto->mutable_settings())[name] = value;
  proto->set_include_null_vectors(request.include_null_vectors);
}

void PlanToProto(const Plan& plan, v1::Plan* proto) {
  proto->set_path(static_cast<v1::Path>(plan.path));
  proto->set_reason(static_cast<v1::Reason>(plan.reason));
  proto->set_sentence(plan.sentence);
  proto->set_index(plan.index);
  if (plan.index_id != 0) proto->set_engine(EngineToProto(plan.engine));
  proto->set_metric(MetricToProto(plan.metric));
  proto->set_ef_search(plan.ef_search);
  proto->set_alpha(plan.alpha);
  proto->set_w(plan.w);
  proto->set_k(plan.k);
  proto->set_filter_strategy(static_cast<v1::FilterStrategy>(plan.filter_strategy));
  proto->set_selectivity(plan.selectivity);
  proto->set_shards(plan.shards);
  proto->set_lag_policy(static_cast<v1::LagPolicy>(plan.lag_policy));
  for (const auto& [shard, generation] : plan.generation_by_shard) {
    (*proto->mutable_generation_by_shard())[shard] = generation;
  }
  for (const std::string& warning : plan.warnings) proto->add_warnings(warning);
  proto->set_text(PlanText(plan));
}

void QueryResultToProto(const QueryResult& result, const TableDef& table, bool with_plan,
                        v1::QueryResponse* proto) {
  proto->mutable_rows()->Reserve(static_cast<int>(result.ranked.size()));
  for (size_t i = 0; i < result.ranked.size(); ++i) {
    auto* row = proto->add_rows();
    const RankedRow& ranked = result.ranked[i];
    if (ranked.score.has_value()) row->set_score(*ranked.score);
    if (i < result.rows.size()) {
      RowToProto(result.rows[i], result.columns, table, row->mutable_row());
    }
    row->mutable_row()->set_row_id(ranked.id);
    row->mutable_row()->set_version(ranked.version);
  }
  if (with_plan) PlanToProto(result.plan, proto->mutable_plan());
  TokenToProto(result.visible_seq, proto->mutable_visible_seq());
  NanosToProto(result.server_nanos, proto->mutable_server_time());
}

v1::Metric MetricToProto(Metric metric) { return static_cast<v1::Metric>(metric); }
v1::Engine EngineToProto(Engine engine) { return static_cast<v1::Engine>(engine); }

}  // namespace ordinate
