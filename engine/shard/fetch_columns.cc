// Columns of ranked rows, from the very versions that were ranked.
#include <utility>

#include "engine/segment/part_cells.h"
#include "engine/shard/query_exec.h"
#include "engine/shard/rank.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

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

/// Where the index has the row: at the place noted, if it is there, else looked up.
std::optional<IndexSnapshot::Location> Locate(const IndexSnapshot& index,
                                              const ShardFetch::Ref& ref) {
  const auto [segment, row] = SealedPlace::From(ref.place);
  if (segment < index.sealed.size()) {
    const IndexSnapshot::Sealed& sealed = index.sealed[segment];
    const SegmentView& view = sealed.segment->view();
    if (row < view.rows() && view.row_ids[row] == ref.id && !sealed.masked.Test(row)) {
      return {{&sealed, row}};
    }
  }
  return index.FindSealed(ref.id);
}

/// The row's columns from the tail, when that very version is at the place noted.
std::optional<Row> FromTail(const IndexSnapshot& index, const ShardFetch::Ref& ref,
                            const std::vector<uint32_t>& columns) {
  const auto [segment, slot] = SealedPlace::From(ref.place);
  if (segment != index.sealed.size() || slot >= index.tail.size) return std::nullopt;
  const TailRow& row = index.tail.Row(slot);
  if (row.id != ref.id || row.version != ref.version) return std::nullopt;
  TailCells cells;
  cells.MoveTo(row);
  return CopyCells(cells, columns);
}

/// The row's columns from the index's captured cells, when that very version is sealed there.
std::optional<Row> FromSealed(const IndexSnapshot& index, const ShardFetch::Ref& ref,
                              const std::vector<uint32_t>& columns) {
  const auto location = Locate(index, ref);
  if (!location.has_value()) return std::nullopt;
  PartCells cells(*location->sealed);
  cells.MoveTo(location->row);
  if (cells.version() != ref.version) return std::nullopt;
  for (const uint32_t position : columns) {
    if (!cells.Has(position)) return std::nullopt;
  }
  return CopyCells(cells, columns);
}

absl::StatusOr<Row> FromRows(const QuerySource& source, const ShardFetch::Ref& ref,
                             const std::vector<uint32_t>& columns) {
  ASSIGN_OR_RETURN(auto stored, source.rows->Get(source.snapshot->rows.get(), source.table->id,
                                                 ref.id, ref.version));
  if (!stored.has_value() || stored->version != ref.version) {
    return absl::InternalError(Concat("row ", ref.id, " at version ", ref.version,
                                      " was ranked but is not among the rows"));
  }
  Row decoded;
  ASSIGN_OR_RETURN(decoded.cells, DecodeCells(*source.table, stored->cells));
  return CopyCells(RowCells(decoded), columns);
}

}  // namespace

absl::StatusOr<std::vector<Row>> FetchColumns(const QuerySource& source, uint32_t index_id,
                                              const std::vector<ShardFetch::Ref>& refs,
                                              const std::vector<uint32_t>& columns,
                                              const CallContext& context) {
  const PublishedIndex* published = index_id == 0 ? nullptr : source.snapshot->FindIndex(index_id);
  const IndexSnapshot* index = published == nullptr ? nullptr : published->snapshot.get();
  const bool captured = index != nullptr && AllCaptured(*source.table, columns);
  std::vector<Row> rows;
  rows.reserve(refs.size());
  uint64_t bytes = 0;
  for (const ShardFetch::Ref& ref : refs) {
    std::optional<Row> row;
    if (columns.empty()) row = Row{};
    if (!row.has_value() && captured) row = FromTail(*index, ref, columns);
    if (!row.has_value() && captured) row = FromSealed(*index, ref, columns);
    if (!row.has_value()) {
      RETURN_IF_ERROR(context.Check());
      ASSIGN_OR_RETURN(row, FromRows(source, ref, columns));
    }
    row->id = ref.id;
    row->version = ref.version;
    bytes += RoughBytes(*row);
    RETURN_IF_ERROR(CheckAnswerBytes(bytes, source.max_answer_bytes));
    rows.push_back(*std::move(row));
  }
  return rows;
}

}  // namespace ordinate
