#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "service/backup/backup_description.h"
#include "service/front/front.h"

namespace prometheus {
class Exposer;
}  // namespace prometheus

namespace ordinate {

/// What the server counts while it works (docs/metrics.md). Thread-safe.
class ServerMetrics {
 public:
  ServerMetrics();

  void RecordQuery(const Plan& plan, double seconds);
  /// `operation`: "upsert" or "delete"; one acknowledged request of `rows` rows or keys.
  void RecordWrite(std::string_view operation, uint64_t rows, double seconds);
  /// One finished call, or one refused before it began; OK calls count as no error.
  void RecordCall(std::string_view rpc, absl::StatusCode code, double seconds);
  /// One call for a backup that ended: the backup, or null when it failed.
  void RecordBackup(const BackupDescription* made, double seconds);
  /// The newest backup there is.
  void SetLastBackup(const BackupDescription& backup);
  void CallBegins() { calls_in_work_.Increment(); }
  void CallEnds() { calls_in_work_.Decrement(); }

  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  const std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>& queries_;
  prometheus::Family<prometheus::Histogram>& query_seconds_;
  prometheus::Family<prometheus::Counter>& write_rows_;
  prometheus::Family<prometheus::Histogram>& write_seconds_;
  prometheus::Family<prometheus::Counter>& errors_;
  prometheus::Family<prometheus::Histogram>& call_seconds_;
  prometheus::Gauge& calls_in_work_;
  prometheus::Family<prometheus::Counter>& backups_;
  prometheus::Histogram& backup_seconds_;
  prometheus::Gauge& last_backup_time_;
  prometheus::Gauge& last_backup_bytes_;
};

/// The state of indexes and shards, asked for at each scrape.
class StateCollector : public prometheus::Collectable {
 public:
  /// `front` and `shards` outlive this.
  StateCollector(Front& front, std::vector<ShardClient*> shards)
      : front_(front), shards_(std::move(shards)) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Front& front_;
  const std::vector<ShardClient*> shards_;
};

/// The process: memory, CPU time, descriptors, start time, version. From /proc/self.
class ProcessCollector : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace ordinate
