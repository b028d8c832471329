#include "service/server/call_gate.h"

#include <atomic>
#include <new>
#include <string>

#include "service/server/logging.h"
#include "service/wire/status.h"
#include "spdlog/spdlog.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kRetryMillis = 100;

SteadyClock::time_point DeadlineOf(const grpc::ServerContext& call) {
  const auto deadline = call.deadline();
  const auto now = std::chrono::system_clock::now();
  // Far deadlines overflow a conversion to nanoseconds; a year is as good as none.
  if (deadline - now > std::chrono::hours(24 * 365)) return SteadyClock::time_point::max();
  return SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(deadline - now);
}

/// ServerContext::IsCancelled asks the completion queue, which costs a system call and takes one
/// caller at a time; this asks it at most once a millisecond. Thread-safe.
class CancelProbe {
 public:
  explicit CancelProbe(const grpc::ServerContext& call) : call_(call) {}

  bool IsCancelled() {
    if (cancelled_.load(std::memory_order_relaxed)) return true;
    const int64_t now = SteadyClock::now().time_since_epoch().count();
    int64_t next = next_.load(std::memory_order_relaxed);
    if (now < next || !next_.compare_exchange_strong(next, now + kIntervalNanos)) return false;
    MutexLock lock(mutex_);
    if (call_.IsCancelled()) cancelled_.store(true, std::memory_order_relaxed);
    return cancelled_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr int64_t kIntervalNanos = 1'000'000;
  const grpc::ServerContext& call_;
  std::atomic<bool> cancelled_{false};
  std::atomic<int64_t> next_{0};
  Mutex mutex_;  // held while the completion queue is asked
};

absl::Status RunGuarded(std::string_view rpc, const CallGate::Body& body,
                        const CallContext& context) {
  try {
    RETURN_IF_ERROR(context.Check());
    return body(context);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        Concat(rpc, " needs more memory than there is; ask for less at once"));
  } catch (const std::exception& error) {
    LogEvent(spdlog::level::err, "a call ended with an exception",
             {{"rpc", std::string(rpc)}, {"what", error.what()}});
    return absl::InternalError(Concat(rpc, " failed inside: ", std::string_view(error.what())));
  }
}

}  // namespace

absl::Status CallGate::Enter() {
  MutexLock lock(mutex_);
  if (in_work_ >= max_calls_) {
    return WithRetryDelay(
        absl::ResourceExhaustedError(Concat("the server has ", in_work_,
                                            " calls in work, and its limit "
                                            "(--max-concurrent-calls) is ",
                                            max_calls_, "; try again a little later")),
        kRetryMillis);
  }
  ++in_work_;
  metrics_.CallBegins();
  return absl::OkStatus();
}

void CallGate::Leave() {
  MutexLock lock(mutex_);
  metrics_.CallEnds();
  if (--in_work_ == 0) idle_.NotifyAll();
}

grpc::Status CallGate::Run(std::string_view rpc, const grpc::ServerContext& call,
                           const Body& body) {
  const SteadyClock::time_point start = SteadyClock::now();
  absl::Status status = Enter();
  if (status.ok()) {
    CancelProbe probe(call);
    const CallContext context(DeadlineOf(call), [&probe] { return probe.IsCancelled(); });
    status = RunGuarded(rpc, body, context);
    Leave();
  }
  const std::chrono::duration<double> seconds = SteadyClock::now() - start;
  metrics_.RecordCall(rpc, status.code(), seconds.count());
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kDataLoss) {
    LogEvent(spdlog::level::err, "a call failed",
             {{"rpc", std::string(rpc)},
              {"code", absl::StatusCodeToString(status.code())},
              {"error", std::string(status.message())}});
  }
  return ToGrpc(status);
}

bool CallGate::WaitIdle(SteadyClock::time_point until) {
  MutexLock lock(mutex_);
  while (in_work_ > 0) {
    if (!idle_.WaitUntil(mutex_, until)) return in_work_ == 0;
  }
  return true;
}

}  // namespace ordinate
