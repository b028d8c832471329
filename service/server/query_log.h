#pragma once

#include "service/front/front.h"

namespace ordinate {

class ServerMetrics;

/// Counts every query and logs it at debug level with the facts of its plan. Thread-safe.
class QueryLog : public QueryObserver {
 public:
  /// `metrics` outlives this.
  explicit QueryLog(ServerMetrics& metrics) : metrics_(metrics) {}
  void OnQuery(const QueryRequest& request, const absl::StatusOr<QueryResult>& result,
               int64_t nanos) override;

 private:
  ServerMetrics& metrics_;
};

}  // namespace ordinate
