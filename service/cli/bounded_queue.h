#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "storage/base/mutex.h"

namespace ordinate::cli {

/// A queue between threads that holds at most `capacity` items. Thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False when the queue was closed; the item is dropped.
  bool Push(T item) ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (items_.size() >= capacity_ && !closed_) changed_.Wait(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    changed_.NotifyAll();
    return true;
  }

  /// Waits for an item. nullopt when the queue is closed and empty.
  std::optional<T> Pop() ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) changed_.Wait(mutex_);
    return Take();
  }

  /// As Pop, but nullopt too when there is none within `time`.
  std::optional<T> PopWithin(std::chrono::milliseconds time) ORDINATE_EXCLUDES(mutex_) {
    const auto until = std::chrono::steady_clock::now() + time;
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_ && changed_.WaitUntil(mutex_, until)) {
    }
    return Take();
  }

  /// Whether it is closed and empty.
  bool IsAtEnd() ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return closed_ && items_.empty();
  }

  /// No more items come in; those inside still come out.
  void Close() ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }

 private:
  std::optional<T> Take() ORDINATE_REQUIRES(mutex_) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item = std::move(items_.front());
    items_.pop_front();
    changed_.NotifyAll();
    return item;
  }

  const size_t capacity_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<T> items_ ORDINATE_GUARDED_BY(mutex_);
  bool closed_ ORDINATE_GUARDED_BY(mutex_) = false;
};

}  // namespace ordinate::cli
