#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "engine/index/graph_builder.h"
#include "storage/base/context.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// The threads of one build. One thread calls its functions; the others live while one of them
/// runs.
class BuildCrew {
 public:
  /// Of a build of `total` nodes. What it borrows outlives it.
  BuildCrew(const CallContext& context, const BuildProgress& progress, uint32_t total)
      : context_(context), progress_(progress), total_(total) {}

  /// One worker's share of the nodes. Workers are numbered from 0, which is the calling thread.
  using Body = std::function<void(size_t worker, std::span<const uint32_t> nodes)>;

  /// Calls `body` with pieces of `nodes`, in order, until each node was in one piece, on at most
  /// `workers` threads; fewer when the system has no more. The context's error, seen between
  /// pieces; throws what `body` throws first.
  absl::Status Run(std::span<const uint32_t> nodes, size_t workers, const Body& body)
      ORDINATE_EXCLUDES(mutex_);

  /// As Run, and reports the nodes as done, on the calling thread.
  absl::Status RunAndReport(std::span<const uint32_t> nodes, size_t workers, const Body& body)
      ORDINATE_EXCLUDES(mutex_);

 private:
  void Work(size_t worker, std::span<const uint32_t> nodes, const Body& body);
  void Stop(absl::Status status, std::exception_ptr error) ORDINATE_EXCLUDES(mutex_);
  void Report();

  const CallContext& context_;
  const BuildProgress& progress_;
  const uint32_t total_;

  bool reports_ = false;  // these two: the calling thread
  uint32_t reported_ = 0;
  std::atomic<size_t> next_{0};  // of the nodes of this run
  std::atomic<uint32_t> done_{0};
  std::atomic<bool> stopped_{false};
  Mutex mutex_;
  absl::Status status_ ORDINATE_GUARDED_BY(mutex_);
  std::exception_ptr error_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
