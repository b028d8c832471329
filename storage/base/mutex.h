#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>

// Thread-safety attributes are checked by clang (clang-tidy runs it); other compilers ignore them.
#if defined(__clang__)
#define ORDINATE_TSA(x) __attribute__((x))
#else
#define ORDINATE_TSA(x)
#endif
#define ORDINATE_GUARDED_BY(m) ORDINATE_TSA(guarded_by(m))
#define ORDINATE_REQUIRES(m) ORDINATE_TSA(requires_capability(m))
#define ORDINATE_EXCLUDES(m) ORDINATE_TSA(locks_excluded(m))

namespace ordinate {

/// An annotated std::mutex. absl::Mutex is not used: the distribution's build of it is not
/// instrumented, and ThreadSanitizer then reports races that are not there.
class ORDINATE_TSA(capability("mutex")) Mutex {
 public:
  void Lock() ORDINATE_TSA(acquire_capability()) { mutex_.lock(); }
  void Unlock() ORDINATE_TSA(release_capability()) { mutex_.unlock(); }
  /// Waits for about `most`, by the system's clock: ThreadSanitizer does not know the call that has
  /// the steady one.
  bool TryLockFor(std::chrono::milliseconds most) ORDINATE_TSA(try_acquire_capability(true)) {
    const std::chrono::nanoseconds until =
        std::chrono::system_clock::now().time_since_epoch() + most;
    const timespec time{.tv_sec = until.count() / 1'000'000'000,
                        .tv_nsec = until.count() % 1'000'000'000};
    return pthread_mutex_timedlock(mutex_.native_handle(), &time) == 0;
  }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class ORDINATE_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ORDINATE_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  /// Of one that is held.
  MutexLock(Mutex& mutex, std::adopt_lock_t /*held*/) ORDINATE_REQUIRES(mutex) : mutex_(mutex) {}
  ~MutexLock() ORDINATE_TSA(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable for Mutex. Callers loop over their condition around Wait.
class CondVar {
 public:
  /// REQUIRES: `mutex` is held; it is released while waiting and held again on return.
  void Wait(Mutex& mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  /// Like Wait, at most until `until`. Returns false when the time was reached.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point until) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = cv_.wait_until(lock, until) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace ordinate
