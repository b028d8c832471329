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

  /// One call's way through, for calls whose parts run on several threads, one at a time. The call
  /// is open until this is gone.
  class Passage {
   public:
    /// `gate` outlives this.
    Passage(CallGate& gate, std::string_view rpc);
    ~Passage();
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    /// First, once. RESOURCE_EXHAUSTED as Run.
    absl::Status Begin();
    /// Runs a part of the call on this thread; what it throws becomes its status.
    absl::Status RunPart(const Body& body, const CallContext& context);
    /// Last, once: counts the call. Returns what its caller is told.
    grpc::Status End(const absl::Status& status);

   private:
    CallGate& gate_;
    const std::string_view rpc_;
    const std::chrono::steady_clock::time_point start_;
    bool entered_ = false;
  };
  /// A call's deadline on the steady clock.
  static std::chrono::steady_clock::time_point DeadlineOf(
      std::chrono::system_clock::time_point deadline);

  /// Has gRPC call AnswerSent. Before the first server of the process is built.
  static void WatchAnswers();
  /// The answer of the call that ran last on this thread was written, or never will be.
  static void AnswerSent();

  /// Waits until no call is open: none is in work or has its answer still to be written. At most
  /// until `until`; returns whether there is none.
  bool WaitIdle(std::chrono::steady_clock::time_point until) ORDINATE_EXCLUDES(mutex_);

  ServerMetrics& metrics() { return metrics_; }

 private:
  absl::Status Enter() ORDINATE_EXCLUDES(mutex_);
  void Leave() ORDINATE_EXCLUDES(mutex_);
  void Open() ORDINATE_EXCLUDES(mutex_);
  void OpenUntilAnswered() ORDINATE_EXCLUDES(mutex_);
  void Close() ORDINATE_EXCLUDES(mutex_);

  const uint32_t max_calls_;
  ServerMetrics& metrics_;
  Mutex mutex_;
  CondVar idle_;
  uint32_t in_work_ ORDINATE_GUARDED_BY(mutex_) = 0;
  uint32_t open_ ORDINATE_GUARDED_BY(mutex_) = 0;  // passages, and answers to be written
};

}  // namespace ordinate
