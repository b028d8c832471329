#include <algorithm>
#include <cmath>

#include "engine/query/column_lookup.h"
#include "engine/query/plan.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// `field`: of the request.
absl::Status Refuse(std::string_view field, const std::string& problem) {
  return InField(absl::InvalidArgumentError(problem), field);
}

absl::Status CheckVector(const Vector& vector, const ColumnDef& column) {
  if (vector.empty()) {
    return Refuse("vector", "the query vector is empty; expected at least 1 component");
  }
  if (vector.size() > kMaxDim) {
    return Refuse("vector", Concat("the query vector has ", vector.size(),
                                   " components; expected at most ", kMaxDim));
  }
  for (size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return Refuse("vector", Concat("component ", i, " of the query vector is ", vector[i],
                                     "; expected a finite number"));
    }
  }
  if (column.dim != 0 && vector.size() != column.dim) {
    return Refuse("vector", Concat("the query vector has ", vector.size(), " components; expected ",
                                   column.dim, ", as column ", Quoted(column.name)));
  }
  return absl::OkStatus();
}

absl::Status CheckCut(const QueryRequest& request) {
  if (request.limit < 1 || request.limit > kMaxLimit) {
    return Refuse("limit", Concat("limit is ", request.limit, "; expected 1 to ", kMaxLimit));
  }
  if (request.offset > kMaxOffset) {
    return Refuse("offset", Concat("offset is ", request.offset, "; expected 0 to ", kMaxOffset));
  }
  return absl::OkStatus();
}

absl::Status CheckTies(const TieRule& ties) {
  // No score of f32 vectors divided by it is infinite.
  constexpr double kLeastWidth = 1e-200;
  if (ties.form == TieForm::kBucket && !(std::isfinite(ties.width) && ties.width >= kLeastWidth)) {
    return Refuse("bucket_width", Concat("the bucket width is ", ties.width,
                                         "; expected a finite number of at least ", kLeastWidth));
  }
  const uint64_t most = uint64_t{kMaxLimit} + kMaxOffset;
  if (ties.form == TieForm::kWithinK && (ties.n < 1 || ties.n > most)) {
    return Refuse("within_k", Concat("within_k is ", ties.n, "; expected 1 to ", most));
  }
  return absl::OkStatus();
}

absl::Status CheckRange(const ScoreRange& range) {
  if (range.min.has_value() && std::isnan(*range.min)) {
    return Refuse("range.min", "the lower bound of the score is NaN; expected a number");
  }
  if (range.max.has_value() && std::isnan(*range.max)) {
    return Refuse("range.max", "the upper bound of the score is NaN; expected a number");
  }
  if (range.min.has_value() && range.max.has_value() && *range.min > *range.max) {
    return Refuse("range", Concat("the bounds of the score are ", *range.min, " to ", *range.max,
                                  "; expected the lower one first"));
  }
  return absl::OkStatus();
}

absl::Status CheckGroups(const QueryRequest& request) {
  if (!request.group_by.has_value()) return absl::OkStatus();
  const uint64_t rows = request.group_by->rows;
  if (rows < 1 || rows > kMaxRowsPerGroup) {
    return Refuse("group_by.rows",
                  Concat("group_by.rows is ", rows, "; expected 1 to ", kMaxRowsPerGroup));
  }
  if (request.limit * rows > kMaxLimit) {
    return Refuse("group_by.rows", Concat("limit * group_by.rows is ", request.limit * rows,
                                          "; expected at most ", kMaxLimit));
  }
  if (request.paged || !request.page_token.empty()) {
    return Refuse("paged", "groups have no pages; use offset, which counts groups");
  }
  if (request.ties.form == TieForm::kWithinK) {
    return Refuse("within_k", "within_k does not apply to groups; expected TIES or BUCKET");
  }
  return absl::OkStatus();
}

absl::Status CheckPreselect(const QueryRequest& request) {
  if (request.preselect == 0) return absl::OkStatus();
  const uint64_t least = request.limit + request.offset;
  if (request.preselect >= least && request.preselect <= kMaxW) return absl::OkStatus();
  return Refuse("topk", Concat("topk is ", request.preselect, "; expected k, which is ", least,
                               ", to ", kMaxW));
}

std::string IndexFacts(const IndexDef& index) {
  return Concat("index ", Quoted(index.name), " has metric ", MetricName(index.metric), " and dim ",
                index.dim);
}

