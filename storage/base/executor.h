#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"

namespace ordinate {

/// A fixed pool of threads. Tasks must not throw and must not wait for other tasks of the same
/// executor, except through ParallelFor, whose caller works too and so never starves.
class Executor {
 public:
  /// `threads` >= 1 workers. Unless `gives_way_by` (thread_priority.h) is 0, they and the threads
  /// they start give way to others where the system is busy.
  explicit Executor(size_t threads, int gives_way_by = 0);
  /// Runs every task already submitted, then joins.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  size_t threads() const { return workers_.size(); }

  /// Queues `task`. Any thread.
  void Submit(std::function<void()> task) ORDINATE_EXCLUDES(mutex_);

  /// Calls body(i) once for each i in [0, count), on this thread and on idle workers, and returns
  /// when all calls have returned. Order is unspecified. Any thread, workers included.
  void ParallelFor(size_t count, const std::function<void(size_t)>& body);

 private:
  void RunWorker() ORDINATE_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ ORDINATE_GUARDED_BY(mutex_);
  bool stopping_ ORDINATE_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;  // constant after construction
};

}  // namespace ordinate
