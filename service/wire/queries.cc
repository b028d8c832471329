#include "service/wire/queries.h"

#include <algorithm>
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
static_assert(static_cast<int>(Reason::kNoLimit) == v1::REASON_NO_LIMIT);
static_assert(static_cast<int>(FilterStrategy::kLargerW) == v1::FILTER_STRATEGY_LARGER_W);
static_assert(static_cast<int>(LagPolicy::kFail) == v1::LAG_POLICY_FAIL);

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

TieRule TiesFromProto(const v1::QueryRequest& proto) {
  switch (proto.ties_case()) {
    case v1::QueryRequest::kBucketWidth:
      return {.form = TieForm::kBucket, .width = proto.bucket_width()};
    case v1::QueryRequest::kWithinK:
      return {.form = TieForm::kWithinK, .n = proto.within_k()};
    case v1::QueryRequest::TIES_NOT_SET:
      break;
  }
  return {};
}

void RangeToProto(const ScoreRange& range, v1::ScoreRange* proto) {
  if (range.min.has_value()) proto->set_min(*range.min);
  if (range.max.has_value()) proto->set_max(*range.max);
}

ScoreRange RangeFromProto(const v1::ScoreRange& proto) {
  ScoreRange range;
  if (proto.has_min()) range.min = proto.min();
  if (proto.has_max()) range.max = proto.max();
  return range;
}

absl::Status PagingFromProto(const v1::QueryRequest& proto, QueryRequest& request) {
  request.paged = proto.paged();
  request.page_token = proto.page_token();
  switch (proto.on_lost_snapshot()) {
    case v1::ON_LOST_SNAPSHOT_UNSPECIFIED:
    case v1::ON_LOST_SNAPSHOT_ERROR:
      request.on_lost_snapshot = OnLostSnapshot::kError;
      return absl::OkStatus();
    case v1::ON_LOST_SNAPSHOT_LATEST:
      request.on_lost_snapshot = OnLostSnapshot::kLatest;
      return absl::OkStatus();
    default:
      return EnumRefusal("on_lost_snapshot", proto.on_lost_snapshot(), "ERROR, LATEST");
  }
}

absl::StatusOr<Freshness> FreshnessFromProto(const v1::Freshness& proto) {
  Freshness freshness;
  if (!v1::LagPolicy_IsValid(proto.lag_policy())) {
    return EnumRefusal("lag_policy", proto.lag_policy(), "SCAN_TAIL, SKIP_TAIL, WAIT, FAIL");
  }
  if (proto.lag_policy() != v1::LAG_POLICY_UNSPECIFIED) {
    freshness.policy = static_cast<LagPolicy>(proto.lag_policy());
  }
  freshness.min_seq = TokenFromProto(proto.min_token());
  if (proto.has_max_lag_rows()) freshness.max_lag_rows = proto.max_lag_rows();
  if (proto.has_max_lag()) {
    const auto micros = MicrosFromProto(proto.max_lag());
    if (!micros.ok()) return InField(micros.status(), "max_lag");
    freshness.max_lag_micros = *micros;
  }
  const bool bounded = proto.has_max_lag_rows() || proto.has_max_lag();
  if (bounded && freshness.policy != LagPolicy::kFail) {
    return InField(
        absl::InvalidArgumentError(
            "max_lag_rows and max_lag are bounds of lag_policy FAIL, which is not asked"),
        "lag_policy");
  }
  return freshness;
}

void FreshnessToProto(const Freshness& freshness, v1::Freshness* proto) {
  if (freshness.policy.has_value()) {
    proto->set_lag_policy(static_cast<v1::LagPolicy>(*freshness.policy));
  }
  if (!freshness.min_seq.empty()) TokenToProto(freshness.min_seq, proto->mutable_min_token());
  if (freshness.max_lag_rows.has_value()) proto->set_max_lag_rows(*freshness.max_lag_rows);
  if (freshness.max_lag_micros.has_value()) {
    MicrosToProto(static_cast<int64_t>(*freshness.max_lag_micros), proto->mutable_max_lag());
  }
}

