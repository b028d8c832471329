#include "service/server/query_log.h"

#include <string>

#include "service/server/logging.h"
#include "service/server/metrics.h"
#include "spdlog/spdlog.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(std::string_view view) { return std::string(view); }

Json RangeFacts(const ScoreRange& range) {
  Json facts = Json::object();
  if (range.min.has_value()) facts["min"] = *range.min;
  if (range.max.has_value()) facts["max"] = *range.max;
  return facts;
}

// Under the names of v1.Plan's fields; `text` is left out, which says the same again.
void AddPlan(const Plan& plan, Json& facts) {
  facts["path"] = Text(PathName(plan.path));
  facts["reason"] = Text(ReasonName(plan.reason));
  facts["sentence"] = plan.sentence;
  facts["index"] = plan.index;
  facts["engine"] = plan.index.empty() ? "" : Text(EngineName(plan.engine));
  facts["metric"] = Text(MetricName(plan.metric));
  facts["ef_search"] = plan.ef_search;
  facts["alpha"] = plan.alpha;
  facts["w"] = plan.w;
  facts["k"] = plan.k;
  facts["rows_before"] = plan.before;
  facts["ties"] = Text(TieFormName(plan.ties.form));
  facts["bucket_width"] = plan.ties.width;
  facts["within_k"] = plan.ties.n;
  facts["range"] = RangeFacts(plan.range);
  facts["group_by"] = plan.group_by;
  facts["filter_strategy"] = Text(FilterStrategyName(plan.filter_strategy));
  facts["selectivity"] = plan.selectivity;
  facts["nearby_selectivity"] =
      plan.nearby_selectivity.has_value() ? Json(*plan.nearby_selectivity) : Json();
  facts["shards"] = plan.shards;
  facts["lag_policy"] = Text(LagPolicyName(plan.lag_policy));
  facts["score"] = plan.score_descending ? "descending" : "ascending";
  Json generations = Json::object();
  for (const auto& [shard, generation] : plan.generation_by_shard) {
    generations[Concat(shard)] = generation;
  }
  facts["generation_by_shard"] = std::move(generations);
  facts["warnings"] = plan.warnings;
}

}  // namespace

void QueryLog::OnQuery(const QueryRequest& request, const absl::StatusOr<QueryResult>& result,
                       int64_t nanos) {
  if (result.ok()) metrics_.RecordQuery(result->plan, static_cast<double>(nanos) / 1e9);
  if (!spdlog::should_log(spdlog::level::debug)) return;
  Json facts = {{"table", request.table},
                {"column", request.column},
                {"limit", request.limit},
                {"offset", request.offset}};
  if (result.ok()) {
    AddPlan(result->plan, facts);
    facts["rows"] = result->rows.size();
    Json visible = Json::object();
    for (const auto& [shard, seq] : result->visible_seq) visible[Concat(shard)] = seq;
    facts["visible_seq"] = std::move(visible);
  } else {
    facts["error"] = std::string(result.status().message());
  }
  facts["ms"] = static_cast<double>(nanos) / 1e6;
  facts["code"] = absl::StatusCodeToString(result.status().code());
  LogEvent(spdlog::level::debug, "query", facts);
}

}  // namespace ordinate
