#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/plan.h"
#include "engine/query/request.h"
#include "engine/query/settings.h"
#include "engine/shard/answer_size.h"
#include "engine/shard/shard_client.h"
#include "storage/base/clock.h"
#include "storage/base/context.h"
#include "storage/base/executor.h"
#include "storage/base/mutex.h"
#include "storage/catalog/definitions.h"
#include "storage/model/key.h"

namespace ordinate {

/// Sequence per shard.
using SeqByShard = std::map<uint32_t, uint64_t>;

enum class OnInvalid : uint8_t { kError = 1, kNull = 2 };

/// Rows to write. Cells are parallel to the table's columns and of their types (a NaN or infinite
/// component stands for one that is not a finite f32; a vector's dim is not checked yet).
struct UpsertInput {
  struct InputRow {
    std::vector<Value> cells;
    RowId row_id = 0;  // ORDINAL tables: an existing row; 0: a new one
    WriteCondition condition;
    /// Updates: the columns that the row names, by position, ascending; key columns among them.
    std::vector<uint32_t> columns;
  };
  std::string table;
  std::vector<InputRow> rows;
  OnInvalid on_invalid = OnInvalid::kError;
  std::string request_id;  // empty: the request is not remembered
};
struct UpsertResult {
  SeqByShard token;
  std::vector<RowId> row_ids;
  std::vector<uint32_t> nulled_rows;
  std::vector<std::string> notices;
};

struct UpdateResult {
  SeqByShard token;
  uint64_t updated = 0;
  std::vector<uint32_t> missing_rows;
  std::vector<uint32_t> nulled_rows;
  std::vector<std::string> notices;
};

/// A row by key cells, or by row id.
struct KeyInput {
  std::vector<Value> cells;  // empty: by row_id
  RowId row_id = 0;
  WriteCondition condition;  // deletes
};
struct DeleteResult {
  SeqByShard token;
  uint64_t deleted = 0;
};

/// Rows with the positions of the columns their cells hold.
struct RowsResult {
  std::vector<uint32_t> columns;
  std::vector<Row> rows;
  std::string next_page_token;  // scans
};

struct QueryResult {
  Plan plan;
  std::vector<uint32_t> columns;
  std::vector<RankedRow> ranked;
  std::vector<Row> rows;         // parallel to ranked
  std::vector<uint32_t> groups;  // parallel to ranked: which group, from 0; empty without groups
  SeqByShard visible_seq;
  bool tie_closed = true;                    // no row met and left out ties with the last (2.4)
  uint64_t w_used = 0;                       // nodes weighed of a segment, W or more; 0: EXACT
  std::string next_page_token;               // paged, and rows may follow
  ShardQueryStats stats;                     // summed
  std::vector<ShardQueryStats> shard_stats;  // by shard
  int64_t server_nanos = 0;
};

struct TableInfo {
  TableDef table;
  uint64_t rows = 0;
};
struct IndexInfo {
  IndexDef index;
  TableDef table;
  ShardIndexStatus total;
  std::vector<ShardIndexStatus> shards;
  SeqByShard visible_seq;
};

/// Recall of an index to be measured (contract 6.3).
struct RecallQuestion {
  static constexpr uint32_t kMaxSamples = 10'000;
  static constexpr uint32_t kMaxK = 1'000;
  std::string index;
  uint32_t samples = 200;                       // rows asked about, 1 to kMaxSamples
  uint32_t k = 10;                              // 1 to kMaxK
  uint64_t seed = 0;                            // which rows; 0: others each time
  std::map<std::string, std::string> settings;  // as of a query
  bool own = false;                             // as QueryRequest::own
};
struct RecallAnswer {
  uint32_t samples = 0;      // rows asked about; fewer than wanted where there are no more
  double recall = 1;         // mean recall@k
  double low = 0, high = 1;  // its 95 % confidence interval (Wilson, a sample counting once)
  double worst = 1;          // of one sample
  Plan plan;                 // of the last search
  int64_t ann_nanos = 0, exact_nanos = 0;  // medians of the questions
};

/// What the front tells of every finished query, for logs and metrics. Any thread.
class QueryObserver {
 public:
  virtual ~QueryObserver() = default;
  virtual void OnQuery(const QueryRequest& request, const absl::StatusOr<QueryResult>& result,
                       int64_t nanos) = 0;
};

/// How a stream without LIMIT is ordered (contract 3.3).
enum class StreamOrder : uint8_t {
  kStrict = 0,   // exactly the order of 2.2
  kRelaxed = 1,  // the head by the index, the rest by a scan; what came late is counted
};
class QueryStream;
struct QueryCursor;

/// The stateless front: validates, routes, plans, gathers, merges. Thread-safe. Knows shards only
/// as ShardClients, and nothing of the wire.
class Front {
 public:
  struct Options {
    Settings settings;
    Executor* executor = nullptr;  // fans heavy calls out over shards
    const Clock* clock = nullptr;
    KeyHash key_hash = &DefaultKeyHash;
    bool with_hnsw = true;              // whether this build has the HNSW engine
    QueryObserver* observer = nullptr;  // may be null
    uint64_t max_answer_bytes = kMaxAnswerBytes;
  };
  /// `definitions` and `shards` outlive this.
  Front(Definitions& definitions, std::vector<ShardClient*> shards, Options options);

