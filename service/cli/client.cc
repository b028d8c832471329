#include "service/cli/client.h"

#include <algorithm>
#include <limits>

#include "storage/base/status_macros.h"

namespace ordinate::cli {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  // Answers are bounded by the server: 10,000 rows or 16 MiB a page.
  arguments.SetMaxReceiveMessageSize(std::numeric_limits<int>::max());
  // A server on this machine is not behind the proxy that the environment may name.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments);
}

std::chrono::system_clock::time_point After(double seconds) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(
             std::chrono::duration<double>(seconds));
}

}  // namespace

Client::Client(const ClientOptions& options)
    : options_(options),
      channel_(MakeChannel(options)),
      tables_(v1::TableService::NewStub(channel_)),
      rows_(v1::RowService::NewStub(channel_)),
      indexes_(v1::IndexService::NewStub(channel_)),
      queries_(v1::QueryService::NewStub(channel_)),
      statements_(v1::StatementService::NewStub(channel_)),
      admin_(v1::AdminService::NewStub(channel_)) {}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  std::unique_ptr<Client> client(new Client(options));
  const double seconds =
      std::min(options.timeout_seconds, std::chrono::duration<double>(kConnectTimeout).count());
  // A refused connection is an answer; a channel that only says "connecting" is waited for.
  const auto deadline = After(seconds);
  grpc_connectivity_state state = client->channel_->GetState(/*try_to_connect=*/true);
  while (state != GRPC_CHANNEL_READY) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) {
      return ConnectError(options.server, "the connection was refused or the name is not known");
    }
    if (!client->channel_->WaitForStateChange(state, deadline)) {
      return ConnectError(options.server, "no connection in time");
    }
    state = client->channel_->GetState(true);
  }
  return client;
}

std::chrono::system_clock::time_point Client::Deadline() const {
  return After(options_.timeout_seconds);
}

absl::Status Client::Execute(const v1::ExecuteRequest& request, grpc::ClientContext& context,
                             const std::function<absl::Status(v1::ExecuteResponse&)>& take) {
  context.set_deadline(Deadline());
  const auto reader = statements_->Execute(&context, request);
  v1::ExecuteResponse response;
  absl::Status taken;
  while (taken.ok() && reader->Read(&response)) taken = take(response);
  if (!taken.ok()) context.TryCancel();
  const grpc::Status status = reader->Finish();
  return taken.ok() ? FromServer(status) : taken;
}

absl::Status Client::CreateBackup(const v1::CreateBackupRequest& request,
                                  grpc::ClientContext& context,
                                  const std::function<void(v1::CreateBackupResponse&)>& take) {
  context.set_deadline(Deadline());
  const auto reader = admin_->CreateBackup(&context, request);
  v1::CreateBackupResponse response;
  while (reader->Read(&response)) take(response);
  return FromServer(reader->Finish());
}

absl::StatusOr<v1::Table> Client::GetTable(const std::string& name) {
  v1::GetTableRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(v1::GetTableResponse response, Call(&TableStub::GetTable, request));
  return std::move(*response.mutable_table());
}

}  // namespace ordinate::cli
