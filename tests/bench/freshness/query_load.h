#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/engine/data_set.h"
#include "tests/bench/freshness/connection.h"

namespace ordinate::bench {

/// When each row's delete was acknowledged, by id; MonotonicNanos-like; 0: it lives. Any thread.
class DeletedRows {
 public:
  explicit DeletedRows(size_t rows) : nanos_(rows) {}
  void Mark(int64_t id, int64_t nanos) { nanos_[static_cast<size_t>(id)] = nanos; }
  /// Whether it was acknowledged before that moment.
  bool Before(int64_t id, int64_t nanos) const {
    const int64_t at = nanos_[static_cast<size_t>(id)];
    return at != 0 && at < nanos;
  }

 private:
  std::vector<std::atomic<int64_t>> nanos_;
};

/// Of the steady clock.
int64_t NowNanos();

/// What a load of queries saw.
struct LoadResult {
  std::vector<double> millis;  // of each query, from when it was due
  double seconds = 0;
  uint64_t short_answers = 0;     // with fewer rows than asked for
  uint64_t deleted_returned = 0;  // rows whose delete had been acknowledged before the question

  void Add(LoadResult more);
};

/// Questions of 10 rows, asked by threads of their own.
class QueryLoad {
 public:
  using ChannelMaker = std::function<std::shared_ptr<grpc::Channel>()>;
  QueryLoad(const ChannelMaker& new_channel, std::string table, const DataSet& set,
            const DeletedRows& deleted);

  /// Open loop: questions are due at random times (a Poisson process), whether earlier ones were
  /// answered or not, and a late one counts from when it was due.
  LoadResult Open(double per_second, double seconds, uint64_t seed);
  /// Closed loop: the most a second that `workers` callers get.
  double Capacity(size_t workers, double seconds);
  /// The part of the 10 exact answers that the index finds, over so many `questions`.
  /// REQUIRES: nothing is written meanwhile.
  double Recall(uint32_t questions, uint64_t seed);

 private:
  void AskOne(size_t worker, uint32_t number, LoadResult& result);

  std::deque<Connection> connections_;  // by worker
  const std::string table_;
  const DataSet& set_;
  const DeletedRows& deleted_;
};

}  // namespace ordinate::bench
