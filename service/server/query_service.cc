#include <atomic>

#include "absl/cleanup/cleanup.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "service/front/query_stream.h"
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

// Streams whose readers stop must leave calls for others, and bound what is ranked ahead of them.
constexpr uint32_t kMaxStreams = 32;
constexpr uint64_t kRetryMillis = 1'000;

class QueryServiceImpl final : public v1::QueryService::Service {
 public:
  QueryServiceImpl(Front& front, CallGate& gate, StreamWatch& watch)
      : front_(front), gate_(gate), watch_(watch) {}

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

  grpc::Status StreamQuery(grpc::ServerContext* call, const v1::StreamQueryRequest* request,
                           grpc::ServerWriter<v1::StreamQueryResponse>* writer) override {
    return gate_.Run("StreamQuery", *call, [&](const CallContext& context) {
      return SendRows(*call, *request, context, *writer);
    });
  }

  grpc::Status BatchQuery(grpc::ServerContext* call, const v1::BatchQueryRequest* request,
                          v1::BatchQueryResponse* response) override {
    return gate_.Run("BatchQuery", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<QueryRequest> queries, BatchFromProto(*request));
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

  absl::Status SendRows(grpc::ServerContext& call, const v1::StreamQueryRequest& request,
                        const CallContext& context,
                        grpc::ServerWriter<v1::StreamQueryResponse>& writer) {
    if (streams_.fetch_add(1) >= kMaxStreams) {
      streams_.fetch_sub(1);
      return WithRetryDelay(
          absl::ResourceExhaustedError(Concat("the server has ", kMaxStreams,
                                              " streams of rows at work, its limit; try again a "
                                              "little later")),
          kRetryMillis);
    }
    const absl::Cleanup done = [this] { streams_.fetch_sub(1); };
    auto opened = OpenStream(request, context);
    if (!opened.ok()) return UnderField(opened.status(), "query");
    QueryStream& stream = **opened;
    v1::StreamQueryResponse response;
    while (true) {
      ASSIGN_OR_RETURN(const QueryStream::Page page, stream.Next(context));
      response.Clear();
      const bool first = stream.rows_sent() == page.ranked.size();
      if (first && request.query().with_plan()) {
        PlanToProto(stream.plan(), response.mutable_plan());
      }
      PageToProto(page, stream, &response);
      ASSIGN_OR_RETURN(const bool read, watch_.Write(call, [&] { return writer.Write(response); }));
      if (!read) return absl::CancelledError("the caller is gone");
      if (page.last) return absl::OkStatus();
    }
  }

  absl::StatusOr<std::unique_ptr<QueryStream>> OpenStream(const v1::StreamQueryRequest& request,
                                                          const CallContext& context) {
    ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request.query().table()));
    ASSIGN_OR_RETURN(QueryRequest query, QueryFromProto(request.query(), table));
    ASSIGN_OR_RETURN(const StreamOrder order, StreamOrderFromProto(request.order()));
    if (query.paged || !query.page_token.empty()) {
      return InField(absl::InvalidArgumentError("a stream has no page tokens; use Query for pages"),
                     "page_token");
    }
    query.limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
    if (query.limit > kMaxPageSize) {
      return InField(absl::InvalidArgumentError(
                         Concat("page_size is ", query.limit, "; expected 1 to ", kMaxPageSize)),
                     "page_size");
    }
    return front_.OpenStream(query, order, context);
  }

  Front& front_;
  CallGate& gate_;
  StreamWatch& watch_;
  std::atomic<uint32_t> streams_{0};
};

}  // namespace

std::unique_ptr<grpc::Service> MakeQueryService(Front& front, CallGate& gate, StreamWatch& watch) {
  return std::make_unique<QueryServiceImpl>(front, gate, watch);
}

}  // namespace ordinate
