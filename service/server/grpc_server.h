#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/server.h"
#include "service/backup/backups.h"
#include "service/front/front.h"
#include "service/server/call_gate.h"
#include "service/server/callback_pulse.h"
#include "service/server/metrics.h"
#include "service/server/options.h"
#include "service/server/stream_watch.h"
#include "storage/base/executor.h"

namespace ordinate {

/// The gRPC endpoint: the services of ordinate.v1, health by service, reflection.
class GrpcServer {
 public:
  /// Serves from when it returns. UNAVAILABLE naming the address and why nothing can listen there.
  /// `backups` is null where the server keeps none. What is passed outlives this.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Front& front, ServerMetrics& metrics,
                                                           const GrpcOptions& options,
                                                           Backups* backups = nullptr);
  /// Drains without grace if that was not done.
  ~GrpcServer();

  /// "host:port" with the port in use.
  const std::string& address() const { return address_; }

  /// Health turns NOT_SERVING, no new call is taken, streams that wait for their caller end with
  /// UNAVAILABLE, and calls in work end and send their answers; those that have not after `grace`
  /// are cancelled. Returns when none is left. One thread, once.
  void Drain(std::chrono::milliseconds grace);

 private:
  GrpcServer(const GrpcOptions& options, ServerMetrics& metrics)
      : gate_(options.max_concurrent_calls, metrics),
        watch_(std::chrono::seconds(options.stream_idle_seconds)),
        pages_(std::clamp(std::thread::hardware_concurrency(), 2u, 16u)) {}

  CallGate gate_;
  StreamWatch watch_;
  Executor pages_;  // of streams: apart from the queries' own, on which making a page may wait
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CallbackPulse> pulse_;
  std::string address_;
  bool drained_ = false;
};

}  // namespace ordinate
