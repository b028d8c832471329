#include "service/statement/select_parts.h"

#include <algorithm>
#include <cmath>

#include "engine/query/column_lookup.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

constexpr double kInfinity = HUGE_VAL;

// The least cosine whose 1 - cosine is at most `bound`, computed as answers show it; the number
// after 1 if there is none.
double LeastCosine(double bound) {
  const auto meets = [&](double cosine) {
    return ShownScore(Metric::kCosine, ScoreForm::kOperator, cosine) <= bound;
  };
  double below = -1;
  double meeting = 1;
  if (meets(below)) return below;
  if (!meets(meeting)) return std::nextafter(1, 2);
  while (std::nextafter(below, meeting) < meeting) {
    const double middle = below + (meeting - below) / 2;
    (meets(middle) ? meeting : below) = middle;
  }
  return meeting;
}

// `value <= bound` or, with `less` false, `value >= bound`.
void Narrow(const Score& score, bool less, double bound, ScoreRange& range) {
  const auto at_least = [&](double min) { range.min = std::max(range.min.value_or(min), min); };
  const auto at_most = [&](double max) { range.max = std::min(range.max.value_or(max), max); };
  if (score.form == ScoreForm::kFunction || score.metric == Metric::kL2) {
    return less ? at_most(bound) : at_least(bound);
  }
  if (score.metric == Metric::kIp) return less ? at_least(-bound) : at_most(-bound);
  if (less) return at_least(LeastCosine(bound));
  // 1 - cosine >= bound: not 1 - cosine <= the number before bound.
  at_most(std::nextafter(LeastCosine(std::nextafter(bound, -kInfinity)), -kInfinity));
}

}  // namespace

bool SourceNames::Has(std::string_view qualifier) const {
  return std::find(names_.begin(), names_.end(), qualifier) != names_.end();
}

absl::Status SourceNames::Check(std::string_view qualifier) const {
  if (qualifier.empty() || Has(qualifier)) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat("FROM names no ", Quoted(qualifier), "; expected ",
                                           Quoted(names_.front()), names_.size() > 1 ? " or " : "",
                                           names_.size() > 1 ? Quoted(names_.back()) : ""));
}

absl::Status SourceNames::Check(const std::set<std::string>& qualifiers) const {
  for (const std::string& qualifier : qualifiers) RETURN_IF_ERROR(Check(qualifier));
  return absl::OkStatus();
}

std::string NameOf(const SelectItem& item, const Score& score) {
  if (!item.alias.empty()) return item.alias;
  if (score.form == ScoreForm::kOperator) return "distance";
  switch (score.metric) {
    case Metric::kL2:
      return "vec_l2";
    case Metric::kCosine:
      return "cosine_sim";
    case Metric::kIp:
      return "vec_ip";
  }
  return "score";
}

absl::StatusOr<ScalarScore> ToScalar(const Score& score) {
  if (score.row.has_value()) {
    return absl::InvalidArgumentError(
        "ROW stands in the score that orders the answer only; expected a vector");
  }
  return ScalarScore{score.column.column, score.metric, score.form, score.vector};
}

bool IsSameScore(const Score& a, const Score& b) {
  return a.metric == b.metric && a.column.column == b.column.column && a.vector == b.vector &&
         a.row == b.row;
}

std::vector<OrderItem> ResolveAliases(const Select& select) {
  std::vector<OrderItem> order_by = select.order_by;
  for (OrderItem& key : order_by) {
    const auto* const name = std::get_if<ColumnName>(&key.what);
    if (name == nullptr || !name->qualifier.empty()) continue;
    const auto item =
        std::find_if(select.items.begin(), select.items.end(),
                     [&](const SelectItem& candidate) { return candidate.alias == name->column; });
    if (item == select.items.end()) continue;
    if (const auto* column = std::get_if<ColumnName>(&item->what)) {
      key.what = ColumnName(*column);
    } else if (const auto* score = std::get_if<Score>(&item->what)) {
      key.what = *score;
    }
  }
  return order_by;
}

absl::Status CheckPlainKey(const OrderItem& item) {
  if (!item.ties.has_value() && item.path == Path::kAuto) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "TIES, BUCKET, WITHIN_K and USING follow the score that ORDER BY begins with, no later key");
}

bool NullsFirst(const OrderItem& item) {
  return item.nulls_first.value_or(item.descending.value_or(false));
}

ScoreRange RangeOf(const std::vector<ScoreBound>& bounds) {
  ScoreRange range;
  for (const ScoreBound& bound : bounds) {
    const bool less = bound.op == CompareOp::kLt || bound.op == CompareOp::kLe;
    const bool strict = bound.op == CompareOp::kLt || bound.op == CompareOp::kGt;
    const double edge =
        strict ? std::nextafter(bound.bound, less ? -kInfinity : kInfinity) : bound.bound;
    Narrow(bound.score, less, edge, range);
  }
  return range;
}

}  // namespace ordinate::statement
