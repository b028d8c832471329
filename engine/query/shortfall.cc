#include "engine/query/shortfall.h"

#include <algorithm>

namespace ordinate {
namespace {

// Every row beyond a bound that is itself past the range's far end is out of range.
bool PastRange(const Plan& plan, double bound) {
  const std::optional<double>& far = plan.score_descending ? plan.range.min : plan.range.max;
  return far.has_value() && (plan.score_descending ? bound < *far : bound > *far);
}

bool WholeRangeSeen(const Plan& plan, const Preselected& found) {
  return plan.range.bounded() && std::all_of(found.bounds.begin(), found.bounds.end(),
                                             [&](const std::optional<double>& bound) {
                                               return bound.has_value() && PastRange(plan, *bound);
                                             });
}

bool IsUnderfilled(const Plan& plan, const Preselected& found) {
  uint64_t scored = 0;
  for (const RankedRow& row : found.rows) scored += row.score.has_value();
  if (scored >= plan.k || WholeRangeSeen(plan, found)) return false;
  // Nobody knows how many rows match a filter or a range, so any shortfall counts.
  return found.filtered || plan.range.bounded() || plan.before > 0 ||
         scored < std::min(plan.k, found.index_rows);
}

}  // namespace

Shortfall Judge(const Plan& plan, const RowOrder& order, const Preselected& found) {
  if (found.gave_up) return Shortfall::kFewNearby;
  if (IsUnderfilled(plan, found)) return Shortfall::kUnderfilled;
  if (found.rows.size() < plan.k || !found.rows.back().score.has_value()) return Shortfall::kNone;
  const double last = *found.rows.back().score;
  for (const std::optional<double>& bound : found.bounds) {
    if (bound.has_value() && !order.ScoreBefore(last, *bound)) return Shortfall::kTiesOpen;
  }
  return Shortfall::kNone;
}

Reason ReasonFor(Shortfall shortfall) {
  if (shortfall == Shortfall::kTiesOpen) return Reason::kTiesNotClosed;
  return shortfall == Shortfall::kFewNearby ? Reason::kSelectiveFilter : Reason::kUnderfilled;
}

}  // namespace ordinate
