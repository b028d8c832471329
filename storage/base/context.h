#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "absl/status/status.h"

namespace ordinate {

/// The deadline and cancellation of one call, passed by reference all the way down. Thread-safe:
/// helpers of the same call may check it concurrently. Long loops call Check() every few hundred
/// steps and return what it returns.
class CallContext {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// No deadline, never cancelled.
  CallContext() = default;
  explicit CallContext(TimePoint deadline, std::function<bool()> is_cancelled = nullptr)
      : deadline_(deadline), is_cancelled_(std::move(is_cancelled)) {}
  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  /// Makes every later Check() fail. Any thread.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  TimePoint deadline() const { return deadline_; }

  /// OK, CANCELLED or DEADLINE_EXCEEDED.
  absl::Status Check() const {
    if (cancelled_.load(std::memory_order_relaxed) || (is_cancelled_ && is_cancelled_())) {
      return absl::CancelledError("the caller cancelled the call");
    }
    if (deadline_ != TimePoint::max() && std::chrono::steady_clock::now() >= deadline_) {
      return absl::DeadlineExceededError("the call's deadline has passed");
    }
    return absl::OkStatus();
  }

 private:
  const TimePoint deadline_ = TimePoint::max();
  const std::function<bool()> is_cancelled_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace ordinate
