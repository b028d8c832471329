#include "service/wire/table_functions.h"

#include <utility>

#include "service/wire/enums.h"
#include "service/wire/filters.h"
#include "service/wire/queries.h"
#include "service/wire/rows.h"
#include "service/wire/values.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// What both functions have; `k` is the limit. The key alone is read when no column is asked for.
template <typename Request>
absl::StatusOr<QueryRequest> FunctionFromProto(const Request& proto) {
  QueryRequest request;
  auto vector = VectorFromProto(proto.qvec());
  if (!vector.ok()) return InField(vector.status(), "qvec");
  request.vector = *std::move(vector);
  request.limit = proto.k();
  if (request.limit < 1 || request.limit > kMaxLimit) {
    return InField(
        absl::InvalidArgumentError(Concat("k is ", request.limit, "; expected 1 to ", kMaxLimit)),
        "k");
  }
  request.columns.assign(proto.columns().begin(), proto.columns().end());
  if (proto.has_filter()) {
    ASSIGN_OR_RETURN(request.filter, FilterFromProto(proto.filter()));
  }
  return request;
}

template <typename Response>
void AnswerToProto(const QueryResult& result, const TableDef& table, bool columns,
                   Response* proto) {
  for (size_t i = 0; i < result.ranked.size(); ++i) {
    auto* row = proto->add_rows();
    row->set_row_id(result.ranked[i].id);
    row->set_score(result.ranked[i].score.value_or(0));
    row->set_ord(static_cast<uint32_t>(i));
    if (columns) RowToProto(result.rows[i], result.columns, table, row->mutable_row());
    row->mutable_row()->set_row_id(result.ranked[i].id);
    row->mutable_row()->set_version(result.ranked[i].version);
  }
  PlanToProto(result.plan, proto->mutable_plan());
  TokenToProto(result.visible_seq, proto->mutable_visible_seq());
}

}  // namespace

absl::StatusOr<QueryRequest> NearestNeighborsFromProto(const v1::NearestNeighborsRequest& proto) {
  ASSIGN_OR_RETURN(QueryRequest request, FunctionFromProto(proto));
  request.table = proto.table();
  request.column = proto.column();
  if (!v1::Metric_IsValid(proto.metric())) {
    return EnumRefusal("metric", proto.metric(), "L2, COSINE, IP");
  }
  request.metric =
      proto.metric() == v1::METRIC_UNSPECIFIED ? Metric::kL2 : static_cast<Metric>(proto.metric());
  if (proto.ef_search() > 0) {
    request.settings["vector.search.ef_search"] = Concat(proto.ef_search());
  }
  return request;
}

absl::StatusOr<QueryRequest> VectorSearchFromProto(const v1::VectorSearchRequest& proto,
                                                   const std::string& table,
                                                   const std::string& column) {
  ASSIGN_OR_RETURN(QueryRequest request, FunctionFromProto(proto));
  request.table = table;
  request.column = column;
  request.index = proto.index();
  request.preselect = proto.topk();
  if (!v1::Path_IsValid(proto.engine())) {
    return EnumRefusal("engine", proto.engine(), "ANN, EXACT");
  }
  request.path = static_cast<Path>(proto.engine());
  return request;
}

void NearestNeighborsToProto(const QueryResult& result, const TableDef& table, bool columns,
                             v1::NearestNeighborsResponse* proto) {
  AnswerToProto(result, table, columns, proto);
}

void VectorSearchToProto(const QueryResult& result, const TableDef& table, bool columns,
                         v1::VectorSearchResponse* proto) {
  AnswerToProto(result, table, columns, proto);
}

}  // namespace ordinate
