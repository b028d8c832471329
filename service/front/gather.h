#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/shard/shard_client.h"
#include "storage/base/context.h"
#include "storage/base/executor.h"
#include "storage/base/mutex.h"
#include "storage/base/status_macros.h"

namespace ordinate {

/// How calls to several shards are started.
enum class Spread {
  kInline,    // one after the other on this thread: short or truly asynchronous calls
  kParallel,  // over the executor: calls that compute for long before they return
};

/// Starts call(i, done) for each i in [0, count) and waits until every `done` was called, because
/// the calls read the context and whatever else the caller passed by reference. The answers are in
/// the order of i. A single call never leaves this thread. `executor` may be null.
template <typename T>
std::vector<absl::StatusOr<T>> GatherEach(
    size_t count, Spread spread, Executor* executor,
    const std::function<void(size_t, ShardClient::Done<T>)>& call) {
  // Shared with the callbacks, the last of which may still be leaving Finish() when Wait() returns.
  struct Answers {
    explicit Answers(size_t count) : all(count), missing(count) {}
    void Finish(size_t i, absl::StatusOr<T> answer) {
      MutexLock lock(mutex);
      all[i] = std::move(answer);
      if (--missing == 0) complete.NotifyAll();
    }
    std::vector<absl::StatusOr<T>> Wait() {
      MutexLock lock(mutex);
      while (missing > 0) complete.Wait(mutex);
      return std::move(all);
    }
    Mutex mutex;
    CondVar complete;
    std::vector<absl::StatusOr<T>> all ORDINATE_GUARDED_BY(mutex);
    size_t missing ORDINATE_GUARDED_BY(mutex);
  };
  auto answers = std::make_shared<Answers>(count);
  const auto start = [&](size_t i) {
    call(i, [answers, i](absl::StatusOr<T> answer) { answers->Finish(i, std::move(answer)); });
  };
  if (spread == Spread::kParallel && executor != nullptr && count > 1) {
    executor->ParallelFor(count, start);
  } else {
    for (size_t i = 0; i < count; ++i) start(i);
  }
  return answers->Wait();
}

/// As GatherEach, but one failed call fails all: the error of the lowest i is returned. Nothing is
/// started when the context has ended.
template <typename T>
absl::StatusOr<std::vector<T>> Gather(
    size_t count, Spread spread, Executor* executor, const CallContext& context,
    const std::function<void(size_t, ShardClient::Done<T>)>& call) {
  RETURN_IF_ERROR(context.Check());
  std::vector<absl::StatusOr<T>> answers = GatherEach<T>(count, spread, executor, call);
  std::vector<T> values;
  values.reserve(count);
  for (absl::StatusOr<T>& answer : answers) {
    if (!answer.ok()) return answer.status();
    values.push_back(*std::move(answer));
  }
  return values;
}

}  // namespace ordinate
