#include "service/server/grpc_server.h"

#include <atomic>
#include <thread>
#include <utility>

#include "grpc/grpc.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "service/server/address.h"
#include "service/server/services.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr const char* kServiceNames[] = {
    "ordinate.v1.TableService", "ordinate.v1.RowService",       "ordinate.v1.IndexService",
    "ordinate.v1.QueryService", "ordinate.v1.StatementService", "ordinate.v1.AdminService"};

/// Threads beyond those of calls in work: pollers, health and reflection.
constexpr uint32_t kSpareThreads = 16;
/// Threads that wait for calls; more than that end, and are started again for the next calls.
constexpr int kIdleThreads = 12;
constexpr int kMillis = 1000;
constexpr std::chrono::milliseconds kDrainLook(20);

void SetLimits(const GrpcOptions& options, grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("ordinate");
  quota.SetMaxThreads(static_cast<int>(options.max_concurrent_calls + kSpareThreads));
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, kIdleThreads);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             static_cast<int>(options.max_metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(options.max_concurrent_streams));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(options.keepalive_seconds) * kMillis);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20 * kMillis);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10 * kMillis);
  if (options.max_connection_age_seconds > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               static_cast<int>(options.max_connection_age_seconds) * kMillis);
  }
  // Without this two servers share a port in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(Front& front, ServerMetrics& metrics,
                                                              const GrpcOptions& options,
                                                              Backups* backups) {
  const auto unavailable = [&options](std::string_view why) {
    return absl::UnavailableError(Concat("cannot serve gRPC on ", options.listen, ": ", why,
                                         "; choose another address with --listen"));
  };
  // Tried before gRPC does, which logs at length what it meets.
  if (const std::string why = WhyNoListening(options.listen, ""); !why.empty()) {
    return unavailable(why);
  }
  CallGate::WatchAnswers();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::unique_ptr<GrpcServer> server(new GrpcServer(options, metrics));
  server->services_.push_back(MakeTableService(front, server->gate_));
  server->services_.push_back(MakeRowService(front, server->gate_, server->watch_));
  server->services_.push_back(MakeIndexService(front, server->gate_));
  server->services_.push_back(
      MakeQueryService(front, server->gate_, server->watch_, server->pages_));
  server->services_.push_back(MakeStatementService(front, server->gate_, server->watch_));
  server->services_.push_back(MakeAdminService(backups, server->gate_, server->watch_));

  grpc::ServerBuilder builder;
  SetLimits(options, builder);
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  for (const auto& service : server->services_) builder.RegisterService(service.get());
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || port == 0) {
    return unavailable(
        WhyNoListening(options.listen, "gRPC could not start; its own log says why"));
  }
  server->address_ = WithPort(options.listen, port);
  for (const char* name : kServiceNames) {
    server->server_->GetHealthCheckService()->SetServingStatus(name, true);
  }
  server->pulse_ = std::make_unique<CallbackPulse>(server->server_->InProcessChannel({}));
  return server;
}

GrpcServer::~GrpcServer() {
  if (server_ != nullptr && !drained_) Drain(std::chrono::milliseconds(0));
}

void GrpcServer::Drain(std::chrono::milliseconds grace) {
  drained_ = true;
  pulse_.reset();
  server_->GetHealthCheckService()->Shutdown();
  watch_.Drain();
  std::atomic<bool> finished{false};
  std::thread shutdown([&] {
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    finished = true;
  });
  // A health watch never ends by itself, and would use up the whole grace. So once no call of ours
  // has been open for two looks in a row (one taken before the shutdown may just be arriving),
  // what is left is cancelled.
  bool was_idle = false;
  while (!finished) {
    const bool idle = gate_.WaitIdle(std::chrono::steady_clock::now() + kDrainLook);
    if (idle && was_idle) grpc_server_cancel_all_calls(server_->c_server());
    if (idle) std::this_thread::sleep_for(kDrainLook);
    was_idle = idle;
  }
  shutdown.join();
  server_->Wait();
}

}  // namespace ordinate
