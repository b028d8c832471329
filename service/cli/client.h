#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "ordinate/v1/admin_service.grpc.pb.h"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/statement_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"
#include "service/cli/errors.h"

namespace ordinate::cli {

/// What every client command takes.
struct ClientOptions {
  std::string server = "127.0.0.1:7700";
  double timeout_seconds = 60;
  std::string output = "table";

  bool json() const { return output == "json"; }
};

/// A connection to one server. Thread-safe.
class Client {
 public:
  /// Waits for the connection at most the timeout, and never longer than kConnectTimeout.
  /// ConnectError when there is none.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);

  static constexpr std::chrono::seconds kConnectTimeout{10};

  /// One unary call, such as Call(&TableStub::GetTable, request), within the timeout.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    Response response;
    const grpc::Status status = (stub<Stub>().*method)(&context, request, &response);
    if (!status.ok()) return FromServer(status);
    return response;
  }

  /// One statement, within the timeout; `take` gets each part of its answer. `context` is the
  /// caller's, to cancel it from another thread. Ends with the first error, of either side.
  absl::Status Execute(const v1::ExecuteRequest& request, grpc::ClientContext& context,
                       const std::function<absl::Status(v1::ExecuteResponse&)>& take);

  /// One backup, within the timeout; `take` gets each part of the answer. `context` as Execute.
  absl::Status CreateBackup(const v1::CreateBackupRequest& request, grpc::ClientContext& context,
                            const std::function<void(v1::CreateBackupResponse&)>& take);

  /// The table's definition, for reading and writing its cells.
  absl::StatusOr<v1::Table> GetTable(const std::string& name);

  v1::RowService::StubInterface& rows() { return *rows_; }

 private:
  explicit Client(const ClientOptions& options);
  std::chrono::system_clock::time_point Deadline() const;
  template <typename Stub>
  Stub& stub();

  const ClientOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::TableService::StubInterface> tables_;
  const std::unique_ptr<v1::RowService::StubInterface> rows_;
  const std::unique_ptr<v1::IndexService::StubInterface> indexes_;
  const std::unique_ptr<v1::QueryService::StubInterface> queries_;
  const std::unique_ptr<v1::StatementService::StubInterface> statements_;
  const std::unique_ptr<v1::AdminService::StubInterface> admin_;
};

using AdminStub = v1::AdminService::StubInterface;
using TableStub = v1::TableService::StubInterface;
using RowStub = v1::RowService::StubInterface;
using IndexStub = v1::IndexService::StubInterface;
using QueryStub = v1::QueryService::StubInterface;

template <>
inline AdminStub& Client::stub<AdminStub>() {
  return *admin_;
}
template <>
inline TableStub& Client::stub<TableStub>() {
  return *tables_;
}
template <>
inline RowStub& Client::stub<RowStub>() {
  return *rows_;
}
template <>
inline IndexStub& Client::stub<IndexStub>() {
  return *indexes_;
}
template <>
inline QueryStub& Client::stub<QueryStub>() {
  return *queries_;
}

}  // namespace ordinate::cli