// Fills in `choice` from the indexes it may take. `usable`: of the column, in resolution order.
void Resolve(const QueryRequest& request, const std::vector<const IndexDef*>& usable,
             IndexChoice& choice) {
  const IndexDef* other_metric = nullptr;
  const IndexDef* other_dim = nullptr;
  for (const IndexDef* index : usable) {
    if (index->metric != choice.metric) {
      if (other_metric == nullptr) other_metric = index;
    } else if (index->dim != request.vector.size()) {
      if (other_dim == nullptr) other_dim = index;
    } else {
      choice.index = index;
      choice.reason = Reason::kIndexMatch;
      return;
    }
  }
  const IndexDef* nearest_miss = other_dim != nullptr ? other_dim : other_metric;
  if (nearest_miss == nullptr) return;
  choice.reason = other_dim != nullptr ? Reason::kDimMismatch : Reason::kMetricMismatch;
  choice.warnings.push_back(Concat(IndexFacts(*nearest_miss), "; the query has metric ",
                                   MetricName(choice.metric), " and dim ", request.vector.size(),
                                   ", so it is not used"));
}

}  // namespace

absl::Status CheckW(const QueryRequest& request, const Settings& settings) {
  const bool within = request.ties.form == TieForm::kWithinK;
  const uint64_t wanted = within ? request.ties.n : request.limit + request.offset;
  if (std::ceil(settings.preselect_alpha * static_cast<double>(wanted)) <=
      static_cast<double>(kMaxW)) {
    return absl::OkStatus();
  }
  return Refuse(within ? "within_k" : "limit",
                Concat("vector.preselect_alpha * ", within ? "within_k" : "(limit + offset)", " = ",
                       settings.preselect_alpha, " * ", wanted, " preselects more than ", kMaxW,
                       " rows per shard, the most allowed; lower one of them, or force the EXACT "
                       "path"));
}

absl::Status ValidateQuery(const QueryRequest& request, const TableDef& table) {
  ASSIGN_OR_RETURN(const uint32_t position, FindVectorColumn(table, request.column));
  RETURN_IF_ERROR(CheckVector(request.vector, table.columns[position]));
  RETURN_IF_ERROR(CheckTies(request.ties));
  RETURN_IF_ERROR(CheckCut(request));
  RETURN_IF_ERROR(CheckRange(request.range));
  RETURN_IF_ERROR(CheckGroups(request));
  RETURN_IF_ERROR(CheckPreselect(request));
  if (request.order_by.size() > kMaxSortKeys) {
    return Refuse("order_by", Concat("order_by has ", request.order_by.size(),
                                     " sort keys; expected at most ", kMaxSortKeys));
  }
  if (request.columns.size() > kMaxColumns) {
    return Refuse("columns", Concat("columns has ", request.columns.size(),
                                    " names; expected at most ", kMaxColumns));
  }
  return absl::OkStatus();
}

absl::StatusOr<IndexChoice> ChooseIndex(const QueryRequest& request, const TableDef& table,
                                        const std::vector<const IndexDef*>& candidates) {
  ASSIGN_OR_RETURN(const uint32_t position, FindVectorColumn(table, request.column));
  const ColumnDef& column = table.columns[position];
  RETURN_IF_ERROR(CheckVector(request.vector, column));

  std::vector<const IndexDef*> usable;
  for (const IndexDef* index : candidates) {
    if (index->table_id != table.id || index->column_id != column.id) continue;
    if (request.index.empty() || index->name == request.index) usable.push_back(index);
  }
  IndexChoice choice;
  if (!request.index.empty()) {
    if (usable.empty()) {
      return absl::NotFoundError(Concat("there is no index ", Quoted(request.index), " on column ",
                                        Quoted(column.name), " of table ", Quoted(table.name)));
    }
    choice.metric = usable.front()->metric;
  }
  if (request.metric.has_value()) choice.metric = *request.metric;
  const auto is_zero = [](float component) { return component == 0; };
  if (choice.metric == Metric::kCosine &&
      std::all_of(request.vector.begin(), request.vector.end(), is_zero)) {
    return Refuse(
        "vector",
        "the query vector is zero, which has no direction; expected another under COSINE");
  }
  Resolve(request, usable, choice);
  return choice;
}

}  // namespace ordinate
