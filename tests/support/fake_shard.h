#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/top_groups.h"
#include "engine/shard/shard_client.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// A ShardClient that keeps rows in memory and answers by looking at all of them (L2 only), at
/// once and on the calling thread. Says what it was asked, and fails where it is told to.
/// Thread-safe; the members tests set are set before calls.
class FakeShard final : public ShardClient {
 public:
  absl::Status fail_write, fail_query, fail_together, fail_create_index, fail_alter_index,
      fail_rebuild, fail_create_table, fail_alter_table, fail_await;
  absl::StatusOr<bool> cancel = false;
  bool index_usable = false;
  uint64_t index_rows = 0;      // what Probe says
  size_t ann_rows = 1 << 20;    // at most this many rows on the ANN path
  size_t scan_rows = 1 << 20;   // a scan stops early after so many
  bool lost_snapshots = false;  // whether held snapshots are gone
  ShardIndexStatus status;

  struct Asked {
    size_t writes = 0, rows_written = 0, probes = 0, queries = 0;
    std::vector<Path> paths;
    std::vector<uint64_t> ws;
    std::vector<size_t> together;  // how many questions, call by call
    uint64_t held = 0, released = 0;
    std::vector<ShardAwait> awaits;
    std::optional<RebuildGate> gate;  // of the last rebuild
    std::vector<uint32_t> indexes_dropped, tables_dropped;
    std::map<uint32_t, size_t> columns;  // by table, as AlterTable said last
  };
  Asked asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }
  /// Rows of the table by id.
  std::map<RowId, Row> rows(uint32_t table_id) const {
    MutexLock lock(mutex_);
    const auto found = tables_.find(table_id);
    return found == tables_.end() ? std::map<RowId, Row>() : found->second;
  }

  /// Shows every write at once.
  void Await(const ShardAwait& await, const CallContext&, Done<uint64_t> done) override {
    MutexLock lock(mutex_);
    asked_.awaits.push_back(await);
    if (!fail_await.ok()) return done(fail_await);
    done(seq_);
  }

  void Write(const TableDef& table, ShardWrite write, const CallContext&,
             Done<ShardWriteResult> done) override {
    MutexLock lock(mutex_);
    ++asked_.writes;
    if (!fail_write.ok()) return done(fail_write);
    const auto known = requests_.find(write.request_id);
    if (known != requests_.end()) return done(known->second.second);
    asked_.rows_written += write.rows.size();
    ShardWriteResult result{.seq = ++seq_, .first_row_id = write.first_row_id};
    std::map<RowId, Row>& rows = tables_[table.id];
    for (uint32_t i = 0; i < write.rows.size(); ++i) {
      RowWrite& row = write.rows[i];
      result.row_ids.push_back(row.preferred_id);
      if (row.kind == Mutation::Kind::kDelete) {
        result.affected += rows.erase(row.preferred_id);
      } else if (!row.partial) {
        rows[row.preferred_id] = {row.preferred_id, seq_, std::move(row.cells)};
      } else if (const auto old = rows.find(row.preferred_id); old != rows.end()) {
        for (const uint32_t at : row.columns) old->second.cells[at] = std::move(row.cells[at]);
        old->second.version = seq_;
        ++result.affected;
      } else {
        result.missing.push_back(i);
      }
    }
    result.affected += write.affected_before;
    if (!write.request_id.empty()) {
      RequestNote note{.id = write.request_id,
                       .fingerprint = write.fingerprint,
                       .first_row_id = write.first_row_id};
      requests_[write.request_id] = {std::move(note), result};
    }
    done(std::move(result));
  }
  void FindRequest(const std::string& id, Done<std::optional<RequestNote>> done) override {
    MutexLock lock(mutex_);
    const auto known = requests_.find(id);
    done(known == requests_.end() ? std::optional<RequestNote>() : known->second.first);
  }

  void Probe(const ShardProbeQuery& query, const CallContext&, Done<ShardProbe> done) override {
    MutexLock lock(mutex_);
    ++asked_.probes;
    if (query.snapshot_id != 0 && lost_snapshots) return done(Lost());
    ShardProbe probe{.table_rows = tables_[query.table_id].size(), .index_usable = index_usable};
    if (query.hold) probe.snapshot_id = ++asked_.held;
    probe.index_rows = index_rows;
    probe.generation = 3;
    done(probe);
  }

  void Query(const TableDef&, const ShardQuery& query, const CallContext& context,
             Done<ShardQueryResult> done) override {
    MutexLock lock(mutex_);
    ++asked_.queries;
    asked_.paths.push_back(query.plan.path);
    if (!fail_query.ok()) return done(fail_query);
    if (query.snapshot_id != 0 && lost_snapshots) return done(Lost());
    if (const auto live = context.Check(); !live.ok()) return done(live);
    RowOrder order = SelectionOrder(query.plan, query.order_by);
    if (query.groups.has_value()) order.Carry(query.groups->column_position);
    std::vector<RankedRow> ranked;
    for (const auto& [id, row] : tables_[query.table_id]) {
      if (query.filter.has_value() && !Matches(*query.filter, RowCells(row))) continue;
      RankedRow entry{.id = id, .version = row.version};
      const auto* vector = std::get_if<Vector>(&row.cells[query.column_position]);
      if (vector == nullptr && !query.include_null_vectors) continue;
      if (vector != nullptr) entry.score = Distance(*vector, query.vector);
      order.ReadKeys(RowCells(row), entry);
      if (query.after.has_value() && !order(*query.after, entry)) continue;
      if (query.exclude != id) ranked.push_back(std::move(entry));
    }
    std::sort(ranked.begin(), ranked.end(), order);
    if (query.groups.has_value()) ranked = OfGroups(query, order, std::move(ranked));
    size_t most = query.groups.has_value() ? ranked.size() : query.plan.k;
    if (query.plan.path == Path::kAnn) most = std::min(most, ann_rows);
    ShardQueryResult result{.visible_seq = seq_, .generation = 3};
    asked_.ws.push_back(query.plan.w);
    // As a preselection of W rows would: what it left out is no better than the last of them.
    if (query.plan.path == Path::kAnn && query.plan.w < ranked.size()) {
      result.bound = ranked[query.plan.w - 1].score;
    }
    if (ranked.size() > most) ranked.resize(most);
    if (query.hold != HoldFor::kNothing)
      result.snapshot_id = query.snapshot_id != 0 ? query.snapshot_id : ++asked_.held;
    for (const RankedRow& entry : ranked) {
      result.rows.push_back(Project(tables_[query.table_id][entry.id], query.columns));
    }
    result.ranked = std::move(ranked);
    result.stats.rescored = result.ranked.size();
    done(std::move(result));
  }

  void QueryTogether(const TableDef& table, std::span<const ShardQuery> queries,
                     const CallContext& context,
                     Done<std::vector<absl::StatusOr<ShardQueryResult>>> done) override {
    {
      MutexLock lock(mutex_);
      asked_.together.push_back(queries.size());
      if (!fail_together.ok()) return done(fail_together);
    }
    std::vector<absl::StatusOr<ShardQueryResult>> results;
    for (const ShardQuery& query : queries) {
      Query(table, query, context,
            [&](absl::StatusOr<ShardQueryResult> result) { results.push_back(std::move(result)); });
    }
    done(std::move(results));
  }

  void Fetch(const TableDef&, const ShardFetch& fetch, const CallContext&,
             Done<std::vector<Row>> done) override {
    MutexLock lock(mutex_);
    if (lost_snapshots) return done(Lost());
    std::vector<Row> rows;
    for (const auto& ref : fetch.rows) {
      rows.push_back(Project(tables_[fetch.table_id][ref.id], fetch.columns));
    }
    done(std::move(rows));
  }
  void ReleaseSnapshot(uint64_t) override {
    MutexLock lock(mutex_);
    ++asked_.released;
  }

  void Get(const TableDef& table, std::vector<RowAddress> addresses, std::vector<uint32_t> columns,
           const CallContext&, Done<std::vector<std::pair<uint32_t, Row>>> done) override {
    MutexLock lock(mutex_);
    std::vector<std::pair<uint32_t, Row>> found;
    for (uint32_t i = 0; i < addresses.size(); ++i) {
      const auto row = tables_[table.id].find(addresses[i].preferred_id);
      if (row != tables_[table.id].end()) found.emplace_back(i, Project(row->second, columns));
    }
    done(std::move(found));
  }

  void Scan(const TableDef&, const ShardScan& scan, const CallContext&,
            Done<ShardScanResult> done) override {
    MutexLock lock(mutex_);
    ShardScanResult result;
    if (scan.hold) result.snapshot_id = scan.snapshot_id != 0 ? scan.snapshot_id : ++asked_.held;
    for (const auto& [id, row] : tables_[scan.table_id]) {
      if (scan.after.has_value() && id <= *scan.after) continue;
      if (scan.filter.has_value() && !Matches(*scan.filter, RowCells(row))) continue;
      if (result.rows.size() == std::min<size_t>(scan.max_rows, scan_rows)) {
        result.more = true;
        break;
      }
      result.rows.push_back(Project(row, scan.columns));
    }
    done(std::move(result));
  }

  void Count(const TableDef& table, const Filter* filter, const CallContext&,
             Done<uint64_t> done) override {
    MutexLock lock(mutex_);
    uint64_t count = 0;
    for (const auto& [id, row] : tables_[table.id]) {
      count += filter == nullptr || Matches(*filter, RowCells(row));
    }
    done(count);
  }

  absl::Status CreateTable(const TableDef&) override { return fail_create_table; }
  absl::Status AlterTable(const TableDef& table) override {
    MutexLock lock(mutex_);
    if (!fail_alter_table.ok()) return fail_alter_table;
    asked_.columns[table.id] = table.columns.size();
    for (auto& [id, row] : tables_[table.id]) row.cells.resize(table.columns.size());
    return absl::OkStatus();
  }
  absl::Status DropTable(uint32_t table_id) override {
    MutexLock lock(mutex_);
    asked_.tables_dropped.push_back(table_id);
    tables_.erase(table_id);
    return absl::OkStatus();
  }
  absl::Status CreateIndex(const TableDef&, const IndexDef&) override { return fail_create_index; }
  absl::Status AlterIndex(const TableDef&, const IndexDef&) override { return fail_alter_index; }
  absl::StatusOr<bool> CancelRebuild(uint32_t) override { return cancel; }
  absl::Status RebuildIndex(uint32_t, const std::optional<RebuildGate>& gate) override {
    MutexLock lock(mutex_);
    asked_.gate = gate;
    return fail_rebuild;
  }
  absl::Status DropIndex(uint32_t index_id) override {
    MutexLock lock(mutex_);
    asked_.indexes_dropped.push_back(index_id);
    return absl::OkStatus();
  }
  absl::StatusOr<ShardIndexStatus> GetIndexStatus(uint32_t) override { return status; }
  void SampleVectors(uint32_t, uint32_t, uint64_t, const CallContext&,
                     Done<std::vector<SampledVector>> done) override {
    done(absl::UnimplementedError("the fake shard has no index"));
  }
  ShardWatermarks GetWatermarks() override { return {}; }

 private:
  static absl::Status Lost() { return absl::FailedPreconditionError("the snapshot is gone"); }
  static std::vector<RankedRow> OfGroups(const ShardQuery& query, const RowOrder& order,
                                         std::vector<RankedRow> ranked) {
    BestGroups best(order, query.plan.k);
    GroupRows known(order, query.groups->values, query.groups->rows);
    RankSink& sink = query.groups->values.empty() ? static_cast<RankSink&>(best) : known;
    for (RankedRow& row : ranked) sink.Offer(std::move(row));
    return sink.Take();
  }
  static double Distance(const Vector& a, const Vector& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
      sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    }
    return std::sqrt(sum);
  }
  static Row Project(const Row& row, const std::vector<uint32_t>& columns) {
    Row out{row.id, row.version, {}};
    for (const uint32_t position : columns) out.cells.push_back(row.cells[position]);
    return out;
  }

  mutable Mutex mutex_;
  std::map<uint32_t, std::map<RowId, Row>> tables_ ORDINATE_GUARDED_BY(mutex_);
  std::map<std::string, std::pair<RequestNote, ShardWriteResult>> requests_
      ORDINATE_GUARDED_BY(mutex_);
  uint64_t seq_ ORDINATE_GUARDED_BY(mutex_) = 0;
  Asked asked_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
