#include "service/server/stream_watch.h"

#include <algorithm>
#include <string>

#include "grpc/grpc.h"
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
  Waiter waiter{&call, false, std::chrono::steady_clock::now() + idle_limit_, absl::OkStatus()};
  return Await(waiter, read);
}

absl::StatusOr<bool> StreamWatch::Write(grpc::ServerContext& call,
                                        const std::function<bool()>& write) {
  Waiter waiter{&call, true, std::chrono::steady_clock::now() + idle_limit_, absl::OkStatus()};
  return Await(waiter, write);
}

absl::StatusOr<bool> StreamWatch::Await(Waiter& waiter, const std::function<bool()>& wait) {
  std::list<Waiter*>::iterator place;
  {
    MutexLock lock(mutex_);
    if (draining_ && !waiter.writes) return Draining(waiter);
    if (draining_) waiter.until = std::chrono::steady_clock::now() + kReaderGrace;
    place = waiters_.insert(waiters_.end(), &waiter);
    if (place == waiters_.begin()) changed_.NotifyAll();
  }
  const bool done = wait();
  MutexLock lock(mutex_);
  if (!waiter.ended.ok()) return waiter.ended;
  waiters_.erase(place);
  return done;
}

void StreamWatch::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
  const auto until = std::chrono::steady_clock::now() + kReaderGrace;
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    Waiter& waiter = **at;
    if (waiter.writes) {
      waiter.until = std::min(waiter.until, until);
      ++at;
    } else {
      at = waiters_.erase(at);
      End(waiter, Draining(waiter));
    }
  }
  changed_.NotifyAll();
}

void StreamWatch::WatchIdle() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (waiters_.empty()) {
      changed_.Wait(mutex_);
    } else if (Waiter& first = *waiters_.front(); std::chrono::steady_clock::now() >= first.until) {
      waiters_.pop_front();
      End(first, draining_ ? Draining(first) : Idle(first));
    } else {
      const auto until = first.until;  // of a waiter that may be gone after the wait
      changed_.WaitUntil(mutex_, until);
    }
  }
}

void StreamWatch::End(Waiter& waiter, const absl::Status& why) {
  waiter.ended = why;
  // The C++ API cancels with CANCELLED only. The call lives: its thread is in Read.
  grpc_call_cancel_with_status(waiter.call->c_call(), static_cast<grpc_status_code>(why.code()),
                               std::string(why.message()).c_str(), nullptr);
}

absl::Status StreamWatch::Draining(const Waiter& waiter) {
  return absl::UnavailableError(
      Concat("the server is shutting down", waiter.writes ? kAgain : kStays));
}

absl::Status StreamWatch::Idle(const Waiter& waiter) const {
  return absl::DeadlineExceededError(
      Concat(waiter.writes ? "nothing was read for " : "no message came for ", idle_limit_.count(),
             " seconds, the limit (--stream-idle-seconds)", waiter.writes ? kAgain : kStays));
}

}  // namespace ordinate
