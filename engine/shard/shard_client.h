#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/query/plan.h"
#include "storage/base/context.h"
#include "storage/model/schema.h"
#include "storage/rows/update_log.h"

namespace ordinate {

/// What must hold of a row for a write to be applied to it (contract 1.7).
struct WriteCondition {
  enum class Kind : uint8_t { kNone = 0, kVersion = 1, kExists = 2, kAbsent = 3 };
  Kind kind = Kind::kNone;
  uint64_t version = 0;  // kVersion: the row's

  bool operator==(const WriteCondition&) const = default;
};

/// A row to write, validated against its table. Ids are preferred ones (storage/model/key.h); the
/// shard resolves collisions.
struct RowWrite {
  Mutation::Kind kind = Mutation::Kind::kUpsert;
  RowId preferred_id = 0;
  std::string key;           // canonical (PK_HASHED); empty where the id names the row
  std::vector<Value> cells;  // upserts: parallel to TableDef::columns
  bool must_exist = false;   // upserts: NOT_FOUND unless the row lives
  WriteCondition condition;
  /// Upserts: a partial update. Only the columns at `columns` are written, into the row's newest
  /// version; where there is no row, nothing is.
  bool partial = false;
  std::vector<uint32_t> columns;
  /// Updates and deletes by a filter, bound: a row that does not match any more is left alone. The
  /// version `matched` does.
  std::shared_ptr<const Filter> filter;
  uint64_t matched = 0;
};

/// One request's part for one shard.
struct ShardWrite {
  std::vector<RowWrite> rows;
  /// Not empty: the request is remembered under this id, with its answer, and a retry is answered
  /// from that (contract 5.1). With an id there may be no rows.
  std::string request_id;
  uint64_t fingerprint = 0;  // of the whole request's content
  RowId first_row_id = 0;    // the first of the ids given to its rows without a key
  /// Whether this shard is the one that says which row ids the request's rows have. The others
  /// apply what comes with another first_row_id than they remember: the first shard has forgotten.
  bool first = false;
  uint64_t affected_before = 0;  // by earlier writes for the same request, which had no id
};

struct ShardWriteResult {
  uint64_t seq = 0;               // of the acknowledged write
  std::vector<RowId> row_ids;     // parallel to the rows; 0: an update that found no row
  uint64_t affected = 0;          // rows written, changed or deleted
  std::vector<uint32_t> missing;  // positions of updates that found no row
  RowId first_row_id = 0;         // as the request was first written
};

/// Rows by group (contract 3.6). The answer's keys end with the group's value.
struct ShardGroups {
  uint32_t column_position = 0;
  /// Empty: the best row of each of the plan.k best groups. Else the best `rows` rows of each.
  std::vector<Value> values;
  uint64_t rows = 1;
};

/// What was done to one sealed segment, the tail ("tail") or the rows themselves ("rows").
struct SegmentStats {
  std::string segment;
  Path path = Path::kExact;
  uint64_t nodes_visited = 0;
  uint64_t distances = 0;
  uint64_t candidates = 0;  // nodes preselected
  uint64_t rescored = 0;
  int64_t nanos = 0;
};

struct ShardQueryStats {
  uint64_t nodes_visited = 0;
  uint64_t distances = 0;              // approximate ones
  uint64_t candidates = 0;             // nodes preselected
  uint64_t rescored = 0;               // exact ones
  uint64_t tail_rows = 0;              // scanned in the tail
  int64_t rank_nanos = 0;              // finding, scoring and ordering
  int64_t fetch_nanos = 0;             // reading columns
  std::vector<SegmentStats> segments;  // with ShardQuery::analyze
};

/// Why a snapshot is held.
enum class HoldFor : uint8_t {
  kNothing = 0,
  kPage = 1,  // the next page of an answer (contract 2.6): gives way to newer ones
  kCall = 2,  // the rest of a call that is at work, and that releases it
};

/// One shard's part of a question.
struct ShardQuery {
  uint32_t table_id = 0;
  uint32_t column_position = 0;
  Plan plan;  // path, index, metric, ef_search, w, k, lag policy
  Vector vector;
  std::vector<SortKey> order_by;  // bound
  std::optional<Filter> filter;   // bound
  std::vector<uint32_t> columns;  // positions to return; none: ids, versions and keys alone
  bool include_null_vectors = false;
  std::optional<RankedRow> after;  // only rows strictly after it, in the plan's order
  std::optional<RowId> exclude;
  std::optional<ShardGroups> groups;
  uint64_t snapshot_id = 0;          // a held snapshot; 0: the current one
  HoldFor hold = HoldFor::kNothing;  // hold the snapshot, and say which it is
  bool analyze = false;              // fill ShardQueryStats::segments
  /// Of the sort keys of rows being ranked: over it, RESOURCE_EXHAUSTED. 0: as much as an answer
  /// may take.
  uint64_t max_key_bytes = 0;
};

struct ShardQueryResult {
  std::vector<RankedRow> ranked;  // in order, at most plan.k
  std::vector<Row> rows;          // parallel; cells parallel to ShardQuery::columns
  uint64_t visible_seq = 0;
  uint64_t generation = 0;
  /// ANN: the score that no row left out by the preselection is expected to beat; nullopt: none was
  /// left out.
  std::optional<double> bound;
  /// Whether the search's distances prove it. Those of codes do not under IP, nor of so many dims
  /// that first planes guide the search, nor where what was left out may be nearer.
  bool bound_proven = true;
  /// ANN: too few rows near the vector match the filter for the graph to find the nearest of them.
  bool gave_up = false;
  /// ANN: the most nodes of one segment that were weighed: the plan's W, or more to close ties.
  uint64_t w_used = 0;
  uint64_t snapshot_id = 0;  // with ShardQuery::hold
  ShardQueryStats stats;
};

/// Columns of rows ranked before, on the snapshot they were ranked on.
struct ShardFetch {
  struct Ref {
    RowId id = 0;
    uint64_t version = 0;
    uint64_t place = 0;  // RankedRow's
  };
  uint32_t table_id = 0;
  uint32_t index_id = 0;  // the plan's
  uint64_t snapshot_id = 0;
  std::vector<Ref> rows;
  std::vector<uint32_t> columns;
};

struct ShardProbeQuery {
  uint32_t table_id = 0;
  uint32_t index_id = 0;     // 0: of the table only
  uint64_t snapshot_id = 0;  // a held snapshot; 0: the current one
  LagPolicy lag_policy = LagPolicy::kScanTail;
  const Filter* filter = nullptr;  // bound; may be null
  /// With `filter`: tried on the rows nearest to it too, where that may change the plan. Empty: no.
  std::span<const float> vector;
  bool hold = false;  // hold the snapshot for this call; ShardProbe says which
};

/// What a question asks of a shard's freshness before it is planned (contract 5.4).
struct ShardAwait {
  uint32_t index_id = 0;  // 0: the rows themselves
  LagPolicy policy = LagPolicy::kScanTail;
  uint64_t min_seq = 0;
  std::optional<uint64_t> max_lag_rows;    // kFail
  std::optional<uint64_t> max_lag_micros;  // kFail: of the oldest row that waits
};

/// What a shard's part of a rebuilt index has to find before it takes the live one's place.
struct RebuildGate {
  static constexpr uint32_t kMaxK = 1'000;
  static constexpr uint32_t kMaxSamples = 10'000;
  double min_recall = 0;   // mean recall@k, above 0, up to 1
  uint32_t k = 10;         // 1 to kMaxK
  uint32_t samples = 200;  // 1 to kMaxSamples
  uint32_t ef_search = 0;  // what its searches are to use
  double alpha = 0;        // likewise
};

/// Rows of one shard in row id order.
struct ShardScan {
  uint32_t table_id = 0;
  std::optional<RowId> after;  // exclusive; unset: from the start
  std::optional<Filter> filter;
  std::vector<uint32_t> columns;
  uint32_t max_rows = 0;
  uint64_t max_bytes = 0;    // stops after the row that reaches it
  bool whole_rows = false;   // max_bytes counts rows as stored, not the columns asked for
  uint64_t snapshot_id = 0;  // a held snapshot; 0: the current one
  bool hold = false;         // hold the snapshot for this call; ShardScanResult says which
};
struct ShardScanResult {
  std::vector<Row> rows;
  bool more = false;         // rows may follow the last one
  uint64_t snapshot_id = 0;  // with ShardScan::hold
};

/// A row that an index shows, with the vector it has there.
struct SampledVector {
  RowId id = 0;
  Vector vector;
};

/// Addresses a row for reading.
struct RowAddress {
  RowId preferred_id = 0;
  std::string key;  // canonical (PK_HASHED); empty: by row id alone
};

/// The status of an index on one shard (contract 6.3).
enum class IndexState : uint8_t { kBuilding = 1, kReady = 2, kStale = 3, kFailed = 4 };
std::string_view IndexStateName(IndexState state);

struct ShardIndexStatus {
  IndexState state = IndexState::kBuilding;
  std::string reason;
  uint64_t rows_total = 0, rows_indexed = 0, rows_pending = 0, rows_null = 0, rows_invalid = 0;
  uint64_t rows_deleted = 0;
  uint64_t bytes_memory = 0, bytes_disk = 0;
  uint64_t build_time_ms = 0;
  double build_progress = 1;
  double build_rows_per_second = 0;          // of the running build, since it began
  std::optional<int64_t> build_left_micros;  // unset: none is running, or nothing is known yet
  uint64_t generation = 0;
  uint64_t visible_seq = 0;
  uint64_t lag_rows = 0;
  int64_t lag_micros = 0;
  uint32_t segments = 0;
  uint64_t tail_rows = 0;
  std::string last_error;
};

/// Sequences of a shard: accepted >= durable >= applied >= published.
struct ShardWatermarks {
  uint64_t accepted = 0, durable = 0, applied = 0, published = 0;
  uint64_t remembered_requests = 0;  // no sequence: how many (contract 5.1)
  uint64_t disk_full = 0;            // 1: no write is taken, for its disk's reserve
  uint64_t read_only = 0;            // 1: none is until a restart, for its store has failed
  uint64_t held_writes = 0;          // that wait until the tail of an index is shorter
};

/// One shard, as the front sees it: function calls in one process, gRPC between front and worker
/// in a cluster. Thread-safe. `done` is called exactly once, on any thread, perhaps before the call
/// returns. The context outlives the call of `done`.
class ShardClient {
 public:
  template <typename T>
  using Done = std::function<void(absl::StatusOr<T>)>;