  std::shared_ptr<const DefinitionSet> definitions() const;
  /// The server's; requests may override them.
  const Settings& settings() const { return options_.settings; }
  /// The table, or NOT_FOUND naming it and listing near names.
  absl::StatusOr<TableDef> FindTable(const std::string& name) const;

  absl::StatusOr<TableDef> CreateTable(TableDef table);
  /// Adds a column that may be NULL, and is in the rows that are there. Errors of WithColumn;
  /// NOT_FOUND.
  absl::StatusOr<TableDef> AddColumn(const std::string& table, ColumnDef column);
  absl::Status DropTable(const std::string& name);
  absl::StatusOr<TableInfo> GetTable(const std::string& name, const CallContext& context);

  /// Fills defaults (m, ef_build from settings; dim from the column), validates, stores, starts
  /// the builds. `table` and `column` by name.
  absl::StatusOr<IndexDef> CreateIndex(const std::string& table, const std::string& column,
                                       IndexDef index);
  /// Changes options: mode, ef_search, dim_policy, batch_rows, batch_interval_micros, max_lag_rows,
  /// rebuild_interval_micros; and m, ef_build and quantization, for which it is built anew.
  /// `change` may be called more than once, and must leave the rest alone. An index that becomes
  /// REBUILD_ONLY goes on showing what it showed, and is built anew. NOT_FOUND; INVALID_ARGUMENT;
  /// FAILED_PRECONDITION: it would be built, and this program builds none of its engine.
  absl::StatusOr<IndexDef> AlterIndex(const std::string& name,
                                      const std::function<void(IndexDef&)>& change);
  /// With `gate`, its ef_search and alpha are those of the index and the settings.
  absl::Status RebuildIndex(const std::string& name,
                            std::optional<RebuildGate> gate = std::nullopt);
  /// Gives up the rebuild on every shard where one runs or waits; what answers goes on. NOT_FOUND;
  /// FAILED_PRECONDITION: there is none, or the index does not answer without it, or an AlterIndex
  /// needs it.
  absl::Status CancelRebuild(const std::string& name);
  absl::Status DropIndex(const std::string& name);
  /// The index and its table, as defined now, without its status. NOT_FOUND.
  absl::StatusOr<IndexInfo> FindIndex(const std::string& name) const;
  absl::StatusOr<IndexInfo> GetIndex(const std::string& name);
  /// Of one table, or of all when empty.
  absl::StatusOr<std::vector<IndexInfo>> ListIndexes(const std::string& table);

  /// Asks for the k nearest of rows drawn by lot, themselves left out, on the ANN path and exactly,
  /// of rows whose vectors the index has. NOT_FOUND; INVALID_ARGUMENT naming field and range;
  /// FAILED_PRECONDITION: a shard's part of the index does not answer.
  absl::StatusOr<RecallAnswer> MeasureRecall(const RecallQuestion& question,
                                             const CallContext& context);

