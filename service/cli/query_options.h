#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "ordinate/v1/query_service.pb.h"
#include "service/cli/client.h"

namespace ordinate::cli {

/// A question as the command line puts it.
struct QueryOptions {
  ClientOptions client;
  std::string table, column, metric, filter, columns, index, direction;
  std::string vector_json, vector_file;
  uint32_t limit = 10, offset = 0;
  std::vector<std::string> order_by, settings, min_token;
  std::string lag_policy;
  std::optional<uint64_t> max_lag_rows, max_lag_ms;
  bool plan = false, exact = false, ann = false, include_null_vectors = false;
};

/// Adds the options that `query`, `explain` and `recall` share: what to ask, but not the vector.
void AddQueryOptions(CLI::App& command, QueryOptions* options);

/// The request but for its vector.
absl::StatusOr<v1::QueryRequest> BuildQuery(const QueryOptions& options);

/// The vector of --vector-json, or the first one of --vector-file.
absl::StatusOr<v1::Vector> ReadQueryVector(const QueryOptions& options);

}  // namespace ordinate::cli
