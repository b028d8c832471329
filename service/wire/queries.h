#pragma once

#include "absl/status/statusor.h"
#include "engine/query/plan.h"
#include "engine/query/request.h"
#include "ordinate/v1/query_service.pb.h"
#include "service/front/front.h"
#include "service/front/query_stream.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The question as asked; names and limits are the front's to check. INVALID_ARGUMENT names the
/// field.
absl::StatusOr<QueryRequest> QueryFromProto(const v1::QueryRequest& proto);
/// As above, with what only the table tells: the cells of a key.
absl::StatusOr<QueryRequest> QueryFromProto(const v1::QueryRequest& proto, const TableDef& table);
/// The same question as a message, for clients.
void QueryToProto(const QueryRequest& request, v1::QueryRequest* proto);

/// INVALID_ARGUMENT: unknown.
absl::StatusOr<StreamOrder> StreamOrderFromProto(v1::StreamOrder proto);

void PlanToProto(const Plan& plan, v1::Plan* proto);

/// `table`: the one the question named.
void QueryResultToProto(const QueryResult& result, const TableDef& table, bool with_plan,
                        v1::QueryResponse* proto);

void RankedToProto(const RankedRow& ranked, const Row& row, const std::vector<uint32_t>& columns,
                   const TableDef& table, v1::ResultRow* proto);
void PageToProto(const QueryStream::Page& page, const QueryStream& stream,
                 v1::StreamQueryResponse* proto);

v1::Metric MetricToProto(Metric metric);
v1::Engine EngineToProto(Engine engine);

}  // namespace ordinate
