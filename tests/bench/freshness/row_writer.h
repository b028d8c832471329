#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/engine/data_set.h"
#include "tests/bench/freshness/connection.h"
#include "tests/bench/freshness/query_load.h"

namespace ordinate::bench {

enum class WriteKind { kUpsert, kUpdateTag, kDelete };

/// What a writer saw, over all its runs.
struct WriteResult {
  uint64_t rows = 0;
  double seconds = 0;
  std::vector<double> write_millis;    // of each request
  std::vector<double> visible_millis;  // of probed rows: acknowledged until the first question,
                                       // that showed them, was sent

  void Add(const WriteResult& more);
};

/// Writes to random rows of a table at a steady rate, fifty requests a second;
/// a request that is late is not dropped. Now and then it asks for a row that it has just written,
/// until it sees it. One thread.
class RowWriter {
 public:
  /// `new_vectors`: what upserts write, each varied a little.
  RowWriter(const std::shared_ptr<grpc::Channel>& channel, std::string table, const DataSet& set,
            std::span<const float> new_vectors, DeletedRows& deleted);

  /// As Connection::MayBeLost; Run then ends with the request that was not answered, and does not
  /// count it.
  void MayBeLost() { connection_.MayBeLost(); }
  /// The rows of the last request that was answered, and the tag it gave them.
  const std::vector<int64_t>& acknowledged_ids() const { return acknowledged_ids_; }
  int64_t acknowledged_tag() const { return acknowledged_tag_; }

  /// Deletes take each row once, in random order, and end with half of them.
  void Run(WriteKind kind, double rows_per_second, double seconds, WriteResult& result);

 private:
  void Write(WriteKind kind, size_t rows);
  std::span<const float> NewVector(size_t slot);
  double MillisUntilVisible(WriteKind kind);

  Connection connection_;
  const std::string table_;
  const DataSet& set_;
  const std::span<const float> new_vectors_;
  DeletedRows& deleted_;
  std::mt19937_64 random_{std::random_device()()};  // rows of earlier runs may still be there
  std::vector<int64_t> ids_;                        // of the request
  std::vector<int64_t> acknowledged_ids_;
  int64_t acknowledged_tag_ = 0;
  std::vector<float> vectors_;   // of the request
  std::vector<int64_t> doomed_;  // to be deleted, the next one last
  bool doomed_chosen_ = false;
  uint64_t written_ = 0;
  // Of the request. No row was loaded with one so large, or has it of an earlier run.
  int64_t tag_ = std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
};

}  // namespace ordinate::bench
