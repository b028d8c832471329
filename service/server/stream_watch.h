#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpc/grpc.h"
#include "grpcpp/server_context.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// Ends streaming calls that wait for their caller: for its next message, at once when the server
/// drains; to read what was sent to it, a moment after; either after the idle limit. Calls at work
/// are left alone. Thread-safe.
class StreamWatch {
 public:
  explicit StreamWatch(std::chrono::seconds idle_limit);
  /// No call may be waiting.
  ~StreamWatch();

  /// Runs `read`, which blocks until `call` has its next message or can have none, and returns what
  /// it returned. UNAVAILABLE when the server drains, DEADLINE_EXCEEDED after the idle limit, whose
  /// status the caller of `call` has then been sent already; a message that came at that very
  /// moment must not be worked on. Any thread, one at a time per call.
  absl::StatusOr<bool> Read(grpc::ServerContext& call, const std::function<bool()>& read)
      ORDINATE_EXCLUDES(mutex_);

  /// As Read, around `write`, which blocks until the caller takes the message. Returns whether it
  /// did.
  absl::StatusOr<bool> Write(grpc::ServerContext& call, const std::function<bool()>& write)
      ORDINATE_EXCLUDES(mutex_);

  enum class WaitsFor { kMessage, kReader };
  /// A call that waits, from Begin to End.
  class Waiter {
   public:
    /// `call` lives from Begin to End.
    Waiter(grpc_call* call, WaitsFor what) : call_(call), writes_(what == WaitsFor::kReader) {}

   private:
    friend class StreamWatch;
    grpc_call* const call_;
    const bool writes_;
    std::chrono::steady_clock::time_point until_;
    absl::Status ended_;                  // why, once it was ended
    std::list<Waiter*>::iterator place_;  // while not ended
  };
  /// Read and Write in two halves, for calls that wait without a thread. UNAVAILABLE, and nothing
  /// to end, when a draining server waits for no message.
  absl::Status Begin(Waiter& waiter) ORDINATE_EXCLUDES(mutex_);
  /// OK unless the call was ended meanwhile. Not from a callback of the call: ending it may make
  /// that callback.
  absl::Status End(Waiter& waiter) ORDINATE_EXCLUDES(mutex_);

  /// From here on no call waits for a message, or long for its reader.
  void Drain() ORDINATE_EXCLUDES(mutex_);

 private:
  absl::StatusOr<bool> Await(Waiter& waiter, const std::function<bool()>& wait)
      ORDINATE_EXCLUDES(mutex_);
  void WatchIdle() ORDINATE_EXCLUDES(mutex_);
  void Cancel(Waiter& waiter, const absl::Status& why) ORDINATE_REQUIRES(mutex_);
  static absl::Status Draining(const Waiter& waiter);
  absl::Status Idle(const Waiter& waiter) const;

  const std::chrono::seconds idle_limit_;
  Mutex mutex_;
  CondVar changed_;
  std::list<Waiter*> waiters_ ORDINATE_GUARDED_BY(mutex_);  // not ended, in order of `until_`
  bool draining_ ORDINATE_GUARDED_BY(mutex_) = false;
  bool stopping_ ORDINATE_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

}  // namespace ordinate
