#include <algorithm>
#include <span>

#include "engine/query/column_lookup.h"
#include "service/statement/select_parts.h"
#include "service/statement/translate.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

constexpr std::string_view kRowId = "__row_id";

absl::Status Refuse(const std::string& problem) { return absl::InvalidArgumentError(problem); }

// ---- items

// `ranked`: the score that orders the answer; null: none does.
absl::StatusOr<OutputItem> ToOutput(const SelectItem& item, const SourceNames& names,
                                    const Score* ranked) {
  if (const auto* star = std::get_if<Star>(&item.what)) {
    RETURN_IF_ERROR(names.Check(star->qualifier));
    if (!item.alias.empty()) return Refuse("* takes no alias");
    return OutputItem{"", EveryColumn{}};
  }
  if (const auto* column = std::get_if<ColumnName>(&item.what)) {
    RETURN_IF_ERROR(names.Check(column->qualifier));
    const std::string& name = item.alias.empty() ? column->column : item.alias;
    if (column->column == kRowId) return OutputItem{name, RowIdOutput{}};
    return OutputItem{name, RowColumn{column->column}};
  }
  const auto* const score = std::get_if<Score>(&item.what);
  if (score == nullptr) return Refuse("COUNT(*) stands alone; expected no other item beside it");
  RETURN_IF_ERROR(names.Check(score->column.qualifier));
  if (ranked != nullptr && IsSameScore(*score, *ranked)) {
    return OutputItem{NameOf(item, *score), ScoreOutput{score->metric, score->form}};
  }
  ASSIGN_OR_RETURN(ScalarScore scalar, ToScalar(*score));
  return OutputItem{NameOf(item, *score), std::move(scalar)};
}

absl::StatusOr<Projection> ToProjection(const Select& select, const SourceNames& names,
                                        const Score* ranked) {
  Projection projection;
  for (const SelectItem& item : select.items) {
    ASSIGN_OR_RETURN(projection.emplace_back(), ToOutput(item, names, ranked));
  }
  return projection;
}

// ---- ORDER BY

// ASC and DESC are meant of the value as written, which falls as the score of <=> and <#> grows.
Direction DirectionOf(const OrderItem& item, const Score& score) {
  if (!item.descending.has_value()) return Direction::kNearest;
  const bool falls = score.form == ScoreForm::kOperator && score.metric != Metric::kL2;
  return *item.descending != falls ? Direction::kDescending : Direction::kAscending;
}

absl::Status SetScore(const OrderItem& item, const Score& score, QueryRequest& query) {
  query.column = score.column.column;
  query.vector = score.vector;
  if (score.row.has_value()) query.like = LikeRow{.key = {}, .row_id = *score.row};
  query.metric = score.metric;
  query.direction = DirectionOf(item, score);
  query.ties = item.ties.value_or(TieRule());
  query.path = item.path;
  if (item.nulls_first.value_or(false)) {
    return Refuse("rows without a vector come last; expected NULLS LAST, or no NULLS");
  }
  query.include_null_vectors = item.nulls_first.has_value();
  return absl::OkStatus();
}

