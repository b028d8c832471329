// What a write is to change: decided on the applier thread, against the newest versions of its
// rows, those of its own group included, so that the log record is final.
#include <algorithm>
#include <utility>

#include "engine/shard/local_shard.h"
#include "engine/shard/other_content.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

// What is the matter with the condition; empty: it holds.
std::string Unmet(const WriteCondition& condition, const RowIdResolver::Found& found) {
  const std::string actual = found.live ? Concat("version ", found.version) : "no row";
  switch (condition.kind) {
    case WriteCondition::Kind::kNone:
      return "";
    case WriteCondition::Kind::kVersion:
      if (found.live && found.version == condition.version) return "";
      return Concat(actual, "; expected version ", condition.version);
    case WriteCondition::Kind::kExists:
      return found.live ? "" : Concat(actual, "; expected a row");
    case WriteCondition::Kind::kAbsent:
      return found.live ? Concat(actual, "; expected no row") : "";
  }
  return "";
}

// What the rows of one request may take once an update has laid its cells over them.
constexpr uint64_t kMaxUpdatedBytes = 256 << 20;

}  // namespace

void LocalShard::FindRequest(const std::string& id, Done<std::optional<RequestNote>> done) {
  auto found = rows_->FindRequest(id, options_.clock->NowMicros());
  if (!found.ok()) return done(found.status());
  if (!found->has_value()) return done(std::optional<RequestNote>());
  done(std::optional<RequestNote>(std::move((*found)->note)));
}

absl::Status LocalShard::CheckDims(const WriteTask& task) const {
  const std::vector<RowWrite>& rows = task.write.rows;
  for (const auto& [id, index] : indexes_) {
    const IndexDef& definition = index->definition();
    if (definition.table_id != task.table_id || definition.dim_policy != DimPolicy::kError) {
      continue;
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].kind != Mutation::Kind::kUpsert) continue;
      // A row from before the column was added has no cell for it.
      if (index->column_position() >= rows[i].cells.size()) continue;
      const auto* vector = std::get_if<Vector>(&rows[i].cells[index->column_position()]);
      if (vector == nullptr || vector->size() == definition.dim) continue;
      return absl::InvalidArgumentError(
          Concat("row ", i, " of the shard's part has a vector of dim ", vector->size(),
                 "; index '", definition.name, "', created meanwhile, takes dim ", definition.dim));
    }
  }
  return absl::OkStatus();
}

absl::Status LocalShard::Recall(Prepared& write) const {
  const ShardWrite& asked = write.task.write;
  if (asked.request_id.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto found,
                   rows_->FindRequest(asked.request_id, options_.clock->NowMicros()));
  if (!found.has_value()) return absl::OkStatus();
  const RequestNote& note = found->note;
  if (note.fingerprint != asked.fingerprint) return OtherContent();
  if (!asked.first && note.first_row_id != asked.first_row_id) return absl::OkStatus();
  write.remembered = true;
  ShardWriteResult& result = write.result;
  result.seq = found->seq;
  result.affected = note.affected;
  result.missing = note.missing;
  result.first_row_id = note.first_row_id;
  for (const RowWrite& row : asked.rows) result.row_ids.push_back(row.preferred_id);
  for (const auto& [position, row_id] : note.displaced) {
    if (position < result.row_ids.size()) result.row_ids[position] = row_id;
  }
  for (const uint32_t position : note.missing) {
    if (position < result.row_ids.size()) result.row_ids[position] = 0;
  }
  return absl::OkStatus();
}

absl::Status LocalShard::CheckConditions(const WriteTask& task) {
  std::vector<PreconditionViolation> violations;
  const std::vector<RowWrite>& rows = task.write.rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    const WriteCondition& condition = rows[i].condition;
    if (condition.kind == WriteCondition::Kind::kNone) continue;
    ASSIGN_OR_RETURN(const RowIdResolver::Found found,
                     ids_->Find(task.table_id, rows[i].preferred_id, rows[i].key));
    std::string unmet = Unmet(condition, found);
    if (unmet.empty()) continue;
    violations.push_back({std::string(kRowVersion), Concat(i), std::move(unmet)});
  }
  if (violations.empty()) return absl::OkStatus();
  return WithPreconditions(absl::AbortedError("a condition of the write does not hold"),
                           violations);
}

absl::Status LocalShard::Prepare(Prepared& write, uint64_t seq, const absl::Status& refusal) {
  const WriteTask& task = write.task;
  RETURN_IF_ERROR(task.context->Check());
  if (tables_.find(task.table_id) == tables_.end()) {
    return absl::NotFoundError("the table was dropped while the write waited");
  }
  RETURN_IF_ERROR(Recall(write));
  if (write.remembered) return absl::OkStatus();  // which writes nothing
  RETURN_IF_ERROR(refusal);
  RETURN_IF_ERROR(CheckDims(task));
  RETURN_IF_ERROR(CheckConditions(task));
  write.result.seq = seq;
  write.result.first_row_id = task.write.first_row_id;
  write.result.row_ids.resize(task.write.rows.size());
  write.record.seq = seq;
  write.record.time_micros = std::max<int64_t>(0, options_.clock->NowMicros());
  write.record.mutations.reserve(task.write.rows.size());  // noted by address
  for (uint32_t i = 0; i < task.write.rows.size(); ++i) {
    const RowWrite& row = task.write.rows[i];
    if (row.kind == Mutation::Kind::kDelete) {
      RETURN_IF_ERROR(PrepareDelete(write, i));
    } else if (row.partial) {
      RETURN_IF_ERROR(PrepareUpdate(write, i));
    } else {
      RETURN_IF_ERROR(PrepareUpsert(write, i));
    }
  }
  // Apply needs these, and must not fail once the record is logged.
  for (const Mutation& mutation : write.record.mutations) {
    RETURN_IF_ERROR(ids_->LookUp(mutation.table_id, mutation.row_id));
  }
  write.result.affected = task.write.affected_before + write.record.mutations.size();
  if (!task.write.request_id.empty()) write.record.request = NoteOf(task.write, write.result);
  return absl::OkStatus();
}