  virtual ~ShardClient() = default;

  /// Acknowledged when durable, and applied where an IMMEDIATE index or a delete needs it.
  /// FAILED_PRECONDITION when the shard is read-only after a failed sync. RESOURCE_EXHAUSTED, with
  /// a retry delay, while its disk has only the reserve left. ABORTED when a condition does not
  /// hold, before anything of the write is applied: the violations are of type kRowVersion, their
  /// subjects the rows' positions in `write`. INVALID_ARGUMENT when the request id was used for
  /// other content.
  virtual void Write(const TableDef& table, ShardWrite write, const CallContext& context,
                     Done<ShardWriteResult> done) = 0;
  static constexpr std::string_view kRowVersion = "ROW_VERSION";

  /// What is remembered of the request of that id.
  virtual void FindRequest(const std::string& id, Done<std::optional<RequestNote>> done) = 0;

  /// Done with what a question shows from then on, at least, once that is as asked: min_seq, and
  /// under kWait every write acknowledged before the call. Errors: the context's, while it waits;
  /// FAILED_PRECONDITION: it waits for a REBUILD, or the index lags more than kFail allows.
  virtual void Await(const ShardAwait& await, const CallContext& context, Done<uint64_t> done) = 0;

  /// FAILED_PRECONDITION, here and below: the snapshot is not held any more.
  virtual void Probe(const ShardProbeQuery& probe, const CallContext& context,
                     Done<ShardProbe> done) = 0;
  virtual void Query(const TableDef& table, const ShardQuery& query, const CallContext& context,
                     Done<ShardQueryResult> done) = 0;
  /// Several questions of one table at once, which are answered as if each were asked alone, but
  /// share what can be shared of the work. Parallel to `queries`, which outlive the call of `done`.
  /// REQUIRES: they are of the current snapshot, and hold none.
  virtual void QueryTogether(const TableDef& table, std::span<const ShardQuery> queries,
                             const CallContext& context,
                             Done<std::vector<absl::StatusOr<ShardQueryResult>>> done) = 0;
  virtual void Fetch(const TableDef& table, const ShardFetch& fetch, const CallContext& context,
                     Done<std::vector<Row>> done) = 0;
  /// Gives a held snapshot up before its time.
  virtual void ReleaseSnapshot(uint64_t snapshot_id) = 0;

