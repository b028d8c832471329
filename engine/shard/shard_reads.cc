// The read side of LocalShard. Any thread: each call takes the published snapshot once.
#include <functional>
#include <limits>
#include <utility>

#include "engine/shard/answer_size.h"
#include "engine/shard/check_reads.h"
#include "engine/shard/filter_sample.h"
#include "engine/shard/local_shard.h"
#include "engine/shard/query_exec.h"
#include "engine/shard/vector_sample.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/row_codec.h"

namespace ordinate {

namespace {

using RowIdFinder = std::function<RowId(uint32_t table_id, const RowAddress& address)>;

Row Project(const std::vector<Value>& cells, const StoredRow& stored,
            const std::vector<uint32_t>& columns) {
  Row row;
  row.id = stored.id;
  row.version = stored.version;
  row.cells.reserve(columns.size());
  for (const uint32_t position : columns) {
    row.cells.push_back(position < cells.size() ? cells[position] : Value());
  }
  return row;
}

absl::StatusOr<std::vector<std::pair<uint32_t, Row>>> GetRows(
    const RowStore& rows, const ShardSnapshot& snapshot, const RowIdFinder& find,
    const TableDef& table, const std::vector<RowAddress>& addresses,
    const std::vector<uint32_t>& columns, uint64_t max_bytes, const CallContext& context) {
  std::vector<std::pair<uint32_t, Row>> found;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < addresses.size(); ++i) {
    RETURN_IF_ERROR(context.Check());
    const RowId id = find(table.id, addresses[i]);
    ASSIGN_OR_RETURN(auto stored, rows.Get(snapshot.rows.get(), table.id, id, snapshot.seq));
    if (!stored.has_value()) continue;
    if (!addresses[i].key.empty() && stored->key != addresses[i].key) continue;
    ASSIGN_OR_RETURN(const std::vector<Value> cells, DecodeCells(table, stored->cells));
    found.emplace_back(i, Project(cells, *stored, columns));
    bytes += RoughBytes(found.back().second);
    RETURN_IF_ERROR(CheckAnswerBytes(bytes, max_bytes));
  }
  return found;
}

absl::StatusOr<ShardScanResult> ScanRows(const RowStore& rows, const ShardSnapshot& snapshot,
                                         const TableDef& table, const ShardScan& scan,
                                         const CallContext& context) {
  ShardScanResult result;
  if (scan.after == std::numeric_limits<RowId>::max()) return result;
  uint64_t bytes = 0;
  uint64_t seen = 0;
  const absl::Status status =
      rows.Scan(snapshot.rows.get(), table.id, scan.after.has_value() ? *scan.after + 1 : 0,
                snapshot.seq, [&](StoredRow&& stored) -> absl::StatusOr<bool> {
                  if (++seen % 256 == 0) RETURN_IF_ERROR(context.Check());
                  Row row;
                  ASSIGN_OR_RETURN(row.cells, DecodeCells(table, stored.cells));
                  if (scan.filter.has_value() && !Matches(*scan.filter, RowCells(row))) return true;
                  if (result.rows.size() >= scan.max_rows || bytes >= scan.max_bytes) {
                    result.more = true;
                    return false;
                  }
                  result.rows.push_back(Project(row.cells, stored, scan.columns));
                  bytes += scan.whole_rows ? stored.cells.size() : RoughBytes(result.rows.back());
                  return true;
                });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<uint64_t> CountRows(const RowStore& rows, const ShardSnapshot& snapshot,
                                   const TableDef& table, const Filter* filter,
                                   const CallContext& context) {
  if (filter == nullptr) return rows.CountRows(snapshot.rows.get(), table.id);
  uint64_t count = 0;
  uint64_t seen = 0;
  const absl::Status status =
      rows.Scan(snapshot.rows.get(), table.id, 0, snapshot.seq,
                [&](StoredRow&& stored) -> absl::StatusOr<bool> {
                  if (++seen % 256 == 0) RETURN_IF_ERROR(context.Check());
                  Row row;
                  ASSIGN_OR_RETURN(row.cells, DecodeCells(table, stored.cells));
                  if (Matches(*filter, RowCells(row))) ++count;
                  return true;
                });
  if (!status.ok()) return status;
  return count;
}

// `damage`: what is wrong with a file of the index, which then does not answer.
absl::StatusOr<ShardProbe> ProbeTable(const RowStore& rows, const ShardSnapshot& snapshot,
                                      const ShardProbeQuery& query, const CallContext& context,
                                      absl::Status& damage) {
  ShardProbe probe;
  ASSIGN_OR_RETURN(probe.table_rows, rows.CountRows(snapshot.rows.get(), query.table_id));
  if (query.index_id == 0) return probe;
  const PublishedIndex* index = snapshot.FindIndex(query.index_id);
  if (index == nullptr || index->snapshot == nullptr) {
    probe.index_problem = index == nullptr ? "it was dropped" : index->problem;
    return probe;
  }
  const IndexSnapshot& read = *index->For(query.lag_policy);
  probe.index_usable = true;
  probe.generation = read.generation;
  probe.index_rows = read.live_vector_rows;
  probe.tail_rows = read.live_tail_rows;
  if (query.filter == nullptr) return probe;
  SampleFilter(read, *query.filter, probe);
  if (!query.vector.empty() && WantsNearbySample(probe)) {
    damage = SampleNearby(read, *query.filter, query.vector, context, probe);
  }
  if (absl::Status reads = CheckReads(read.sealed); !reads.ok()) damage = std::move(reads);
  if (!damage.ok() && !absl::IsDataLoss(damage)) return damage;
  if (!damage.ok()) {
    probe.index_usable = false;
    probe.index_problem = std::string(damage.message());
  }
  return probe;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ShardSnapshot>> LocalShard::SnapshotAt(uint64_t snapshot_id) {
  if (snapshot_id == 0) return Current();
  if (auto held = holds_.Find(snapshot_id); held != nullptr) return held;
  return absl::FailedPreconditionError(
      "the snapshot of the earlier pages is gone: it is kept for 5 minutes after the last page, "
      "not across a restart, and gives way to newer ones; start over, or set on_lost_snapshot = "
      "LATEST");
}

QuerySource LocalShard::SourceOf(const TableDef& table, const ShardSnapshot& snapshot) const {
  return {.table = &table,
          .rows = rows_.get(),
          .snapshot = &snapshot,
          .executor = options_.query_executor,
          .clock = options_.clock,
          .max_answer_bytes = options_.max_answer_bytes};
}

void LocalShard::Probe(const ShardProbeQuery& probe, const CallContext& context,
                       Done<ShardProbe> done) {
  if (absl::Status status = context.Check(); !status.ok()) return done(status);
  const auto snapshot = SnapshotAt(probe.snapshot_id);
  if (!snapshot.ok()) return done(snapshot.status());
  absl::Status damage;  // of the index's file
  absl::StatusOr<ShardProbe> result = ProbeTable(*rows_, **snapshot, probe, context, damage);
  if (result.ok() && !damage.ok()) Quarantine(probe.index_id, result->generation, damage);
  if (result.ok() && probe.hold) result->snapshot_id = holds_.Hold(*snapshot, HoldFor::kCall);
  done(std::move(result));
}

void LocalShard::Query(const TableDef& table, const ShardQuery& query, const CallContext& context,
                       Done<ShardQueryResult> done) {
  const auto snapshot = SnapshotAt(query.snapshot_id);
  if (!snapshot.ok()) return done(snapshot.status());
  const QuerySource source = SourceOf(table, **snapshot);
  absl::StatusOr<ShardQueryResult> result =
      ResultOf(source, query, ExecuteQuery(source, query, context), context);
  if (result.ok() && query.hold != HoldFor::kNothing) {
    result->snapshot_id =
        query.snapshot_id != 0 ? query.snapshot_id : holds_.Hold(*snapshot, query.hold);
  }
  done(std::move(result));
}

absl::StatusOr<ShardQueryResult> LocalShard::ResultOf(const QuerySource& source,
                                                      const ShardQuery& query, QueryOutcome outcome,
                                                      const CallContext& context) {
  if (!outcome.index_damaged) return std::move(outcome.result);
  const PublishedIndex* index = source.snapshot->FindIndex(query.plan.index_id);
  Quarantine(query.plan.index_id, index->snapshot->generation, outcome.result.status());
  // The plan already says that the index does not answer everywhere.
  if (!CanDoWithoutIndex(query.plan)) return ExecuteByRows(source, query, context);
  return absl::AbortedError(outcome.result.status().message());
}

void LocalShard::QueryTogether(const TableDef& table, std::span<const ShardQuery> queries,
                               const CallContext& context,
                               Done<std::vector<absl::StatusOr<ShardQueryResult>>> done) {
  const std::shared_ptr<const ShardSnapshot> snapshot = Current();
  const QuerySource source = SourceOf(table, *snapshot);
  std::vector<QueryOutcome> outcomes = ExecuteQueries(source, queries, context);
  std::vector<absl::StatusOr<ShardQueryResult>> results;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    results.push_back(ResultOf(source, queries[i], std::move(outcomes[i]), context));
  }
  done(std::move(results));
}

void LocalShard::SampleVectors(uint32_t index_id, uint32_t count, uint64_t seed,
                               const CallContext& context, Done<std::vector<SampledVector>> done) {
  const std::shared_ptr<const ShardSnapshot> snapshot = Current();
  const PublishedIndex* const index = snapshot->FindIndex(index_id);
  if (index == nullptr) return done(absl::NotFoundError("the index was dropped"));
  if (index->snapshot == nullptr) {
    return done(absl::FailedPreconditionError(
        Concat("index '", index->definition.name, "' does not answer: ", index->problem)));
  }
  auto sample = ordinate::SampleVectors(*index->snapshot, count, seed, context);
  if (absl::Status read = CheckReads(index->snapshot->sealed); !read.ok()) sample = read;
  if (absl::IsDataLoss(sample.status())) {
    Quarantine(index_id, index->snapshot->generation, sample.status());
    return done(absl::AbortedError(sample.status().message()));
  }
  done(std::move(sample));
}

void LocalShard::Fetch(const TableDef& table, const ShardFetch& fetch, const CallContext& context,
                       Done<std::vector<Row>> done) {
  const auto snapshot = SnapshotAt(fetch.snapshot_id);
  if (!snapshot.ok()) return done(snapshot.status());
  const QuerySource source = SourceOf(table, **snapshot);
  auto rows = FetchColumns(source, fetch.index_id, fetch.rows, fetch.columns, context);
  const PublishedIndex* const index = (*snapshot)->FindIndex(fetch.index_id);
  if (index != nullptr && index->snapshot != nullptr) {
    if (const absl::Status read = CheckReads(index->snapshot->sealed); !read.ok()) {
      Quarantine(fetch.index_id, index->snapshot->generation, read);
      rows = FetchColumns(source, 0, fetch.rows, fetch.columns, context);  // from the rows
    }
  }
  done(std::move(rows));
}

void LocalShard::Get(const TableDef& table, std::vector<RowAddress> addresses,
                     std::vector<uint32_t> columns, const CallContext& context,
                     Done<std::vector<std::pair<uint32_t, Row>>> done) {
  const std::shared_ptr<const ShardSnapshot> snapshot = Current();
  const RowIdFinder find = [&](uint32_t table_id, const RowAddress& address) {
    return ids_->WhereIs(table_id, address.preferred_id, address.key);
  };
  done(GetRows(*rows_, *snapshot, find, table, addresses, columns, options_.max_answer_bytes,
               context));
}

void LocalShard::Scan(const TableDef& table, const ShardScan& scan, const CallContext& context,
                      Done<ShardScanResult> done) {
  const auto snapshot = SnapshotAt(scan.snapshot_id);
  if (!snapshot.ok()) return done(snapshot.status());
  absl::StatusOr<ShardScanResult> result = ScanRows(*rows_, **snapshot, table, scan, context);
  if (result.ok() && scan.hold) {
    result->snapshot_id =
        scan.snapshot_id != 0 ? scan.snapshot_id : holds_.Hold(*snapshot, HoldFor::kCall);
  }
  done(std::move(result));
}

void LocalShard::Count(const TableDef& table, const Filter* filter, const CallContext& context,
                       Done<uint64_t> done) {
  done(CountRows(*rows_, *Current(), table, filter, context));
}

}  // namespace ordinate
