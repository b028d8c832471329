#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/request.h"
#include "ordinate/v1/query_service.pb.h"
#include "service/front/front.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The question once per vector, or why that vector cannot be read.
using Batch = std::vector<absl::StatusOr<QueryRequest>>;
/// INVALID_ARGUMENT as BatchQuery.
absl::StatusOr<Batch> BatchFromProto(const v1::BatchQueryRequest& proto);

/// `results`: parallel to the vectors.
void BatchToProto(std::span<const absl::StatusOr<QueryResult>> results, const TableDef& table,
                  bool with_plan, v1::BatchQueryResponse* proto);

}  // namespace ordinate