// The keys behind the score. An ascending row id decides everything, as it does without a word.
absl::Status SetKeys(std::span<const OrderItem> items, const SourceNames& names,
                     QueryRequest& query) {
  for (const OrderItem& item : items) {
    const auto* const column = std::get_if<ColumnName>(&item.what);
    if (column == nullptr) return Refuse("ORDER BY takes one score, and columns behind it");
    RETURN_IF_ERROR(CheckPlainKey(item));
    RETURN_IF_ERROR(names.Check(column->qualifier));
    const bool descending = item.descending.value_or(false);
    if (column->column == kRowId) {
      if (descending) return Refuse("__row_id orders rows ascending only");
      return absl::OkStatus();
    }
    query.order_by.push_back(
        {.column = column->column, .descending = descending, .nulls_first = NullsFirst(item)});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Strictness>> StreamOf(const Select& select, const OrderItem& score) {
  if (select.limit.has_value()) {
    if (!score.strictness.has_value()) return std::nullopt;
    return Refuse("STRICT and RELAXED are for answers without LIMIT; expected no LIMIT");
  }
  if (select.group_by.has_value()) return Refuse("GROUP BY needs a LIMIT, which counts groups");
  const bool ann = score.path == Path::kAnn;
  if (ann && score.strictness == Strictness::kStrict) {
    return Refuse("STRICT without LIMIT is exact; expected USING EXACT STRICT");
  }
  return score.strictness.value_or(ann ? Strictness::kRelaxed : Strictness::kStrict);
}

// ---- WHERE

absl::Status SetConditions(const Where& where, const SourceNames& names, const Score& ranked,
                           QueryRequest& query) {
  RETURN_IF_ERROR(names.Check(where.qualifiers));
  for (const ScoreBound& bound : where.bounds) {
    RETURN_IF_ERROR(names.Check(bound.score.column.qualifier));
    if (!IsSameScore(bound.score, ranked)) {
      return Refuse("a bound in WHERE is on another score than ORDER BY; expected the same one");
    }
  }
  query.range = RangeOf(where.bounds);
  query.filter = where.filter;
  return absl::OkStatus();
}

// ---- the kinds of SELECT

absl::StatusOr<RankedSelect> ToRanked(const Select& select, const TableSource& source) {
  const SourceNames names(source.table, source.alias);
  const std::vector<OrderItem> order_by = ResolveAliases(select);
  const OrderItem& first = order_by.front();
  const auto* const score = std::get_if<Score>(&first.what);
  if (score == nullptr) {
    return Refuse(Concat("ORDER BY begins with ", Quoted(std::get<ColumnName>(first.what).column),
                         "; expected a score: vec_l2, cosine_sim, vec_ip, <->, <=> or <#>, or the "
                         "alias of one"));
  }
  RETURN_IF_ERROR(names.Check(score->column.qualifier));
  RankedSelect ranked;
  QueryRequest& query = ranked.query;
  query.table = source.table;
  RETURN_IF_ERROR(SetScore(first, *score, query));
  RETURN_IF_ERROR(SetKeys(std::span(order_by).subspan(1), names, query));
  if (select.where.has_value()) {
    RETURN_IF_ERROR(SetConditions(*select.where, names, *score, query));
  }
  if (select.group_by.has_value()) {
    RETURN_IF_ERROR(names.Check(select.group_by->column.qualifier));
    query.group_by = GroupBy{select.group_by->column.column, select.group_by->rows};
  }
  query.limit = select.limit.value_or(0);
  query.offset = select.offset;
  ASSIGN_OR_RETURN(ranked.stream, StreamOf(select, first));
  ASSIGN_OR_RETURN(ranked.projection, ToProjection(select, names, score));
  AddColumnsOf(ranked.projection, query.columns);
  return ranked;
}

absl::StatusOr<std::optional<Filter>> PlainFilter(const Select& select, const SourceNames& names) {
  if (!select.where.has_value()) return std::nullopt;
  RETURN_IF_ERROR(names.Check(select.where->qualifiers));
  if (!select.where->bounds.empty()) {
    return Refuse("a bound on a score needs an ORDER BY of the same score");
  }
  return select.where->filter;
}

absl::StatusOr<SelectRequest> ToCount(const Select& select, const TableSource& source) {
  const SourceNames names(source.table, source.alias);
  if (select.items.size() > 1) {
    return Refuse("COUNT(*) stands alone; expected no other item beside it");
  }
  if (!select.order_by.empty() || select.group_by.has_value() || select.limit.has_value() ||
      select.offset != 0) {
    return Refuse("COUNT(*) takes FROM and WHERE only");
  }
  const std::string& alias = select.items.front().alias;
  CountSelect count{.table = source.table, .filter = {}, .name = alias.empty() ? "count" : alias};
  ASSIGN_OR_RETURN(count.filter, PlainFilter(select, names));
  return count;
}

absl::StatusOr<SelectRequest> ToScan(const Select& select, const TableSource& source) {
  const SourceNames names(source.table, source.alias);
  if (select.group_by.has_value()) return Refuse("GROUP BY needs an ORDER BY of a score");
  ScanSelect scan{.table = source.table, .limit = select.limit, .offset = select.offset};
  ASSIGN_OR_RETURN(scan.filter, PlainFilter(select, names));
  ASSIGN_OR_RETURN(scan.projection, ToProjection(select, names, nullptr));
  AddColumnsOf(scan.projection, scan.columns);
  return scan;
}

}  // namespace

absl::StatusOr<SelectRequest> ToRequest(const Select& select) {
  const auto* const source = std::get_if<TableSource>(&select.from);
  if (source == nullptr) {
    ASSIGN_OR_RETURN(SelectRequest request, ToFunctionSelect(select));
    return request;
  }
  if (select.join.has_value()) {
    return Refuse("JOIN takes a table function on its left: nearest_neighbors or vector_search");
  }
  const bool counts = std::any_of(
      select.items.begin(), select.items.end(),
      [](const SelectItem& item) { return std::holds_alternative<CountStar>(item.what); });
  if (counts) return ToCount(select, *source);
  if (select.order_by.empty()) return ToScan(select, *source);
  ASSIGN_OR_RETURN(SelectRequest request, ToRanked(select, *source));
  return request;
}

}  // namespace ordinate::statement
