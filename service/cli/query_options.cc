#include "service/cli/query_options.h"

#include "absl/strings/numbers.h"
#include "service/cli/errors.h"
#include "service/cli/json_row.h"
#include "service/cli/line_reader.h"
#include "service/cli/specs.h"
#include "service/cli/vector_file.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

absl::StatusOr<v1::Vector> ReadVectorFile(const std::string& path) {
  if (const auto format = VectorFile::FormatOf(path)) {
    ASSIGN_OR_RETURN(const auto file, VectorFile::Open(path, *format));
    v1::Vector vector;
    ASSIGN_OR_RETURN(const bool found, file->Next(vector.mutable_packed_f32()));
    if (!found) return FileError(Concat(path, ": holds no vector"));
    return vector;
  }
  ASSIGN_OR_RETURN(const auto lines, LineReader::Open(path));
  std::string text;
  std::string_view line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) break;
    text += Concat(line, "\n");
    if (text.size() > LineReader::kMaxLineBytes) {
      return FileError(Concat(path, ": is too long for one vector"));
    }
  }
  absl::StatusOr<v1::Vector> vector = ParseVectorJson(text);
  if (!vector.ok()) return Prefixed(Concat(lines->name(), ": "), vector.status());
  return vector;
}

}  // namespace

void AddQueryOptions(CLI::App& command, QueryOptions* options) {
  command.add_option("TABLE", options->table, "The table")->required();
  command.add_option("--column", options->column, "Its vector column")->required();
  command.add_option("--metric", options->metric,
                     "L2, COSINE or IP; default: that of --index, else L2");
  command.add_option("-k,--limit", options->limit, "Rows to return, 1 to 10000")
      ->capture_default_str();
  command.add_option("--offset", options->offset, "Rows of the final order to skip first");
  command.add_option("--direction", options->direction,
                     "ASC or DESC by score; default: nearest first");
  command
      .add_option("--order-by", options->order_by,
                  "Further keys COLUMN[:asc|desc][:nulls_first|nulls_last], by commas or repeated")
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("--filter", options->filter, "Such as \"section = 'video' AND size < 100\"");
  command.add_option("--columns", options->columns,
                     "Columns to return, by commas; '*': all; default: the key");
  command.add_option("--index", options->index, "The index to use; default: the planner's choice");
  command
      .add_option("--set", options->settings,
                  "A setting of this request, as vector.search.ef_search=128; repeatable")
      ->allow_extra_args(false)
      ->take_all();
  auto* const exact = command.add_flag("--exact", options->exact, "Force the EXACT path");
  command.add_flag("--ann", options->ann, "Force the ANN path")->excludes(exact);
  command.add_option("--lag-policy", options->lag_policy,
                     "Of writes the index has not applied: SCAN_TAIL, SKIP_TAIL, WAIT or FAIL; "
                     "default: SCAN_TAIL where it is IMMEDIATE, else SKIP_TAIL");
  command.add_option("--max-lag-rows", options->max_lag_rows, "FAIL beyond so many of a shard");
  command.add_option("--max-lag-ms", options->max_lag_ms,
                     "FAIL where the oldest has waited for longer");
  command
      .add_option("--min-token", options->min_token,
                  "Wait for a write, by its token: SHARD=SEQUENCE, by commas or repeated")
      ->delimiter(',');
  command.add_flag("--include-null-vectors", options->include_null_vectors,
                   "Rows whose vector is NULL come last");
}

namespace {

absl::Status SetFreshness(const QueryOptions& options, v1::QueryRequest& request) {
  if (!options.lag_policy.empty()) {
    ASSIGN_OR_RETURN(const int policy,
                     ParseEnum(*v1::LagPolicy_descriptor(), "--lag-policy", options.lag_policy));
    request.mutable_freshness()->set_lag_policy(static_cast<v1::LagPolicy>(policy));
  }
  if (options.max_lag_rows) request.mutable_freshness()->set_max_lag_rows(*options.max_lag_rows);
  if (options.max_lag_ms) {
    google::protobuf::Duration& lag = *request.mutable_freshness()->mutable_max_lag();
    lag.set_seconds(static_cast<int64_t>(*options.max_lag_ms / 1'000));
    lag.set_nanos(static_cast<int32_t>(*options.max_lag_ms % 1'000 * 1'000'000));
  }
  for (const std::string& part : options.min_token) {
    const size_t equals = part.find('=');
    uint32_t shard = 0;
    uint64_t seq = 0;
    if (equals == std::string::npos || !absl::SimpleAtoi(part.substr(0, equals), &shard) ||
        !absl::SimpleAtoi(part.substr(equals + 1), &seq)) {
      return UsageError(Concat("--min-token ", part, ": expected SHARD=SEQUENCE, such as 0=12"));
    }
    (*request.mutable_freshness()->mutable_min_token()->mutable_seq_by_shard())[shard] = seq;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::QueryRequest> BuildQuery(const QueryOptions& options) {
  v1::QueryRequest request;
  request.set_table(options.table);
  request.set_column(options.column);
  request.set_limit(options.limit);
  request.set_offset(options.offset);
  request.set_index(options.index);
  if (!options.metric.empty()) {
    ASSIGN_OR_RETURN(const int metric,
                     ParseEnum(*v1::Metric_descriptor(), "--metric", options.metric));
    request.set_metric(static_cast<v1::Metric>(metric));
  }
  if (!options.direction.empty()) {
    ASSIGN_OR_RETURN(const int direction,
                     ParseEnum(*v1::Direction_descriptor(), "--direction", options.direction));
    request.set_direction(static_cast<v1::Direction>(direction));
  }
  for (const std::string& spec : options.order_by) {
    ASSIGN_OR_RETURN(const auto keys, ParseOrderBy(spec));
    for (const v1::SortKey& key : keys) *request.add_order_by() = key;
  }
  if (!options.filter.empty()) request.mutable_filter()->set_text(options.filter);
  if (!options.columns.empty()) {
    ASSIGN_OR_RETURN(const auto names, ParseNames(options.columns));
    request.mutable_columns()->Add(names.begin(), names.end());
  }
  ASSIGN_OR_RETURN(const auto settings, ParseSettings(options.settings));
  request.mutable_settings()->insert(settings.begin(), settings.end());
  if (options.exact) request.set_path(v1::PATH_EXACT);
  if (options.ann) request.set_path(v1::PATH_ANN);
  request.set_include_null_vectors(options.include_null_vectors);
  RETURN_IF_ERROR(SetFreshness(options, request));
  request.set_with_plan(options.plan);
  return request;
}

absl::StatusOr<v1::Vector> ReadQueryVector(const QueryOptions& options) {
  if (options.vector_json.empty() == options.vector_file.empty()) {
    return UsageError(
        "give the query vector with --vector-json '[0.1, ...]' or --vector-file FILE");
  }
  if (!options.vector_file.empty()) return ReadVectorFile(options.vector_file);
  absl::StatusOr<v1::Vector> vector = ParseVectorJson(options.vector_json);
  if (!vector.ok()) {
    return UsageError(Concat("--vector-json: ", vector.status().message()));
  }
  return vector;
}

}  // namespace ordinate::cli
