#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "prometheus/collectable.h"
#include "service/front/front.h"
#include "storage/base/context.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// Measures the recall of every HNSW index that answers, one after the other, again and again, and
/// shows what it found last. Its questions are not counted as queries. Thread-safe.
class RecallMonitor : public prometheus::Collectable {
 public:
  /// From the end of a turn to the begin of the next, and before the first; 0: never by itself.
  /// `front` outlives this.
  RecallMonitor(Front& front, std::chrono::seconds interval, uint32_t samples);
  /// Ends a measurement that is running.
  ~RecallMonitor() override;
  RecallMonitor(const RecallMonitor&) = delete;
  RecallMonitor& operator=(const RecallMonitor&) = delete;

  /// One turn. An index that cannot be measured keeps what was found before, a dropped one nothing.
  void MeasureAll() ORDINATE_EXCLUDES(mutex_);

  std::vector<prometheus::MetricFamily> Collect() const override ORDINATE_EXCLUDES(mutex_);

 private:
  struct Found {
    uint32_t index_id = 0;
    std::string table;
    RecallAnswer answer;
    int64_t at_seconds = 0;  // since 1970
  };
  absl::StatusOr<RecallAnswer> Measure(const RecallQuestion& question);
  void Run() ORDINATE_EXCLUDES(mutex_);

  Front& front_;
  const std::chrono::seconds interval_;
  const uint32_t samples_;
  CallContext context_;  // cancelled by the destructor

  mutable Mutex mutex_;
  CondVar wake_;
  bool ending_ ORDINATE_GUARDED_BY(mutex_) = false;
  std::map<std::string, Found> found_ ORDINATE_GUARDED_BY(mutex_);  // by index

  std::thread thread_;
};

}  // namespace ordinate
