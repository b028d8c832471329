#include "ordinate/v1/query_service.grpc.pb.h"
#include "service/server/services.h"
#include "service/wire/queries.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

class QueryServiceImpl final : public v1::QueryService::Service {
 public:
  QueryServiceImpl(Front& front, CallGate& gate) : front_(front), gate_(gate) {}

  grpc::Status Query(grpc::ServerContext* call, const v1::QueryRequest* request,
                     v1::QueryResponse* response) override {
    return gate_.Run("Query", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const QueryRequest query, QueryFromProto(*request));
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(query.table));
      ASSIGN_OR_RETURN(const QueryResult result, front_.Query(query, context));
      QueryResultToProto(result, table, request->with_plan(), response);
      return absl::OkStatus();
    });
  }

  grpc::Status Explain(grpc::ServerContext* call, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    return gate_.Run("Explain", *call, [&](const CallContext& context) -> absl::Status {
      return UnderField(ExplainQuery(request->query(), context, response), "query");
    });
  }

 private:
  absl::Status ExplainQuery(const v1::QueryRequest& request, const CallContext& context,
                            v1::ExplainResponse* response) {
    ASSIGN_OR_RETURN(const QueryRequest query, QueryFromProto(request));
    ASSIGN_OR_RETURN(const Plan plan, front_.Explain(query, context));
    PlanToProto(plan, response->mutable_plan());
    return absl::OkStatus();
  }

  Front& front_;
  CallGate& gate_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeQueryService(Front& front, CallGate& gate) {
  return std::make_unique<QueryServiceImpl>(front, gate);
}

}  // namespace ordinate
