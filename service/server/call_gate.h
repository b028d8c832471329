#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "service/server/metrics.h"
#include "storage/base/context.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// What every call passes through: the limit on calls in work, the deadline and cancellation, the
/// counters, and the end of exceptions. Thread-safe.
class CallGate {
 public:
  using Body = std::function<absl::Status(const CallContext& context)>;

  /// `metrics` outlives this.
  CallGate(uint32_t max_calls, ServerMetrics& metrics) : max_calls_(max_calls), metrics_(metrics) {}

  /// Runs `body` on this thread with the call's context. RESOURCE_EXHAUSTED with a retry delay when
  /// too many calls are in work; DEADLINE_EXCEEDED without running when the deadline has passed.
  grpc::Status Run(std::string_view rpc, const grpc::ServerContext& call, const Body& body)
      ORDINATE_EXCLUDES(mutex_);

  /// Waits until no call is in work, at most until `until`. Returns whether there is none.
  bool WaitIdle(std::chrono::steady_clock::time_point until) ORDINATE_EXCLUDES(mutex_);

  ServerMetrics& metrics() { return metrics_; }

 private:
  absl::Status Enter() ORDINATE_EXCLUDES(mutex_);
  void Leave() ORDINATE_EXCLUDES(mutex_);

  const uint32_t max_calls_;
  ServerMetrics& metrics_;
  Mutex mutex_;
  CondVar idle_;
  uint32_t in_work_ ORDINATE_GUARDED_BY(mutex_) = 0;
};

}  // namespace ordinate
