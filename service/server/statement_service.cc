#include <chrono>
#include <map>
#include <string>

#include "ordinate/v1/statement_service.grpc.pb.h"
#include "service/server/services.h"
#include "service/statement/executor.h"
#include "service/wire/rows.h"
#include "service/wire/values.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Sends the parts of an answer as they come.
class CallSink final : public statement::ResultSink {
 public:
  CallSink(grpc::ServerContext& call, StreamWatch& watch,
           grpc::ServerWriter<v1::ExecuteResponse>& writer, ServerMetrics& metrics)
      : call_(call), watch_(watch), writer_(writer), metrics_(metrics) {}

  absl::Status Header(const std::vector<statement::RowOutput::Column>& columns) override {
    columns_ = columns;
    v1::ExecuteResponse response;
    v1::ExecuteHeader& header = *response.mutable_header();
    for (const auto& column : columns) {
      v1::ResultColumn& out = *header.add_columns();
      out.set_name(column.name);
      out.set_type(static_cast<v1::DataType>(column.type));
    }
    return Send(response);
  }

  absl::Status Rows(std::vector<std::vector<Value>> rows) override {
    v1::ExecuteResponse response;
    for (const std::vector<Value>& row : rows) {
      v1::ResultValues& out = *response.mutable_rows()->add_rows();
      for (size_t i = 0; i < row.size(); ++i) {
        ValueToProto(row[i], columns_[i].type, out.add_values());
      }
    }
    return Send(response);
  }

  absl::Status Done(const statement::ExecutionSummary& summary) override {
    using enum statement::ExecutionSummary::Wrote;
    if (summary.wrote != kNothing) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
      const char* const operation = summary.wrote == kUpserts   ? "upsert"
                                    : summary.wrote == kUpdates ? "update"
                                                                : "delete";
      metrics_.RecordWrite(operation, summary.rows, spent.count());
    }
    v1::ExecuteResponse response;
    v1::ExecuteSummary& out = *response.mutable_summary();
    out.set_message(summary.message);
    out.set_rows(summary.rows);
    out.set_plan(summary.plan);
    TokenToProto(summary.visible_seq, out.mutable_visible_seq());
    out.mutable_settings()->insert(summary.settings.begin(), summary.settings.end());
    out.mutable_notices()->Add(summary.notices.begin(), summary.notices.end());
    return Send(response);
  }

 private:
  absl::Status Send(const v1::ExecuteResponse& response) {
    ASSIGN_OR_RETURN(const bool read, watch_.Write(call_, [&] { return writer_.Write(response); }));
    return read ? absl::OkStatus() : absl::CancelledError("the caller is gone");
  }

  grpc::ServerContext& call_;
  StreamWatch& watch_;
  grpc::ServerWriter<v1::ExecuteResponse>& writer_;
  ServerMetrics& metrics_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::vector<statement::RowOutput::Column> columns_;
};

class StatementServiceImpl final : public v1::StatementService::Service {
 public:
  StatementServiceImpl(Front& front, CallGate& gate, StreamWatch& watch)
      : front_(front), gate_(gate), watch_(watch) {}

  grpc::Status Execute(grpc::ServerContext* call, const v1::ExecuteRequest* request,
                       grpc::ServerWriter<v1::ExecuteResponse>* writer) override {
    return gate_.Run("Execute", *call, [&](const CallContext& context) {
      CallSink sink(*call, watch_, *writer, gate_.metrics());
      const std::map<std::string, std::string> settings(request->settings().begin(),
                                                        request->settings().end());
      return statement::Execute(front_, request->statement(), settings, sink, context,
                                request->request_id());
    });
  }

 private:
  Front& front_;
  CallGate& gate_;
  StreamWatch& watch_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeStatementService(Front& front, CallGate& gate,
                                                    StreamWatch& watch) {
  return std::make_unique<StatementServiceImpl>(front, gate, watch);
}

}  // namespace ordinate
