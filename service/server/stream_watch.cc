#include "service/server/stream_watch.h"

#include <algorithm>
#include <string>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr char kAgain[] = "; ask again, in pages if the rows are to be kept for long";
constexpr char kStays[] = "; what was acknowledged stays, send the rest in another call";

// How long a draining server lets a reader take what is on its way.
constexpr std::chrono::seconds kReaderGrace(2);

}  // namespace

StreamWatch::StreamWatch(std::chrono::seconds idle_limit)
    : idle_limit_(idle_limit), watcher_([this] { WatchIdle(); }) {}

StreamWatch::~StreamWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  watcher_.join();
}

absl::StatusOr<bool> StreamWatch::Read(grpc::ServerContext& call,
                                       const std::function<bool()>& read) {
  Waiter waiter(call.c_call(), WaitsFor::kMessage);
  return Await(waiter, read);
}

absl::StatusOr<bool> StreamWatch::Write(grpc::ServerContext& call,
                                        const std::function<bool()>& write) {
  Waiter waiter(call.c_call(), WaitsFor::kReader);
  return Await(waiter, write);
}

absl::StatusOr<bool> StreamWatch::Await(Waiter& waiter, const std::function<bool()>& wait) {
  RETURN_IF_ERROR(Begin(waiter));
  const bool done = wait();
  RETURN_IF_ERROR(End(waiter));
  return done;
}

absl::Status StreamWatch::Begin(Waiter& waiter) {
  MutexLock lock(mutex_);
  if (draining_ && !waiter.writes_) return Draining(waiter);
  waiter.until_ = std::chrono::steady_clock::now() + (draining_ ? kReaderGrace : idle_limit_);
  waiter.place_ = waiters_.insert(waiters_.end(), &waiter);
  if (waiter.place_ == waiters_.begin()) changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status StreamWatch::End(Waiter& waiter) {
  MutexLock lock(mutex_);
  if (!waiter.ended_.ok()) return waiter.ended_;
  waiters_.erase(waiter.place_);
  return absl::OkStatus();
}

void StreamWatch::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
  const auto until = std::chrono::steady_clock::now() + kReaderGrace;
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    Waiter& waiter = **at;
    if (waiter.writes_) {
      waiter.until_ = std::min(waiter.until_, until);
      ++at;
    } else {
      at = waiters_.erase(at);
      Cancel(waiter, Draining(waiter));
    }
  }
  changed_.NotifyAll();
}

void StreamWatch::WatchIdle() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (waiters_.empty()) {
      changed_.Wait(mutex_);
    } else if (Waiter& first = *waiters_.front();
               std::chrono::steady_clock::now() >= first.until_) {
      waiters_.pop_front();
      Cancel(first, draining_ ? Draining(first) : Idle(first));
    } else {
      const auto until = first.until_;  // of a waiter that may be gone after the wait
      changed_.WaitUntil(mutex_, until);
    }
  }
}

void StreamWatch::Cancel(Waiter& waiter, const absl::Status& why) {
  waiter.ended_ = why;
  // The C++ API cancels with CANCELLED only. The call lives: End would have to take the mutex
  // first.
  grpc_call_cancel_with_status(waiter.call_, static_cast<grpc_status_code>(why.code()),
                               std::string(why.message()).c_str(), nullptr);
}

absl::Status StreamWatch::Draining(const Waiter& waiter) {
  return absl::UnavailableError(
      Concat("the server is shutting down", waiter.writes_ ? kAgain : kStays));
}

absl::Status StreamWatch::Idle(const Waiter& waiter) const {
  return absl::DeadlineExceededError(
      Concat(waiter.writes_ ? "nothing was read for " : "no message came for ", idle_limit_.count(),
             " seconds, the limit (--stream-idle-seconds)", waiter.writes_ ? kAgain : kStays));
}

}  // namespace ordinate
