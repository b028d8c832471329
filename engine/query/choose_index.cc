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

absl::Status CheckCut(const QueryRequest& request, const Settings& settings) {
  if (request.limit < 1 || request.limit > kMaxLimit) {
    return Refuse("limit", Concat("limit is ", request.limit, "; expected 1 to ", kMaxLimit));
  }
  if (request.offset > kMaxOffset) {
    return Refuse("offset", Concat("offset is ", request.offset, "; expected 0 to ", kMaxOffset));
  }
  const double w =
      std::ceil(settings.preselect_alpha * static_cast<double>(request.limit + request.offset));
  if (request.path != Path::kExact && w > static_cast<double>(kMaxW)) {
    return Refuse(
        "limit",
        Concat("vector.preselect_alpha * (limit + offset) = ", settings.preselect_alpha, " * ",
               request.limit + request.offset, " preselects more than ", kMaxW,
               " rows per shard, the most allowed; lower one of them, or force the EXACT path"));
  }
  return absl::OkStatus();
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

absl::Status ValidateQuery(const QueryRequest& request, const TableDef& table,
                           const Settings& settings) {
  ASSIGN_OR_RETURN(const uint32_t position, FindVectorColumn(table, request.column));
  RETURN_IF_ERROR(CheckVector(request.vector, table.columns[position]));
  RETURN_IF_ERROR(CheckCut(request, settings));
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
