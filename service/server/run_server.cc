#include "service/server/run_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "service/server/grpc_server.h"
#include "service/server/logging.h"
#include "service/server/metrics.h"
#include "service/server/metrics_endpoint.h"
#include "service/server/query_log.h"
#include "service/server/recall_monitor.h"
#include "service/server/standalone.h"
#include "service/server/version.h"
#include "spdlog/spdlog.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/base/thread_priority.h"

namespace ordinate {
namespace {

constexpr int kExitFailed = 1;

/// SIGTERM and SIGINT as something to wait for. A handler and not a mask: libraries start threads
/// before main, which no later mask reaches. One at a time.
class EndSignal {
 public:
  EndSignal() : fd_(::eventfd(0, EFD_CLOEXEC)) {
    event_fd = fd_;
    received = 0;
    struct sigaction action = {};
    action.sa_handler = [](int signal) {
      const int saved = errno;
      received = signal;
      const uint64_t one = 1;
      if (::write(event_fd, &one, sizeof(one)) < 0) errno = 0;
      errno = saved;
    };
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGTERM, SIGINT}) ::sigaction(signal, &action, nullptr);
  }
  /// From here on a signal has its default effect again.
  ~EndSignal() {
    for (const int signal : {SIGTERM, SIGINT}) ::signal(signal, SIG_DFL);
    ::close(fd_);
  }
  EndSignal(const EndSignal&) = delete;
  EndSignal& operator=(const EndSignal&) = delete;

  /// Blocks until one has come; returns which.
  int Wait() const {
    // A signal ends a poll, where a read would go on; ThreadSanitizer runs handlers between calls.
    pollfd readable{fd_, POLLIN, 0};
    while (received == 0) ::poll(&readable, 1, -1);
    return received;
  }

 private:
  // What the handler may touch.
  static inline std::atomic<int> event_fd{-1};
  static inline std::atomic<int> received{0};
  static_assert(std::atomic<int>::is_always_lock_free);

  const int fd_;
};

/// Everything that serves, in order of construction.
struct Server {
  ServerMetrics metrics;
  QueryLog query_log{metrics};
  std::unique_ptr<Standalone> standalone;
  std::shared_ptr<RecallMonitor> recall;
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<MetricsEndpoint> endpoint;  // null: none
};

absl::Status Start(const ServeOptions& options, std::function<void(std::string_view)> at,
                   Server& server) {
  StandaloneSeams seams;
  seams.at = std::move(at);
  seams.observer = &server.query_log;
  ASSIGN_OR_RETURN(server.standalone, Standalone::Open(options.standalone, seams));
  server.recall = std::make_shared<RecallMonitor>(server.standalone->front(),
                                                  std::chrono::seconds(options.recall_seconds),
                                                  options.recall_samples);
  if (Backups* backups = server.standalone->backups(); backups != nullptr) {
    ASSIGN_OR_RETURN(const BackupList list, backups->List());
    for (const std::string& problem : list.problems) spdlog::warn("{}", problem);
    if (!list.backups.empty()) server.metrics.SetLastBackup(list.backups.back());
  }
  if (!options.metrics_listen.empty()) {
    ASSIGN_OR_RETURN(
        server.endpoint,
        MetricsEndpoint::Start(
            options.metrics_listen,
            {server.metrics.registry(), std::make_shared<ProcessCollector>(), server.recall,
             std::make_shared<StateCollector>(server.standalone->front(),
                                              server.standalone->shards())}));
  }
  ASSIGN_OR_RETURN(server.grpc, GrpcServer::Start(server.standalone->front(), server.metrics,
                                                  options.grpc, server.standalone->backups()));
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

int RunServer(const ServeOptions& options, std::function<void(std::string_view)> at) {
  AskForTurns(kAnsweringTurn);  // before there are threads that would not inherit it
  auto end = std::make_unique<EndSignal>();
  ::signal(SIGPIPE, SIG_IGN);
  absl::Status status = InitLogging(options.log);
  Server server;
  if (status.ok()) status = Start(options, std::move(at), server);
  if (!status.ok()) {
    std::cerr << "ordinate serve: " << status.message() << std::endl;
    return kExitFailed;
  }
  SayReady(server);

  const int signal = end->Wait();
  // A second signal ends the process at once, which loses nothing that was acknowledged.
  end.reset();
  LogEvent(spdlog::level::info, "draining",
           {{"signal", signal}, {"drain_seconds", options.drain_seconds}});
  server.standalone->StopHoldingWrites();
  server.grpc->Drain(std::chrono::seconds(options.drain_seconds));
  LogEvent(spdlog::level::info, "drained", nlohmann::ordered_json::object());
  return 0;
}

}  // namespace ordinate
