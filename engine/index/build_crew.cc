#include "engine/index/build_crew.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

namespace ordinate {
namespace {

// Nodes of a piece. Neighbours in the order are near each other, so that larger pieces keep threads
// apart, and the caches of each in use.
constexpr size_t kPiece = 256;

}  // namespace

absl::Status BuildCrew::Run(std::span<const uint32_t> nodes, size_t workers, const Body& body) {
  next_.store(0);
  const size_t pieces = (nodes.size() + kPiece - 1) / kPiece;
  std::vector<std::thread> others;
  others.reserve(workers);
  try {
    for (size_t worker = 1; worker < std::min(workers, pieces); ++worker) {
      others.emplace_back([this, worker, nodes, &body] { Work(worker, nodes, body); });
    }
  } catch (const std::exception&) {
    // The system gives no more threads; those there are do the work.
  }
  Work(0, nodes, body);
  for (std::thread& other : others) other.join();
  MutexLock lock(mutex_);
  if (error_ != nullptr) std::rethrow_exception(error_);
  return status_;
}

absl::Status BuildCrew::RunAndReport(std::span<const uint32_t> nodes, size_t workers,
                                     const Body& body) {
  reports_ = true;
  const absl::Status status = Run(nodes, workers, [&](size_t worker, auto piece) {
    body(worker, piece);
    done_.fetch_add(static_cast<uint32_t>(piece.size()), std::memory_order_relaxed);
  });
  if (status.ok()) Report();
  reports_ = false;
  return status;
}

void BuildCrew::Work(size_t worker, std::span<const uint32_t> nodes, const Body& body) {
  try {
    while (!stopped_.load(std::memory_order_relaxed)) {
      const size_t begin = next_.fetch_add(kPiece, std::memory_order_relaxed);
      if (begin >= nodes.size()) return;
      body(worker, nodes.subspan(begin, std::min(kPiece, nodes.size() - begin)));
      if (worker == 0) Report();
      if (absl::Status status = context_.Check(); !status.ok()) Stop(std::move(status), nullptr);
    }
  } catch (...) {
    Stop(absl::OkStatus(), std::current_exception());
  }
}

// The first reason counts.
void BuildCrew::Stop(absl::Status status, std::exception_ptr error) {
  MutexLock lock(mutex_);
  if (stopped_.exchange(true)) return;
  status_ = std::move(status);
  error_ = std::move(error);
}

void BuildCrew::Report() {
  const uint32_t done = done_.load(std::memory_order_relaxed);
  if (!reports_ || !progress_ || done == reported_) return;
  reported_ = done;
  progress_(done, total_);
}

}  // namespace ordinate
