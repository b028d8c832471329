#include <utility>
#include <vector>

#include "ordinate/v1/index_service.grpc.pb.h"
#include "service/server/services.h"
#include "service/wire/indexes.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

class IndexServiceImpl final : public v1::IndexService::Service {
 public:
  IndexServiceImpl(Front& front, CallGate& gate) : front_(front), gate_(gate) {}

  grpc::Status CreateIndex(grpc::ServerContext* call, const v1::CreateIndexRequest* request,
                           v1::CreateIndexResponse* response) override {
    return gate_.Run("CreateIndex", *call, [&](const CallContext&) -> absl::Status {
      ASSIGN_OR_RETURN(IndexInput input, IndexFromProto(request->index()));
      // Before the index is made: the answer names the table's columns.
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(input.table));
      ASSIGN_OR_RETURN(const IndexDef index,
                       front_.CreateIndex(input.table, input.column, std::move(input.index)));
      IndexToProto(index, table, response->mutable_index());
      return absl::OkStatus();
    });
  }

  grpc::Status GetIndexStatus(grpc::ServerContext* call, const v1::GetIndexStatusRequest* request,
                              v1::GetIndexStatusResponse* response) override {
    return gate_.Run("GetIndexStatus", *call, [&](const CallContext&) -> absl::Status {
      ASSIGN_OR_RETURN(const IndexInfo info, front_.GetIndex(request->name()));
      IndexInfoToProto(info, response->mutable_info());
      return absl::OkStatus();
    });
  }

  grpc::Status ListIndexes(grpc::ServerContext* call, const v1::ListIndexesRequest* request,
                           v1::ListIndexesResponse* response) override {
    return gate_.Run("ListIndexes", *call, [&](const CallContext&) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<IndexInfo> infos, front_.ListIndexes(request->table()));
      for (const IndexInfo& info : infos) IndexInfoToProto(info, response->add_indexes());
      return absl::OkStatus();
    });
  }

  grpc::Status AlterIndex(grpc::ServerContext* call, const v1::AlterIndexRequest* request,
                          v1::AlterIndexResponse* response) override {
    return gate_.Run("AlterIndex", *call, [&](const CallContext&) -> absl::Status {
      ASSIGN_OR_RETURN(const IndexInfo info, front_.FindIndex(request->name()));
      ASSIGN_OR_RETURN(const auto change, AlterationFromProto(*request, info.index.engine));
      ASSIGN_OR_RETURN(const IndexDef altered, front_.AlterIndex(request->name(), change));
      IndexToProto(altered, info.table, response->mutable_index());
      return absl::OkStatus();
    });
  }

  grpc::Status RebuildIndex(grpc::ServerContext* call, const v1::RebuildIndexRequest* request,
                            v1::RebuildIndexResponse*) override {
    return gate_.Run("RebuildIndex", *call, [&](const CallContext&) {
      std::optional<RebuildGate> gate;
      if (request->has_gate()) gate = GateFromProto(request->gate());
      return front_.RebuildIndex(request->name(), gate);
    });
  }

  grpc::Status CancelRebuild(grpc::ServerContext* call, const v1::CancelRebuildRequest* request,
                             v1::CancelRebuildResponse*) override {
    return gate_.Run("CancelRebuild", *call,
                     [&](const CallContext&) { return front_.CancelRebuild(request->name()); });
  }

  grpc::Status DropIndex(grpc::ServerContext* call, const v1::DropIndexRequest* request,
                         v1::DropIndexResponse*) override {
    return gate_.Run("DropIndex", *call,
                     [&](const CallContext&) { return front_.DropIndex(request->name()); });
  }

  grpc::Status MeasureRecall(grpc::ServerContext* call, const v1::MeasureRecallRequest* request,
                             v1::MeasureRecallResponse* response) override {
    return gate_.Run("MeasureRecall", *call, [&](const CallContext& context) -> absl::Status {
      const RecallQuestion question = RecallFromProto(*request);
      ASSIGN_OR_RETURN(const RecallAnswer answer, front_.MeasureRecall(question, context));
      RecallToProto(answer, question.k, response);
      return absl::OkStatus();
    });
  }

 private:
  Front& front_;
  CallGate& gate_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeIndexService(Front& front, CallGate& gate) {
  return std::make_unique<IndexServiceImpl>(front, gate);
}

}  // namespace ordinate