absl::Status VectorIn(const v1::QueryRequest& proto, QueryRequest& request) {
  if (proto.has_like() && !proto.has_vector()) return absl::OkStatus();
  auto vector = VectorFromProto(proto.vector());
  if (!vector.ok()) {
    return InField(WithMessage(vector.status(), Concat("vector: ", MessageOf(vector.status()))),
                   "vector");
  }
  request.vector = *std::move(vector);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QueryRequest> QueryFromProto(const v1::QueryRequest& proto, const TableDef& table) {
  ASSIGN_OR_RETURN(QueryRequest request, QueryFromProto(proto));
  if (!proto.has_like()) return request;
  google::protobuf::RepeatedPtrField<v1::RowKey> keys;
  *keys.Add() = proto.like();
  auto key = KeysFromProto(keys, table);
  if (!key.ok()) return InField(key.status(), "like");
  request.like = LikeRow{std::move(key->front().cells), key->front().row_id};
  return request;
}

absl::StatusOr<QueryRequest> QueryFromProto(const v1::QueryRequest& proto) {
  QueryRequest request;
  request.table = proto.table();
  request.column = proto.column();
  RETURN_IF_ERROR(VectorIn(proto, request));
  RETURN_IF_ERROR(EnumsFromProto(proto, request));
  RETURN_IF_ERROR(PagingFromProto(proto, request));
  request.ties = TiesFromProto(proto);
  request.range = RangeFromProto(proto.range());
  if (proto.has_group_by()) {
    request.group_by = GroupBy{proto.group_by().column(), std::max(1u, proto.group_by().rows())};
  }
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
  if (proto.has_freshness()) {
    auto freshness = FreshnessFromProto(proto.freshness());
    if (!freshness.ok()) return UnderField(freshness.status(), "freshness");
    request.freshness = *std::move(freshness);
  }
  return request;
}

void QueryToProto(const QueryRequest& request, v1::QueryRequest* proto) {
  proto->set_table(request.table);
  proto->set_column(request.column);
  if (!request.vector.empty()) VectorToProto(request.vector, proto->mutable_vector());
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
  if (request.ties.form == TieForm::kBucket) proto->set_bucket_width(request.ties.width);
  if (request.ties.form == TieForm::kWithinK) proto->set_within_k(request.ties.n);
  if (request.range.bounded()) RangeToProto(request.range, proto->mutable_range());
  if (request.group_by.has_value()) {
    proto->mutable_group_by()->set_column(request.group_by->column);
    proto->mutable_group_by()->set_rows(static_cast<uint32_t>(request.group_by->rows));
  }
  proto->set_paged(request.paged);
  proto->set_page_token(request.page_token);
  if (request.on_lost_snapshot == OnLostSnapshot::kLatest) {
    proto->set_on_lost_snapshot(v1::ON_LOST_SNAPSHOT_LATEST);
  }
  if (request.freshness.asks()) {
    FreshnessToProto(request.freshness, proto->mutable_freshness());
  }
}

absl::StatusOr<StreamOrder> StreamOrderFromProto(v1::StreamOrder proto) {
  switch (proto) {
    case v1::STREAM_ORDER_UNSPECIFIED:
    case v1::STREAM_ORDER_STRICT:
      return StreamOrder::kStrict;
    case v1::STREAM_ORDER_RELAXED:
      return StreamOrder::kRelaxed;
    default:
      return EnumRefusal("order", proto, "STRICT, RELAXED");
  }
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
  if (plan.nearby_selectivity.has_value()) {
    proto->set_nearby_selectivity(*plan.nearby_selectivity);
  }
  proto->set_shards(plan.shards);
  proto->set_lag_policy(static_cast<v1::LagPolicy>(plan.lag_policy));
  for (const auto& [shard, generation] : plan.generation_by_shard) {
    (*proto->mutable_generation_by_shard())[shard] = generation;
  }
  for (const std::string& warning : plan.warnings) proto->add_warnings(warning);
  proto->set_text(PlanText(plan));
  proto->set_rows_before(plan.before);
  proto->set_ties(std::string(TieFormName(plan.ties.form)));
  proto->set_bucket_width(plan.ties.width);
  proto->set_within_k(plan.ties.n);
  if (plan.range.bounded()) RangeToProto(plan.range, proto->mutable_range());
  proto->set_group_by(plan.group_by);
}

void RankedToProto(const RankedRow& ranked, const Row& row, const std::vector<uint32_t>& columns,
                   const TableDef& table, v1::ResultRow* proto) {
  if (ranked.score.has_value()) proto->set_score(*ranked.score);
  RowToProto(row, columns, table, proto->mutable_row());
  proto->mutable_row()->set_row_id(ranked.id);
  proto->mutable_row()->set_version(ranked.version);
}

void PageToProto(const QueryStream::Page& page, const QueryStream& stream,
                 v1::StreamQueryResponse* proto) {
  proto->mutable_rows()->Reserve(static_cast<int>(page.ranked.size()));
  for (size_t i = 0; i < page.ranked.size(); ++i) {
    RankedToProto(page.ranked[i], page.rows[i], stream.columns(), stream.table(),
                  proto->add_rows());
  }
  proto->set_last(page.last);
  if (!page.last) return;
  TokenToProto(stream.visible_seq(), proto->mutable_visible_seq());
  proto->set_rows_sent(stream.rows_sent());
  proto->set_rows_late(stream.rows_late());
}

void QueryResultToProto(const QueryResult& result, const TableDef& table, bool with_plan,
                        v1::QueryResponse* proto) {
  proto->mutable_rows()->Reserve(static_cast<int>(result.ranked.size()));
  for (size_t i = 0; i < result.ranked.size(); ++i) {
    auto* row = proto->add_rows();
    RankedToProto(result.ranked[i], result.rows[i], result.columns, table, row);
    if (!result.groups.empty()) row->set_group(result.groups[i]);
  }
  if (with_plan) PlanToProto(result.plan, proto->mutable_plan());
  TokenToProto(result.visible_seq, proto->mutable_visible_seq());
  NanosToProto(result.server_nanos, proto->mutable_server_time());
  proto->set_next_page_token(result.next_page_token);
  proto->set_tie_closed(result.tie_closed);
  proto->set_w_used(result.w_used);
}

v1::Metric MetricToProto(Metric metric) { return static_cast<v1::Metric>(metric); }
v1::Engine EngineToProto(Engine engine) { return static_cast<v1::Engine>(engine); }

}  // namespace ordinate