RequestNote LocalShard::NoteOf(const ShardWrite& write, const ShardWriteResult& result) {
  RequestNote note{.id = write.request_id,
                   .fingerprint = write.fingerprint,
                   .first_row_id = write.first_row_id,
                   .affected = result.affected,
                   .missing = result.missing};
  for (uint32_t i = 0; i < write.rows.size(); ++i) {
    const RowId id = result.row_ids[i];
    if (id != 0 && id != write.rows[i].preferred_id) note.displaced.emplace_back(i, id);
  }
  return note;
}

void LocalShard::AddMutation(Prepared& write, uint32_t position, Mutation mutation) {
  mutation.kind = write.task.write.rows[position].kind;
  mutation.table_id = write.task.table_id;
  write.sources.push_back(position);
  write.bytes += mutation.cells.size();
  write.record.mutations.push_back(std::move(mutation));
  ids_->Note(write.record.seq, write.record.mutations.back());
}

absl::Status LocalShard::PrepareUpsert(Prepared& write, uint32_t position) {
  const uint32_t table_id = write.task.table_id;
  const RowWrite& row = write.task.write.rows[position];
  if (row.must_exist) {
    ASSIGN_OR_RETURN(const auto existing, ids_->Find(table_id, row.preferred_id, row.key));
    if (!existing.live) {
      return absl::NotFoundError(
          Concat("row_id ", row.preferred_id, " names no row; 0 makes a new one"));
    }
  }
  ASSIGN_OR_RETURN(const RowId id, ids_->ResolveForWrite(table_id, row.preferred_id, row.key));
  write.result.row_ids[position] = id;
  AddMutation(write, position, {.row_id = id, .key = row.key, .cells = EncodeCells(row.cells)});
  return absl::OkStatus();
}

absl::Status LocalShard::PrepareUpdate(Prepared& write, uint32_t position) {
  const TableDef& table = tables_[write.task.table_id];
  RowWrite& row = write.task.write.rows[position];
  ASSIGN_OR_RETURN(const RowIdResolver::Found found,
                   ids_->Find(table.id, row.preferred_id, row.key));
  std::optional<StoredRow> newest;
  if (found.live) {
    ASSIGN_OR_RETURN(newest, ids_->Newest(table.id, found.id));
  }
  if (!newest.has_value()) {
    write.result.missing.push_back(position);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const bool matches, StillMatches(table.id, row, found));
  if (!matches) return absl::OkStatus();
  // A few named columns stand for whole rows, which the request's size says nothing of.
  if (write.bytes + newest->cells.size() > kMaxUpdatedBytes) {
    return absl::ResourceExhaustedError(
        Concat("the rows that one request updates on a shard take more than ", kMaxUpdatedBytes,
               " bytes with their other columns; update fewer rows in one request"));
  }
  ASSIGN_OR_RETURN(std::vector<Value> cells, DecodeCells(table, newest->cells));
  for (const uint32_t column : row.columns) {
    if (column >= cells.size()) {
      return absl::AbortedError(Concat("the shard does not know column ", column, " of table '",
                                       table.name, "' yet; send the request again"));
    }
    cells[column] = std::move(row.cells[column]);
  }
  row.cells = std::move(cells);
  write.result.row_ids[position] = found.id;
  AddMutation(write, position,
              {.row_id = found.id, .key = newest->key, .cells = EncodeCells(row.cells)});
  return absl::OkStatus();
}

absl::Status LocalShard::PrepareDelete(Prepared& write, uint32_t position) {
  const RowWrite& row = write.task.write.rows[position];
  ASSIGN_OR_RETURN(const RowIdResolver::Found found,
                   ids_->Find(write.task.table_id, row.preferred_id, row.key));
  write.result.row_ids[position] = found.id;
  if (!found.live) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool matches, StillMatches(write.task.table_id, row, found));
  if (matches) AddMutation(write, position, {.row_id = found.id, .key = row.key, .cells = ""});
  return absl::OkStatus();
}

absl::StatusOr<bool> LocalShard::StillMatches(uint32_t table_id, const RowWrite& row,
                                              const RowIdResolver::Found& found) {
  if (row.filter == nullptr || found.version == row.matched) return true;
  ASSIGN_OR_RETURN(const auto newest, ids_->Newest(table_id, found.id));
  if (!newest.has_value()) return false;
  Row now{.id = found.id, .version = newest->version};
  ASSIGN_OR_RETURN(now.cells, DecodeCells(tables_.at(table_id), newest->cells));
  return Matches(*row.filter, RowCells(now));
}

}  // namespace ordinate
