#include <charconv>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "engine/query/plan.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// One fact, one line, whatever the fact says.
void AppendLine(std::string& text, std::string_view fact, std::string_view value) {
  text +=
      Concat(fact, ": ", absl::StrReplaceAll(AbslView(value), {{"\n", " "}, {"\r", " "}}), "\n");
}

std::string NumberText(double number) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr);
}

std::string GenerationsText(const std::map<uint32_t, uint64_t>& generations) {
  std::string text;
  for (const auto& [shard, generation] : generations) {
    text += Concat(text.empty() ? "" : " ", shard, "=", generation);
  }
  return text;
}

std::string TiesText(const TieRule& ties) {
  switch (ties.form) {
    case TieForm::kTies:
      break;
    case TieForm::kBucket:
      return Concat("BUCKET(", NumberText(ties.width), ")");
    case TieForm::kWithinK:
      return Concat("WITHIN_K(", ties.n, ")");
  }
  return "TIES";
}

std::string RangeText(const ScoreRange& range) {
  if (!range.min.has_value()) return Concat("score <= ", NumberText(*range.max));
  const std::string low = Concat("score >= ", NumberText(*range.min));
  return range.max.has_value() ? Concat(low, " and <= ", NumberText(*range.max)) : low;
}

}  // namespace

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kIndexMatch:
      return "INDEX_MATCH";
    case Reason::kNoIndex:
      return "NO_INDEX";
    case Reason::kMetricMismatch:
      return "METRIC_MISMATCH";
    case Reason::kDimMismatch:
      return "DIM_MISMATCH";
    case Reason::kIndexNotReady:
      return "INDEX_NOT_READY";
    case Reason::kDirection:
      return "DIRECTION";
    case Reason::kSmallTable:
      return "SMALL_TABLE";
    case Reason::kSelectiveFilter:
      return "SELECTIVE_FILTER";
    case Reason::kTiesNotClosed:
      return "TIES_NOT_CLOSED";
    case Reason::kWNearRowCount:
      return "W_NEAR_ROW_COUNT";
    case Reason::kForced:
      return "FORCED";
    case Reason::kUnderfilled:
      return "UNDERFILLED";
    case Reason::kGroups:
      return "GROUPS";
    case Reason::kNoLimit:
      return "NO_LIMIT";
  }
  return "UNKNOWN";
}

std::string_view PathName(Path path) {
  switch (path) {
    case Path::kAuto:
      return "AUTO";
    case Path::kAnn:
      return "ANN";
    case Path::kExact:
      return "EXACT";
  }
  return "UNKNOWN";
}

std::string_view FilterStrategyName(FilterStrategy strategy) {
  switch (strategy) {
    case FilterStrategy::kNone:
      return "NONE";
    case FilterStrategy::kScanMatching:
      return "SCAN_MATCHING";
    case FilterStrategy::kInGraph:
      return "IN_GRAPH";
    case FilterStrategy::kLargerW:
      return "LARGER_W";
  }
  return "UNKNOWN";
}

std::string_view LagPolicyName(LagPolicy policy) {
  switch (policy) {
    case LagPolicy::kScanTail:
      return "SCAN_TAIL";
    case LagPolicy::kSkipTail:
      return "SKIP_TAIL";
    case LagPolicy::kWait:
      return "WAIT";
    case LagPolicy::kFail:
      return "FAIL";
  }
  return "UNKNOWN";
}

namespace {

std::string IndexText(const Plan& plan) {
  if (plan.index_id == 0) return "none, the rows themselves";
  const bool everywhere = plan.generation_by_shard.size() == plan.shards;
  if (everywhere && plan.reason != Reason::kIndexNotReady) return plan.index;
  return Concat(plan.index, ", the rows themselves where it does not answer");
}

}  // namespace

std::string PlanText(const Plan& plan) {
  std::string text = Concat(PathName(plan.path), "\n");
  AppendLine(text, "reason", ReasonName(plan.reason));
  AppendLine(text, "because", plan.sentence);
  AppendLine(text, "index", IndexText(plan));
  if (plan.index_id != 0) AppendLine(text, "engine", EngineName(plan.engine));
  AppendLine(text, "metric", MetricName(plan.metric));
  AppendLine(text, "score", plan.score_descending ? "descending" : "ascending");
  if (plan.path == Path::kAnn) {
    AppendLine(text, "ef_search", Concat(plan.ef_search));
    AppendLine(text, "alpha", NumberText(plan.alpha));
    AppendLine(text, "w", Concat(plan.w));
  }
  AppendLine(text, "k", Concat(plan.k));
  if (plan.before > 0) AppendLine(text, "rows before", Concat(plan.before));
  if (plan.ties.form != TieForm::kTies) AppendLine(text, "ties", TiesText(plan.ties));
  if (plan.range.bounded()) AppendLine(text, "range", RangeText(plan.range));
  if (!plan.group_by.empty()) AppendLine(text, "group by", plan.group_by);
  AppendLine(text, "filter", FilterStrategyName(plan.filter_strategy));
  if (plan.filter_strategy != FilterStrategy::kNone) {
    AppendLine(text, "selectivity", absl::StrFormat("%.4g", plan.selectivity));
    if (plan.nearby_selectivity.has_value()) {
      AppendLine(text, "selectivity nearby", absl::StrFormat("%.4g", *plan.nearby_selectivity));
    }
  }
  AppendLine(text, "shards", Concat(plan.shards));
  AppendLine(text, "lag policy", LagPolicyName(plan.lag_policy));
  if (!plan.generation_by_shard.empty()) {
    AppendLine(text, "generations", GenerationsText(plan.generation_by_shard));
  }
  for (const std::string& warning : plan.warnings) AppendLine(text, "warning", warning);
  return text;
}

}  // namespace ordinate
