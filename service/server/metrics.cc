#include "service/server/metrics.h"

#include <utility>

#include "absl/status/status.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

/// 100 µs to 10 s; queries are mostly under 1 ms.
prometheus::Histogram::BucketBoundaries Buckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
          0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
}

/// 100 ms to 3 hours.
prometheus::Histogram::BucketBoundaries BackupBuckets() {
  return {0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1'800, 3'600, 10'800};
}

}  // namespace

ServerMetrics::ServerMetrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      queries_(BuildCounter()
                   .Name("ordinate_queries_total")
                   .Help("Queries answered, in queries, by path and by the reason for it.")
                   .Register(*registry_)),
      query_seconds_(BuildHistogram()
                         .Name("ordinate_query_seconds")
                         .Help("Time to answer a query, in seconds, by path.")
                         .Register(*registry_)),
      write_rows_(BuildCounter()
                      .Name("ordinate_write_rows_total")
                      .Help("Rows or keys in acknowledged writes, in rows, by operation.")
                      .Register(*registry_)),
      write_seconds_(BuildHistogram()
                         .Name("ordinate_write_seconds")
                         .Help("Time to acknowledge a write request, in seconds, by operation.")
                         .Register(*registry_)),
      errors_(BuildCounter()
                  .Name("ordinate_errors_total")
                  .Help("Calls that ended with an error, in calls, by RPC and canonical code.")
                  .Register(*registry_)),
      call_seconds_(BuildHistogram()
                        .Name("ordinate_call_seconds")
                        .Help("Duration of finished calls, in seconds, by RPC.")
                        .Register(*registry_)),
      calls_in_work_(BuildGauge()
                         .Name("ordinate_calls_in_work")
                         .Help("Calls in work now, in calls.")
                         .Register(*registry_)
                         .Add({})),
      backups_(BuildCounter()
                   .Name("ordinate_backups_total")
                   .Help("Calls for a backup that ended, in calls, by result.")
                   .Register(*registry_)),
      backup_seconds_(BuildHistogram()
                          .Name("ordinate_backup_seconds")
                          .Help("Time to make a backup, in seconds.")
                          .Register(*registry_)
                          .Add({}, BackupBuckets())),
      last_backup_time_(BuildGauge()
                            .Name("ordinate_backup_last_time_seconds")
                            .Help("End of the newest backup, in seconds since "
                                  "1970-01-01T00:00:00Z; 0: there is none.")
                            .Register(*registry_)
                            .Add({})),
      last_backup_bytes_(BuildGauge()
                             .Name("ordinate_backup_last_bytes")
                             .Help("Size of the newest backup, in bytes.")
                             .Register(*registry_)
                             .Add({})) {
  // Series that exist from the start let a rate be taken from the first event on.
  for (const char* path : {"ANN", "EXACT"}) query_seconds_.Add({{"path", path}}, Buckets());
  for (const char* operation : {"upsert", "update", "delete"}) {
    write_rows_.Add({{"operation", operation}});
    write_seconds_.Add({{"operation", operation}}, Buckets());
  }
  for (const char* result : {"ok", "failed"}) backups_.Add({{"result", result}});
}

void ServerMetrics::RecordQuery(const Plan& plan, double seconds) {
  const std::string path(PathName(plan.path));
  queries_.Add({{"path", path}, {"reason", std::string(ReasonName(plan.reason))}}).Increment();
  query_seconds_.Add({{"path", path}}, Buckets()).Observe(seconds);
}

void ServerMetrics::RecordWrite(std::string_view operation, uint64_t rows, double seconds) {
  const std::string name(operation);
  write_rows_.Add({{"operation", name}}).Increment(static_cast<double>(rows));
  write_seconds_.Add({{"operation", name}}, Buckets()).Observe(seconds);
}

void ServerMetrics::RecordBackup(const BackupDescription* made, double seconds) {
  backups_.Add({{"result", made != nullptr ? "ok" : "failed"}}).Increment();
  if (made == nullptr) return;
  backup_seconds_.Observe(seconds);
  SetLastBackup(*made);
}

void ServerMetrics::SetLastBackup(const BackupDescription& backup) {
  last_backup_time_.Set(static_cast<double>(backup.time_micros) / 1e6);
  last_backup_bytes_.Set(static_cast<double>(backup.bytes()));
}

void ServerMetrics::RecordCall(std::string_view rpc, absl::StatusCode code, double seconds) {
  const std::string name(rpc);
  call_seconds_.Add({{"rpc", name}}, Buckets()).Observe(seconds);
  if (code == absl::StatusCode::kOk) return;
  errors_.Add({{"rpc", name}, {"code", absl::StatusCodeToString(code)}}).Increment();
}

}  // namespace ordinate