  /// Rows found, each with the position of its address in the request, as cells of `columns`.
  virtual void Get(const TableDef& table, std::vector<RowAddress> addresses,
                   std::vector<uint32_t> columns, const CallContext& context,
                   Done<std::vector<std::pair<uint32_t, Row>>> done) = 0;
  virtual void Scan(const TableDef& table, const ShardScan& scan, const CallContext& context,
                    Done<ShardScanResult> done) = 0;
  virtual void Count(const TableDef& table, const Filter* filter, const CallContext& context,
                     Done<uint64_t> done) = 0;

  /// Definitions reach the shard through these, in the order the catalog got them.
  virtual absl::Status CreateTable(const TableDef& table) = 0;
  /// Goes on with `table`, which has a column more at its end, or less when that could not be done
  /// everywhere. Rows with a cell for it come after. NOT_FOUND.
  virtual absl::Status AlterTable(const TableDef& table) = 0;
  virtual absl::Status DropTable(uint32_t table_id) = 0;
  virtual absl::Status CreateIndex(const TableDef& table, const IndexDef& index) = 0;
  /// Goes on with `index`, whose name, ids, engine, metric and dim are those it has. Where m,
  /// ef_build or quantization is another, it is built anew; the files it has answer until then.
  virtual absl::Status AlterIndex(const TableDef& table, const IndexDef& index) = 0;
  /// ABORTED: one is running. Where the new index does not pass `gate`, the live one stays.
  virtual absl::Status RebuildIndex(uint32_t index_id,
                                    const std::optional<RebuildGate>& gate = std::nullopt) = 0;
  /// Gives up the rebuild that runs, or waits to be tried again; what answers goes on. False: there
  /// is none. FAILED_PRECONDITION: it is the first build, or what AlterIndex needs; UNAVAILABLE:
  /// the disk does not let go of it.
  virtual absl::StatusOr<bool> CancelRebuild(uint32_t index_id) = 0;
  virtual absl::Status DropIndex(uint32_t index_id) = 0;
  virtual absl::StatusOr<ShardIndexStatus> GetIndexStatus(uint32_t index_id) = 0;
  /// Up to `count` different rows that the index shows with a vector, drawn by lot: the same rows
  /// for the same snapshot and `seed`. FAILED_PRECONDITION: the index does not answer.
  virtual void SampleVectors(uint32_t index_id, uint32_t count, uint64_t seed,
                             const CallContext& context, Done<std::vector<SampledVector>> done) = 0;
  virtual ShardWatermarks GetWatermarks() = 0;
};

}  // namespace ordinate
