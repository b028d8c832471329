#include "engine/shard/query_exec.h"

#include <utility>

#include "engine/search/exact_score.h"
#include "engine/shard/answer_size.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

/// Copies `columns` out of a cell source.
Row CopyCells(const CellSource& cells, const std::vector<uint32_t>& columns) {
  Row row;
  row.cells.reserve(columns.size());
  for (const uint32_t position : columns) row.cells.push_back(Own(cells.Cell(position)));
  return row;
}

/// Whether every column asked for is captured in index segments.
bool AllCaptured(const TableDef& table, const std::vector<uint32_t>& columns) {
  for (const uint32_t position : columns) {
    const ColumnRole role = table.columns[position].role;
    if (role != ColumnRole::kKey && role != ColumnRole::kAttribute) return false;
  }
  return true;
}

/// The row's columns from the index's captured cells, when that very version is sealed there.
std::optional<Row> FromSealed(const IndexSnapshot& index, const RankedRow& ranked,
                              const std::vector<uint32_t>& columns) {
  const auto location = index.FindSealed(ranked.id);
  if (!location.has_value()) return std::nullopt;
  const SealedSegment& segment = *location->sealed->segment;
  if (segment.view().versions[location->row] != ranked.version) return std::nullopt;
  for (const uint32_t position : columns) {
    if (segment.Captured(position) == nullptr) return std::nullopt;
  }
  SealedCells cells(segment);
  cells.MoveTo(location->row);
  return CopyCells(cells, columns);
}

absl::Status FetchColumns(const QuerySource& source, const IndexSnapshot* index,
                          const ShardQuery& query, const CallContext& context,
                          ShardQueryResult& result) {
  const bool captured = index != nullptr && AllCaptured(*source.table, query.columns);
  result.rows.reserve(result.ranked.size());
  uint64_t bytes = 0;
  for (const RankedRow& ranked : result.ranked) {
    std::optional<Row> row;
    if (query.columns.empty()) row = Row{};
    if (!row.has_value() && captured) row = FromSealed(*index, ranked, query.columns);
    if (!row.has_value()) {
      RETURN_IF_ERROR(context.Check());
      ASSIGN_OR_RETURN(auto stored, source.rows->Get(source.snapshot->rows.get(), source.table->id,
                                                     ranked.id, ranked.version));
      if (!stored.has_value() || stored->version != ranked.version) {
        return absl::InternalError(Concat("row ", ranked.id, " at version ", ranked.version,
                                          " is in the index but not among the rows"));
      }
      Row decoded;
      ASSIGN_OR_RETURN(decoded.cells, DecodeCells(*source.table, stored->cells));
      row = CopyCells(RowCells(decoded), query.columns);
    }
    row->id = ranked.id;
    row->version = ranked.version;
    bytes += RoughBytes(*row);
    RETURN_IF_ERROR(CheckAnswerBytes(bytes, source.max_answer_bytes));
    result.rows.push_back(*std::move(row));
  }
  return absl::OkStatus();
}

/// The plan's index as published; null when the plan has none.
absl::StatusOr<const IndexSnapshot*> FindIndex(const QuerySource& source, const Plan& plan) {
  if (plan.index_id == 0) return nullptr;
  const PublishedIndex* published = source.snapshot->FindIndex(plan.index_id);
  if (published == nullptr) return absl::AbortedError("it was dropped");
  if (published->snapshot == nullptr) return absl::AbortedError(published->problem);
  return published->snapshot.get();
}

}  // namespace

QueryOutcome ExecuteQuery(const QuerySource& source, const ShardQuery& query,
                          const CallContext& context) {
  const absl::StatusOr<const IndexSnapshot*> found = FindIndex(source, query.plan);
  if (!found.ok()) return {found.status()};
  const IndexSnapshot* index = *found;
  ShardQueryResult result;
  result.visible_seq = index == nullptr ? source.snapshot->seq : source.snapshot->SeqOf(*index);
  result.generation = index == nullptr ? 0 : index->generation;
  const RowOrder order(query.plan.score_descending, query.order_by);
  TopRows top(order, query.plan.k);
  absl::Status status;
  if (index == nullptr) {
    status = ExactFromRows(source, query, order, context, top, result.stats);
  } else if (query.plan.path == Path::kAnn) {
    status = AnnFromIndex(*index, query, order, context, top, result.stats);
  } else {
    status = ExactFromIndex(*index, query, order, source.executor, context, top, result.stats);
  }
  if (!status.ok()) return {status, index != nullptr && absl::IsDataLoss(status)};
  result.ranked = top.Take();
  status = FetchColumns(source, index, query, context, result);
  if (!status.ok()) return {status};
  return {std::move(result)};
}

absl::Status ExactFromRows(const QuerySource& source, const ShardQuery& query,
                           const RowOrder& order, const CallContext& context, TopRows& top,
                           ShardQueryStats& stats) {
  const ExactScorer scorer(query.plan.metric, query.vector);
  const auto dim = static_cast<uint32_t>(query.vector.size());
  uint64_t seen = 0;
  return source.rows->Scan(source.snapshot->rows.get(), source.table->id, 0, source.snapshot->seq,
                           [&](StoredRow&& stored) -> absl::StatusOr<bool> {
                             if (++seen % 256 == 0) RETURN_IF_ERROR(context.Check());
                             Row row;
                             ASSIGN_OR_RETURN(row.cells, DecodeCells(*source.table, stored.cells));
                             const RowCells cells(row);
                             const ValueView cell = cells.Cell(query.column_position);
                             const RowClass row_class = ClassifyCell(cell, query.plan.metric, dim);
                             if (row_class == RowClass::kInvalid) return true;
                             if (row_class == RowClass::kNull && !query.include_null_vectors)
                               return true;
                             if (query.filter.has_value() && !Matches(*query.filter, cells))
                               return true;
                             RankedRow ranked;
                             if (row_class == RowClass::kVector) {
                               ranked.score =
                                   scorer.Score(std::get<std::span<const float>>(cell).data());
                               ++stats.rescored;
                             }
                             if (!top.CouldEnter(ranked.score)) return true;
                             ranked.id = stored.id;
                             ranked.version = stored.version;
                             order.ReadKeys(cells, ranked);
                             top.Offer(std::move(ranked));
                             return true;
                           });
}

}  // namespace ordinate
