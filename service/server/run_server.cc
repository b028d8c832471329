#include "service/server/run_server.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "service/server/grpc_server.h"
#include "service/server/logging.h"
#include "service/server/metrics.h"
#include "service/server/query_log.h"
#include "service/server/standalone.h"
#include "service/server/version.h"
#include "spdlog/spdlog.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr int kExitFailed = 1;

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Everything that serves, in order of construction.
struct Server {
  ServerMetrics metrics;
  QueryLog query_log{metrics};
  std::unique_ptr<Standalone> standalone;
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<MetricsEndpoint> endpoint;  // null: none
};

absl::Status Start(const ServeOptions& options, Server& server) {
  StandaloneSeams seams;
  seams.observer = &server.query_log;
  ASSIGN_OR_RETURN(server.standalone, Standalone::Open(options.standalone, seams));
  if (!options.metrics_listen.empty()) {
    ASSIGN_OR_RETURN(
        server.endpoint,
        MetricsEndpoint::Start(options.metrics_listen,
                               {server.metrics.registry(), std::make_shared<ProcessCollector>(),
                                std::make_shared<StateCollector>(server.standalone->front(),
                                                                 server.standalone->shards())}));
  }
  ASSIGN_OR_RETURN(server.grpc,
                   GrpcServer::Start(server.standalone->front(), server.metrics, options.grpc));
  return absl::OkStatus();
}

void SayReady(const Server& server) {
  const std::string metrics =
      server.endpoint == nullptr ? "nowhere" : server.endpoint->address() + "/metrics";
  std::cout << "ordinate ready: gRPC on " << server.grpc->address() << ", metrics on " << metrics
            << std::endl;
  LogEvent(spdlog::level::info, "ready",
           {{"version", kVersionText},
            {"grpc", server.grpc->address()},
            {"metrics", metrics},
            {"data_dir", server.standalone->directory().path()},
            {"shards", server.standalone->directory().shards()}});
}

}  // namespace

int RunServer(const ServeOptions& options) {
  const sigset_t signals = EndSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  absl::Status status = InitLogging(options.log);
  Server server;
  if (status.ok()) status = Start(options, server);
  if (!status.ok()) {
    std::cerr << "ordinate serve: " << status.message() << std::endl;
    return kExitFailed;
  }
  SayReady(server);

  int signal = 0;
  ::sigwait(&signals, &signal);
  // A second signal ends the process at once, which loses nothing that was acknowledged.
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  LogEvent(spdlog::level::info, "draining",
           {{"signal", signal}, {"drain_seconds", options.drain_seconds}});
  server.grpc->Drain(std::chrono::seconds(options.drain_seconds));
  LogEvent(spdlog::level::info, "drained", nlohmann::ordered_json::object());
  return 0;
}

}  // namespace ordinate
