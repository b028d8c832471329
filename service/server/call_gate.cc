#include "service/server/call_gate.h"

#include <atomic>
#include <new>
#include <string>

#include "grpcpp/server.h"
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

/// The gate of the call whose answer this thread still has to write.
thread_local CallGate* answering = nullptr;

/// gRPC handles, and answers, a synchronous call on one thread.
class AnswerWatch final : public grpc::Server::GlobalCallbacks {
 public:
  void PreSynchronousRequest(grpc::ServerContext*) override {}
  void PostSynchronousRequest(grpc::ServerContext*) override { CallGate::AnswerSent(); }
};

}  // namespace

void CallGate::WatchAnswers() {
  // gRPC keeps it, takes one in a process, and has no use for a second.
  static const bool watching = [] {
    grpc::Server::SetGlobalCallbacks(new AnswerWatch());
    return true;
  }();
  (void)watching;
}

void CallGate::AnswerSent() {
  if (answering != nullptr) answering->Close();
  answering = nullptr;
}

void CallGate::Open() {
  MutexLock lock(mutex_);
  ++open_;
}

void CallGate::OpenUntilAnswered() {
  AnswerSent();
  answering = this;
  Open();
}

void CallGate::Close() {
  MutexLock lock(mutex_);
  if (--open_ == 0) idle_.NotifyAll();
}

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
  --in_work_;
}

SteadyClock::time_point CallGate::DeadlineOf(std::chrono::system_clock::time_point deadline) {
  const auto now = std::chrono::system_clock::now();
  // Far deadlines overflow a conversion to nanoseconds; a year is as good as none.
  if (deadline - now > std::chrono::hours(24 * 365)) return SteadyClock::time_point::max();
  return SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(deadline - now);
}

CallGate::Passage::Passage(CallGate& gate, std::string_view rpc)
    : gate_(gate), rpc_(rpc), start_(SteadyClock::now()) {
  gate_.Open();
}

CallGate::Passage::~Passage() { gate_.Close(); }

absl::Status CallGate::Passage::Begin() {
  RETURN_IF_ERROR(gate_.Enter());
  entered_ = true;
  return absl::OkStatus();
}

absl::Status CallGate::Passage::RunPart(const Body& body, const CallContext& context) {
  try {
    RETURN_IF_ERROR(context.Check());
    return body(context);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        Concat(rpc_, " needs more memory than there is; ask for less at once"));
  } catch (const std::exception& error) {
    LogEvent(spdlog::level::err, "a call ended with an exception",
             {{"rpc", std::string(rpc_)}, {"what", error.what()}});
    return absl::InternalError(Concat(rpc_, " failed inside: ", std::string_view(error.what())));
  }
}

grpc::Status CallGate::Passage::End(const absl::Status& status) {
  if (entered_) gate_.Leave();
  const std::chrono::duration<double> seconds = SteadyClock::now() - start_;
  gate_.metrics_.RecordCall(rpc_, status.code(), seconds.count());
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kDataLoss) {
    LogEvent(spdlog::level::err, "a call failed",
             {{"rpc", std::string(rpc_)},
              {"code", absl::StatusCodeToString(status.code())},
              {"error", std::string(status.message())}});
  }
  return ToGrpc(status);
}

grpc::Status CallGate::Run(std::string_view rpc, const grpc::ServerContext& call,
                           const Body& body) {
  OpenUntilAnswered();
  Passage passage(*this, rpc);
  absl::Status status = passage.Begin();
  if (status.ok()) {
    CancelProbe probe(call);
    const CallContext context(DeadlineOf(call.deadline()),
                              [&probe] { return probe.IsCancelled(); });
    status = passage.RunPart(body, context);
  }
  return passage.End(status);
}

bool CallGate::WaitIdle(SteadyClock::time_point until) {
  MutexLock lock(mutex_);
  while (open_ > 0) {
    if (!idle_.WaitUntil(mutex_, until)) return open_ == 0;
  }
  return true;
}

}  // namespace ordinate
