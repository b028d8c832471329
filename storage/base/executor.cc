#include "storage/base/executor.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <utility>

#include "storage/base/thread_priority.h"

namespace ordinate {

Executor::Executor(size_t threads, int gives_way_by) {
  workers_.reserve(std::max<size_t>(threads, 1));
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
    workers_.emplace_back([this, gives_way_by] {
      if (gives_way_by > 0) {
        GiveWay(gives_way_by);
        AskForTurns(kBackgroundTurn);
      }
      RunWorker();
    });
  }
}

Executor::~Executor() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& worker : workers_) worker.join();
}

void Executor::Submit(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
}

void Executor::RunWorker() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !stopping_) wake_.Wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void Executor::ParallelFor(size_t count, const std::function<void(size_t)>& body) {
  if (count == 0) return;
  // Shared with helpers, which may start after the caller has returned and then find no work:
  // `body` is used only for an index that was taken, and the caller waits for all of those.
  struct Work {
    std::atomic<size_t> next{0};
    size_t count = 0;
    const std::function<void(size_t)>* body = nullptr;
    Mutex mutex;
    CondVar finished;
    size_t done ORDINATE_GUARDED_BY(mutex) = 0;
    std::exception_ptr error ORDINATE_GUARDED_BY(mutex);  // the first that a call threw

    void Call(size_t i) {
      try {
        (*body)(i);
      } catch (...) {
        MutexLock lock(mutex);
        if (error == nullptr) error = std::current_exception();
      }
    }
    void Run() {
      size_t ran = 0;
      for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
        Call(i);
        ++ran;
      }
      if (ran == 0) return;
      MutexLock lock(mutex);
      done += ran;
      if (done == count) finished.NotifyAll();
    }
  };
  auto work = std::make_shared<Work>();
  work->count = count;
  work->body = &body;
  const size_t helpers = std::min(threads(), count - 1);
  for (size_t i = 0; i < helpers; ++i) Submit([work] { work->Run(); });
  work->Run();
  MutexLock lock(work->mutex);
  while (work->done < count) work->finished.Wait(work->mutex);
  if (work->error != nullptr) std::rethrow_exception(work->error);
}

}  // namespace ordinate
