#pragma once

#include "absl/status/statusor.h"
#include "engine/query/plan.h"
#include "engine/query/request.h"
#include "ordinate/v1/query_service.pb.h"
#include "service/front/front.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The question as asked; names and limits are the front's to check. INVALID_ARGUMENT names the
/// field.
absl::StatusOr<QueryRequest> QueryFromProto(const v1::QueryRequest& proto);
/// The same question as a message, for clients.
void QueryToProto(const QueryRequest& request, v1::QueryRequest* proto);

void PlanToProto(const Plan& plan, v1::Plan* proto);

/// `table`: the one the question named.
void QueryResultToProto(const QueryResult& result, const TableDef& table, bool with_plan,
                        v1::QueryResponse* proto);

v1::Metric MetricToProto(Metric metric);
v1::Engine EngineToProto(Engine engine);

}  // namespace ordinate
