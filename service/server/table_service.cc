#include <utility>

#include "ordinate/v1/table_service.grpc.pb.h"
#include "service/server/services.h"
#include "service/wire/tables.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

class TableServiceImpl final : public v1::TableService::Service {
 public:
  TableServiceImpl(Front& front, CallGate& gate) : front_(front), gate_(gate) {}

  grpc::Status CreateTable(grpc::ServerContext* call, const v1::CreateTableRequest* request,
                           v1::CreateTableResponse* response) override {
    return gate_.Run("CreateTable", *call, [&](const CallContext&) -> absl::Status {
      ASSIGN_OR_RETURN(TableDef asked, TableFromProto(request->table()));
      ASSIGN_OR_RETURN(const TableDef table, front_.CreateTable(std::move(asked)));
      TableToProto(table, response->mutable_table());
      return absl::OkStatus();
    });
  }

  grpc::Status GetTable(grpc::ServerContext* call, const v1::GetTableRequest* request,
                        v1::GetTableResponse* response) override {
    return gate_.Run("GetTable", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const TableInfo info, front_.GetTable(request->name(), context));
      TableInfoToProto(info, response->mutable_table());
      return absl::OkStatus();
    });
  }

  grpc::Status ListTables(grpc::ServerContext* call, const v1::ListTablesRequest*,
                          v1::ListTablesResponse* response) override {
    return gate_.Run("ListTables", *call, [&](const CallContext&) -> absl::Status {
      const auto definitions = front_.definitions();
      for (const auto& [name, table] : definitions->tables) {
        TableToProto(table, response->add_tables());
      }
      return absl::OkStatus();
    });
  }

  grpc::Status AddColumn(grpc::ServerContext* call, const v1::AddColumnRequest* request,
                         v1::AddColumnResponse* response) override {
    return gate_.Run("AddColumn", *call, [&](const CallContext&) -> absl::Status {
      ASSIGN_OR_RETURN(ColumnDef column, ColumnFromProto(request->column()));
      ASSIGN_OR_RETURN(const TableDef table, front_.AddColumn(request->table(), std::move(column)));
      TableToProto(table, response->mutable_table());
      return absl::OkStatus();
    });
  }

  grpc::Status DropTable(grpc::ServerContext* call, const v1::DropTableRequest* request,
                         v1::DropTableResponse*) override {
    return gate_.Run("DropTable", *call,
                     [&](const CallContext&) { return front_.DropTable(request->name()); });
  }

 private:
  Front& front_;
  CallGate& gate_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeTableService(Front& front, CallGate& gate) {
  return std::make_unique<TableServiceImpl>(front, gate);
}

}  // namespace ordinate