  absl::StatusOr<UpsertResult> Upsert(UpsertInput input, const CallContext& context);
  /// Changes the named columns of rows that are there; other rows are listed as missing.
  absl::StatusOr<UpdateResult> Update(UpsertInput input, const CallContext& context);
  absl::StatusOr<DeleteResult> Delete(const std::string& table, std::vector<KeyInput> keys,
                                      const CallContext& context,
                                      const std::string& request_id = {});
  /// Gives the columns that `row` names its values in all rows that match, as DeleteWhere deletes
  /// them. Key columns cannot be changed.
  absl::StatusOr<UpdateResult> UpdateWhere(const std::string& table, UpsertInput::InputRow row,
                                           const Filter& filter, const CallContext& context,
                                           const std::string& request_id = {});
  /// Rows that match at one moment of each shard, deleted a page at a time, each if it still
  /// matches; an error says how many are deleted already.
  absl::StatusOr<DeleteResult> DeleteWhere(const std::string& table, const Filter& filter,
                                           const CallContext& context,
                                           const std::string& request_id = {});
  absl::StatusOr<RowsResult> Get(const std::string& table, std::vector<KeyInput> keys,
                                 const std::vector<std::string>& columns,
                                 const CallContext& context);
  absl::StatusOr<RowsResult> Scan(const std::string& table, std::optional<Filter> filter,
                                  const std::vector<std::string>& columns, uint32_t page_size,
                                  const std::string& page_token, const CallContext& context);
  absl::StatusOr<uint64_t> Count(const std::string& table, std::optional<Filter> filter,
                                 const CallContext& context);

  absl::StatusOr<QueryResult> Query(const QueryRequest& request, const CallContext& context);
  absl::StatusOr<Plan> Explain(const QueryRequest& request, const CallContext& context);
  /// Each question as if it were asked alone; parallel to `requests`. One that is an error is
  /// answered with it. Exact ones of a table share the scan of an index.
  std::vector<absl::StatusOr<QueryResult>> QueryBatch(
      std::span<const absl::StatusOr<QueryRequest>> requests, const CallContext& context);
  /// Every matching row (contract 3.3); `request`'s limit is the page size. Errors as Query.
  absl::StatusOr<std::unique_ptr<QueryStream>> OpenStream(const QueryRequest& request,
                                                          StreamOrder order,
                                                          const CallContext& context);

 private:
  friend class QueryStream;
  struct BoundQuery;  // a question with every name resolved
  struct Ranking;     // what the shards ranked, merged
  class ShardWrites;  // rows routed to their shards
  class Batch;        // questions asked in one call

  uint32_t shard_count() const { return static_cast<uint32_t>(shards_.size()); }
  absl::Status CheckEngine(const IndexDef& index) const;
  absl::Status ReadStatus(IndexInfo& info);
  absl::StatusOr<std::vector<SampledVector>> DrawSample(const RecallQuestion& question,
                                                        const CallContext& context);
  void UndoCreateIndex(const IndexDef& index, size_t shards) ORDINATE_REQUIRES(change_mutex_);

  /// What the first shard of a request remembers of it; nullopt without an id, too.
  absl::StatusOr<std::optional<RequestNote>> FindRequest(const std::string& request_id);
  /// The shard that a request with an id is written to before the others (contract 5.1).
  uint32_t FirstShardOf(const std::string& request_id) const;
  /// Row ids in writes name live rows of tables without a key.
  absl::Status CheckRowIds(const TableDef& table, const UpsertInput& input,
                           const CallContext& context);
  /// `first`: the first of the new ones; 0: they are reserved.
  absl::StatusOr<std::vector<RowId>> AssignRowIds(const TableDef& table, const UpsertInput& input,
                                                  RowId& first);
  /// In a PK_HASHED table a key and a row id may name the same row. When `keys` has both, live rows
  /// named by row id get their keys, so that none is named twice unseen (contract 1.6).
  absl::Status AddressByKey(const TableDef& table, std::vector<KeyInput>& keys,
                            const CallContext& context);
  /// Fans the writes out and waits for all of them; an error says which shards were written. The
  /// answers are in the order of the parts.
  absl::StatusOr<std::vector<ShardWriteResult>> Send(const TableDef& table, ShardWrites& writes,
                                                     const CallContext& context);
  /// What the shards answered, parallel to the parts; or one error for all, whose rows are named as
  /// the request has them. `first`: the part whose error comes before those of others.
  static absl::StatusOr<std::vector<ShardWriteResult>> AllOrError(
      ShardWrites& writes, std::vector<absl::StatusOr<ShardWriteResult>> answers, size_t first);
  struct WriteWhere;  // an update or delete by filter, as each shard is to run it
  /// Runs it on one shard, page by page; 0 as sequence: nothing matched.
  absl::StatusOr<ShardWriteResult> WriteMatching(uint32_t shard, WriteWhere& write, ShardScan& scan,
                                                 const CallContext& context);
  /// The same, with a snapshot of its own, unless the shard remembers that it did.
  absl::StatusOr<ShardWriteResult> WriteMatchingOnce(uint32_t shard, WriteWhere& write,
                                                     const CallContext& context);
  /// On every shard.
  absl::StatusOr<DeleteResult> RunWhere(WriteWhere& write, const CallContext& context);

