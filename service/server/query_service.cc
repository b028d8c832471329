#include "ordinate/v1/query_service.grpc.pb.h"
#include "service/server/row_streams.h"
#include "service/server/services.h"
#include "service/wire/analysis.h"
#include "service/wire/batches.h"
#include "service/wire/queries.h"
#include "service/wire/table_functions.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

using ServiceWithStreams =
    v1::QueryService::WithRawCallbackMethod_StreamQuery<v1::QueryService::Service>;

class QueryServiceImpl final : public ServiceWithStreams {
 public:
  QueryServiceImpl(Front& front, CallGate& gate, StreamWatch& watch, Executor& pages)
      : front_(front), gate_(gate), streams_(front, gate, watch, pages) {}

  grpc::Status Query(grpc::ServerContext* call, const v1::QueryRequest* request,
                     v1::QueryResponse* response) override {
    return gate_.Run("Query", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request->table()));
      ASSIGN_OR_RETURN(const QueryRequest query, QueryFromProto(*request, table));
      ASSIGN_OR_RETURN(const QueryResult result, front_.Query(query, context));
      QueryResultToProto(result, table, request->with_plan(), response);
      return absl::OkStatus();
    });
  }

  grpc::Status Explain(grpc::ServerContext* call, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    return gate_.Run("Explain", *call, [&](const CallContext& context) -> absl::Status {
      return UnderField(ExplainQuery(*request, context, response), "query");
    });
  }

  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamQuery(
      grpc::CallbackServerContext* call, const grpc::ByteBuffer* request) override {
    return streams_.Start(*call, *request);
  }

  grpc::Status BatchQuery(grpc::ServerContext* call, const v1::BatchQueryRequest* request,
                          v1::BatchQueryResponse* response) override {
    return gate_.Run("BatchQuery", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const Batch queries, BatchFromProto(*request));
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request->query().table()));
      BatchToProto(front_.QueryBatch(queries, context), table, request->query().with_plan(),
                   response);
      return absl::OkStatus();
    });
  }

  grpc::Status NearestNeighbors(grpc::ServerContext* call,
                                const v1::NearestNeighborsRequest* request,
                                v1::NearestNeighborsResponse* response) override {
    return gate_.Run("NearestNeighbors", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const QueryRequest query, NearestNeighborsFromProto(*request));
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(query.table));
      ASSIGN_OR_RETURN(const QueryResult result, front_.Query(query, context));
      NearestNeighborsToProto(result, table, request->columns_size() > 0, response);
      return absl::OkStatus();
    });
  }

  grpc::Status VectorSearch(grpc::ServerContext* call, const v1::VectorSearchRequest* request,
                            v1::VectorSearchResponse* response) override {
    return gate_.Run("VectorSearch", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const IndexInfo index, front_.FindIndex(request->index()));
      ASSIGN_OR_RETURN(const QueryRequest query,
                       VectorSearchFromProto(*request, index.table.name, ColumnOf(index)));
      ASSIGN_OR_RETURN(const QueryResult result, front_.Query(query, context));
      VectorSearchToProto(result, index.table, request->columns_size() > 0, response);
      return absl::OkStatus();
    });
  }

 private:
  static std::string ColumnOf(const IndexInfo& info) {
    for (const ColumnDef& column : info.table.columns) {
      if (column.id == info.index.column_id) return column.name;
    }
    return "";
  }

  absl::Status ExplainQuery(const v1::ExplainRequest& request, const CallContext& context,
                            v1::ExplainResponse* response) {
    ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request.query().table()));
    ASSIGN_OR_RETURN(QueryRequest query, QueryFromProto(request.query(), table));
    if (request.analyze()) {
      query.analyze = true;
      ASSIGN_OR_RETURN(const QueryResult result, front_.Query(query, context));
      PlanToProto(result.plan, response->mutable_plan());
      AnalysisToProto(result, response->mutable_analysis());
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Plan plan, front_.Explain(query, context));
    PlanToProto(plan, response->mutable_plan());
    return absl::OkStatus();
  }

  Front& front_;
  CallGate& gate_;
  RowStreams streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeQueryService(Front& front, CallGate& gate, StreamWatch& watch,
                                                Executor& pages) {
  return std::make_unique<QueryServiceImpl>(front, gate, watch, pages);
}

}  // namespace ordinate
