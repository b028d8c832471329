#include "service/server/stream_watch.h"

#include <string>

#include "grpc/grpc.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr char kStays[] = "; what was acknowledged stays, send the rest in another call";

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
  Waiter waiter{&call, std::chrono::steady_clock::now() + idle_limit_, absl::OkStatus()};
  std::list<Waiter*>::iterator place;
  {
    MutexLock lock(mutex_);
    if (draining_) return Draining();
    place = waiters_.insert(waiters_.end(), &waiter);
    if (place == waiters_.begin()) changed_.NotifyAll();
  }
  const bool more = read();
  MutexLock lock(mutex_);
  if (!waiter.ended.ok()) return waiter.ended;
  waiters_.erase(place);
  return more;
}

void StreamWatch::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
  for (; !waiters_.empty(); waiters_.pop_front()) End(*waiters_.front(), Draining());
}

void StreamWatch::WatchIdle() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (waiters_.empty()) {
      changed_.Wait(mutex_);
    } else if (Waiter& first = *waiters_.front(); std::chrono::steady_clock::now() >= first.until) {
      waiters_.pop_front();
      End(first, Idle());
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

absl::Status StreamWatch::Draining() const {
  return absl::UnavailableError(Concat("the server is shutting down", kStays));
}

absl::Status StreamWatch::Idle() const {
  return absl::DeadlineExceededError(Concat("no message came for ", idle_limit_.count(),
                                            " seconds, the limit (--stream-idle-seconds)", kStays));
}

}  // namespace ordinate
