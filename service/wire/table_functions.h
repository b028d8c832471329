#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "engine/query/request.h"
#include "ordinate/v1/query_service.pb.h"
#include "service/front/front.h"
#include "storage/model/schema.h"

namespace ordinate {

/// INVALID_ARGUMENT names the field.
absl::StatusOr<QueryRequest> NearestNeighborsFromProto(const v1::NearestNeighborsRequest& proto);
/// `table` and `column`: those of the index.
absl::StatusOr<QueryRequest> VectorSearchFromProto(const v1::VectorSearchRequest& proto,
                                                   const std::string& table,
                                                   const std::string& column);

/// `columns`: whether rows carry any.
void NearestNeighborsToProto(const QueryResult& result, const TableDef& table, bool columns,
                             v1::NearestNeighborsResponse* proto);
void VectorSearchToProto(const QueryResult& result, const TableDef& table, bool columns,
                         v1::VectorSearchResponse* proto);

}  // namespace ordinate