  /// Resolves names, asks the shards what they know, and plans.
  /// `hold`: the snapshots asked are held, and are the question's.
  absl::StatusOr<BoundQuery> Bind(QueryRequest request, bool hold, const CallContext& context);
  /// Where the page begins, by its token; none: it is the first one.
  absl::Status ReadPage(const QueryRequest& request, BoundQuery& bound,
                        std::optional<QueryCursor>& cursor) const;
  /// The index to ask: on later pages that of the first. FAILED_PRECONDITION: it was dropped.
  absl::StatusOr<IndexChoice> ChooseFor(const QueryRequest& request, const DefinitionSet& set,
                                        const std::optional<QueryCursor>& cursor,
                                        BoundQuery& bound) const;
  /// What the shards know, on the snapshots the question is pinned to, if any.
  absl::Status ProbeFor(const QueryRequest& request, bool may_take_ann, bool hold,
                        const CallContext& context, BoundQuery& bound) const;
  /// The query vector from the row that `like` names, which is to be left out.
  absl::Status ResolveLike(const TableDef& table, QueryRequest& request,
                           std::optional<RowId>& exclude, const CallContext& context);
  absl::StatusOr<std::vector<ShardProbe>> ProbeShards(const BoundQuery& bound,
                                                      std::span<const float> vector, bool hold,
                                                      const CallContext& context) const;
  /// Waits until every shard shows what the request asks, unless it is pinned to a snapshot.
  absl::Status Await(const BoundQuery& bound, const Freshness& freshness,
                     const CallContext& context) const;
  /// Whether `status` says that the snapshot of the page token is gone.
  static bool IsLost(const BoundQuery& bound, const absl::Status& status);

  /// Runs `query` on every shard and merges the best `most` rows.
  absl::StatusOr<Ranking> Rank(const BoundQuery& bound, const ShardQuery& query, uint64_t most,
                               const CallContext& context) const;
  /// The best `most` rows of the shards' answers.
  absl::StatusOr<Ranking> Merge(const ShardQuery& query, std::vector<ShardQueryResult> answers,
                                uint64_t most) const;
  /// As Rank, going on with a larger W, then EXACT, until the answer is complete. `query` ends as
  /// what was run last.
  absl::StatusOr<Ranking> RankToTheEnd(BoundQuery& bound, ShardQuery& query,
                                       const CallContext& context) const;
  /// Keeps the rows that offset, limit and WITHIN_K leave, in the answer's order.
  static void Cut(const BoundQuery& bound, Ranking& ranking);
  absl::Status FetchCells(const BoundQuery& bound, const std::vector<uint64_t>& snapshot_ids,
                          Ranking& ranking, const CallContext& context) const;
  void Release(const std::vector<uint64_t>& snapshot_ids) const;
  absl::StatusOr<QueryResult> Finish(const BoundQuery& bound, Ranking ranking, bool more) const;
  absl::StatusOr<QueryResult> Answer(const QueryRequest& request, const CallContext& context);
  absl::StatusOr<QueryResult> AnswerBound(const QueryRequest& request, BoundQuery bound,
                                          const CallContext& context) const;
  int64_t NowNanos() const {
    return options_.clock == nullptr ? 0 : options_.clock->MonotonicNanos();
  }
  /// Notes the time an answered question took, and tells the observer.
  void Tell(const QueryRequest& request, int64_t nanos, absl::StatusOr<QueryResult>& result) const;

  absl::StatusOr<QueryResult> AnswerGroups(BoundQuery& bound, bool analyze,
                                           const CallContext& context) const;
  absl::StatusOr<Ranking> RankGroups(BoundQuery& bound, ShardQuery& query, uint64_t most,
                                     const CallContext& context) const;
  static void KeepBestOfGroups(const BoundQuery& bound, const std::vector<Value>& groups,
                               Ranking& ranking);

  // Constant after construction.
  Definitions& definitions_;
  const std::vector<ShardClient*> shards_;
  const Options options_;

  // Held while a definition changes, so that shards hear of changes in the catalog's order.
  Mutex change_mutex_;
};

/// Limits of requests, each named in the refusal.
inline constexpr size_t kMaxRowsPerWrite = 10'000;
inline constexpr size_t kMaxKeysPerRead = 10'000;
inline constexpr uint32_t kMaxPageSize = 10'000;
inline constexpr uint32_t kDefaultPageSize = 1'000;
inline constexpr uint64_t kMaxPageBytes = 16ull << 20;

}  // namespace ordinate
