#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "engine/shard/delayed_builds.h"
#include "engine/shard/disk_reserve.h"
#include "engine/shard/row_id_resolver.h"
#include "engine/shard/shard.h"
#include "engine/shard/shard_snapshot.h"
#include "engine/shard/snapshot_holds.h"
#include "storage/base/mutex.h"
#include "storage/rows/row_store.h"

namespace ordinate {

struct IndexBuildResult;
struct IndexJob;
struct QueryOutcome;
struct QuerySource;

/// Shard, as one applier thread and any number of readers.
///
/// Write path: Write() queues → the applier takes the whole queue → ids are resolved, one log
/// append (synced) for the group → rows → indexes → a new snapshot is published → answers → ASYNC
/// indexes.
/// Read path: take the published snapshot, read it without a lock.
class LocalShard final : public Shard {
 public:
  explicit LocalShard(const ShardOptions& options);
  ~LocalShard() override;

  /// Called once, before anything else.
  absl::Status Start(const DefinitionSet& definitions);

  void Write(const TableDef& table, ShardWrite write, const CallContext& context,
             Done<ShardWriteResult> done) override;
  void FindRequest(const std::string& id, Done<std::optional<RequestNote>> done) override;
  void Await(const ShardAwait& await, const CallContext& context, Done<uint64_t> done) override;
  void Probe(const ShardProbeQuery& probe, const CallContext& context,
             Done<ShardProbe> done) override;
  void Query(const TableDef& table, const ShardQuery& query, const CallContext& context,
             Done<ShardQueryResult> done) override;
  void QueryTogether(const TableDef& table, std::span<const ShardQuery> queries,
                     const CallContext& context,
                     Done<std::vector<absl::StatusOr<ShardQueryResult>>> done) override;
  void Fetch(const TableDef& table, const ShardFetch& fetch, const CallContext& context,
             Done<std::vector<Row>> done) override;
  void ReleaseSnapshot(uint64_t snapshot_id) override { holds_.Release(snapshot_id); }
  void Get(const TableDef& table, std::vector<RowAddress> addresses, std::vector<uint32_t> columns,
           const CallContext& context, Done<std::vector<std::pair<uint32_t, Row>>> done) override;
  void Scan(const TableDef& table, const ShardScan& scan, const CallContext& context,
            Done<ShardScanResult> done) override;
  void Count(const TableDef& table, const Filter* filter, const CallContext& context,
             Done<uint64_t> done) override;

  absl::Status CreateTable(const TableDef& table) override;
  absl::Status AlterTable(const TableDef& table) override;
  absl::Status DropTable(uint32_t table_id) override;
  absl::Status CreateIndex(const TableDef& table, const IndexDef& index) override;
  absl::Status AlterIndex(const TableDef& table, const IndexDef& index) override;
  absl::Status RebuildIndex(uint32_t index_id, const std::optional<RebuildGate>& gate) override;
  absl::StatusOr<bool> CancelRebuild(uint32_t index_id) override;
  absl::Status DropIndex(uint32_t index_id) override;
  absl::StatusOr<ShardIndexStatus> GetIndexStatus(uint32_t index_id) override;
  void SampleVectors(uint32_t index_id, uint32_t count, uint64_t seed, const CallContext& context,
                     Done<std::vector<SampledVector>> done) override;
  ShardWatermarks GetWatermarks() override;
  void CancelBuilds() override;
  void StopHoldingWrites() override;
  absl::StatusOr<StoreBackup> BackUpRows(const BackupTarget& target) const override {
    return rows_->BackUp(target);
  }

 private:
  struct WriteTask {
    uint32_t table_id = 0;
    ShardWrite write;
    const CallContext* context = nullptr;
    Done<ShardWriteResult> done;
    uint64_t bytes = 0;
  };
  using Command = std::function<void()>;
  using Task = std::variant<WriteTask, Command>;

  /// A write of a group, on its way through the applier.
  struct Prepared {
    WriteTask task;
    ShardWriteResult result;
    LogRecord record;
    std::vector<uint32_t> sources;  // by mutation: the row of the task it comes from
    bool remembered = false;        // nothing is to be done; `result` is the first call's
    uint64_t bytes = 0;             // of the cells of its mutations
  };

  /// A call that waits for what its index shows.
  struct Waiter {
    uint32_t index_id = 0;  // 0: for the rows
    uint64_t seq = 0;
    const CallContext* context = nullptr;
    Done<uint64_t> done;
  };

  void RunApplier() ORDINATE_EXCLUDES(queue_mutex_);
  /// Takes writes from the front of `tasks` and commits them as one group.
  void CommitWrites(std::deque<Task>& tasks);
  /// What the write is to change, under `seq`; `refusal`: why none is taken, or OK. An error:
  /// nothing of it is logged. See prepare_write.cc.
  absl::Status Prepare(Prepared& write, uint64_t seq, const absl::Status& refusal);
  /// Answers the write if its request is remembered.
  absl::Status Recall(Prepared& write) const;
  /// ABORTED, with every row whose condition does not hold.
  absl::Status CheckConditions(const WriteTask& task);
  static RequestNote NoteOf(const ShardWrite& write, const ShardWriteResult& result);
  /// Adds what becomes of the row at `position`; its kind and table are filled in.
  void AddMutation(Prepared& write, uint32_t position, Mutation mutation);
  absl::Status PrepareUpsert(Prepared& write, uint32_t position);
  absl::Status PrepareUpdate(Prepared& write, uint32_t position);
  absl::Status PrepareDelete(Prepared& write, uint32_t position);
  /// Whether an update or delete by filter may still write the row it found before.
  absl::StatusOr<bool> StillMatches(uint32_t table_id, const RowWrite& row,
                                    const RowIdResolver::Found& found);
  /// Again what the front checked, against indexes created since (contract 1.5).
  absl::Status CheckDims(const WriteTask& task) const;
  /// Moves the cells out of the write where an index is fed with them later.
  void ApplyToIndexes(Prepared& write);
  /// RESOURCE_EXHAUSTED, with a delay, when an ASYNC index would lag too far behind. A request of
  /// more rows than it may lag is taken when nothing else waits, and fed before it is acknowledged.
  absl::Status CheckLag(const Prepared& write, const std::vector<Prepared>& before) const;
  /// Feeds ASYNC indexes with what waits for it, `max_rows` and the rest of their record.
  void FeedSome(size_t max_rows);
  void FeedAll();
  void FeedWhatIsTooMuch();
  uint64_t UnfedRows(uint32_t table_id) const;
  /// When a batch of some index is to be closed, or a build begun, by Clock::MonotonicNanos.
  std::optional<int64_t> NextDueNanos() const;
  std::chrono::steady_clock::time_point WaitUntil() const;
  void Turn();
  /// Answers those that wait no longer: what they wait for is shown, or their call has ended.
  void TellWaiters();
  /// What the waiter is told, once that is known.
  static std::optional<absl::StatusOr<uint64_t>> Answer(const ShardSnapshot& snapshot,
                                                        const Waiter& waiter);
  /// The tables that have anything in the store, or will once the log is replayed. DATA_LOSS when
  /// the catalog can never have had one: a catalog that has lost its tables must not look like one
  /// whose tables were dropped.
  absl::StatusOr<std::set<uint32_t>> StoredTables(const DefinitionSet& definitions) const;
  absl::Status ReplayLog();
  /// Removes what a drop left behind when it was interrupted, its rows later on.
  void RemoveUndefined(const std::set<uint32_t>& stored);
  std::vector<TableRetention> Retentions() const;
  TableRetention RetentionOf(uint32_t table_id) const;
  /// Shows what the modes show by now, starts the jobs that are due, and lets readers have it all.
  void Publish() ORDINATE_EXCLUDES(snapshot_mutex_);
  std::shared_ptr<const ShardSnapshot> Current() const ORDINATE_EXCLUDES(snapshot_mutex_);
  /// The held snapshot, or the current one for 0. FAILED_PRECONDITION: it is not held any more.
  absl::StatusOr<std::shared_ptr<const ShardSnapshot>> SnapshotAt(uint64_t snapshot_id);
  /// The answer to a question asked of the source; an index that was found damaged is set aside,
  /// and the question to be asked again, or answered by the rows.
  absl::StatusOr<ShardQueryResult> ResultOf(const QuerySource& source, const ShardQuery& query,
                                            QueryOutcome outcome, const CallContext& context);
  QuerySource SourceOf(const TableDef& table, const ShardSnapshot& snapshot) const;
  /// Runs `command` on the applier thread and waits for what it returns.
  absl::Status OnApplier(std::function<absl::Status()> command);
  void Enqueue(Task task) ORDINATE_EXCLUDES(queue_mutex_);
  /// RESOURCE_EXHAUSTED, with a delay, when too much waits already.
  absl::Status CheckQueue(const WriteTask& task) ORDINATE_EXCLUDES(queue_mutex_);
  /// Whether a tail of the table is so long that its writes wait. See hold_writes.cc.
  bool HoldsBack(uint32_t table_id) const;
  /// The same of a write, whose call may have ended.
  bool IsHeld(const WriteTask& write) const;
  bool MayRelease() const;
  /// Puts what is held before `tasks`, which came later.
  void TakeHeld(std::deque<Task>& tasks);
  /// Takes out of `tasks` the writes that are to wait, and refuses what is too many.
  void HoldBack(std::deque<Task>& tasks) ORDINATE_EXCLUDES(queue_mutex_);
  void TakeFromQueue(const WriteTask& task) ORDINATE_EXCLUDES(queue_mutex_);

  using SegmentOr = absl::StatusOr<std::shared_ptr<const SealedSegment>>;

  /// As its files have it, under the mode they were written in.
  absl::Status OpenIndex(const TableDef& table, const IndexDef& definition);
  /// Catches up with the rows, and goes over to the options of `definition`.
  absl::Status StartIndex(const TableDef& table, const IndexDef& definition);
  absl::Status CatchUp(const TableDef& table, ShardIndex& index);
  /// At once, or, where too many rows wait for that, by a build. `after_build`: one that was to
  /// make them fewer has ended. The builds it begins have no gate: the index needs them. REQUIRES:
  /// FeedAll.
  void SetOptions(ShardIndex& index, const IndexDef& definition, bool after_build = false);
  /// Runs `run` on the executor, and what it returns on the applier.
  void StartJob(Executor& executor, std::function<Command()> run);
  IndexJob JobOf(const ShardIndex& index);
  void StartBuild(ShardIndex& index, const std::optional<RebuildGate>& gate = std::nullopt);
  /// Those that rebuild_interval asks for.
  void StartScheduledBuilds();
  /// The one that the index needs, or else the one that someone asked for and that has not ended,
  /// with its gate.
  void StartBuildThatIsWanted(ShardIndex& index);
  void FinishBuild(uint32_t index_id, uint64_t number, absl::StatusOr<IndexBuildResult> result);
  /// A build has ended with that status: what was to follow it.
  void AfterBuild(ShardIndex& index, const absl::Status& status, bool gated);
  void StartSeal(ShardIndex& index);
  void FinishSeal(uint32_t index_id, uint64_t number, const absl::StatusOr<SealedFiles>& files);
  void StartMerge(ShardIndex& index, const std::shared_ptr<MergeHandle>& handle);
  void FinishMerge(uint32_t index_id, uint64_t number, SegmentOr segment);
  /// Seals and merges that are due.
  void StartJobs();
  /// Writes the manifest, then goes over to `next` by `adopt`, and removes the files it leaves.
  /// `made`: the files that are new; those that are null are none.
  absl::Status SwitchTo(ShardIndex& index,
                        const std::vector<std::shared_ptr<const SealedSegment>>& made,
                        IndexGeneration next, void (ShardIndex::*adopt)(IndexGeneration));
  void At(std::string_view step) const {
    if (options_.at) options_.at(step);
  }
  /// With its files; the caller trims the table's change list, or drops the table.
  void RemoveIndex(uint32_t index_id);
  /// A reader met a damaged block: the generation's files are given up, and rebuilt. Any thread.
  void Quarantine(uint32_t index_id, uint64_t generation, const absl::Status& why);
  /// The table's change list gets shorter after this task, a bounded step per turn of the applier.
  void ScheduleTrim(uint32_t table_id) { untrimmed_.insert(table_id); }
  void TrimStep();
  bool MayTrim() const;
  /// OK, or the FAILED_PRECONDITION of every write until a restart. Any thread.
  absl::Status CheckReadOnly() const ORDINATE_EXCLUDES(failure_mutex_);
  /// OK, or why no write is taken now: that, or RESOURCE_EXHAUSTED. Any thread.
  absl::Status CheckWrites() const;
  void WarnOnceReadOnly();
  /// Some more of the rows of dropped tables go; when the next may.
  void RemoveStep();
  void GiveBackRemoved();
  std::optional<int64_t> RemovalDueNanos() const;
  bool MayRemove() const;
  void Warn(const std::string& sentence) const;
  /// Begins builds again that ended for want of space, a while later.
  void ResumeBuilds();

  // Constant after Start().
  const ShardOptions options_;
  DiskBookings own_bookings_;  // where the options name none
  const DiskReserve reserve_;
  std::unique_ptr<RowStore> rows_;
  std::unique_ptr<UpdateLog> log_;

  // Applier thread only (Start() before it runs).
  std::unique_ptr<RowIdResolver> ids_;
  std::map<uint32_t, TableDef> tables_;
  std::map<uint32_t, std::unique_ptr<ShardIndex>> indexes_;
  /// Upserts of a record that ASYNC indexes of its table are to be fed with.
  struct Unfed {
    uint32_t table_id = 0;
    uint64_t seq = 0;
    int64_t time_micros = 0;
    uint64_t bytes = 0;
    std::vector<std::pair<RowId, std::vector<Value>>> rows;
  };
  std::deque<Unfed> unfed_;                  // by sequence
  std::map<uint32_t, uint64_t> unfed_rows_;  // of it, by table; versions, not distinct rows
  uint64_t unfed_bytes_ = 0;
  std::vector<Waiter> waiters_;
  std::deque<Task> held_;  // writes that wait for a shorter tail, in their order
  bool holds_writes_ = true;
  std::set<uint32_t> untrimmed_;           // tables whose change list may hold what nothing needs
  int64_t trim_due_nanos_ = 0;             // when to go on
  std::map<uint32_t, int64_t> unremoved_;  // by dropped table that may have rows: when to go on
  uint64_t remove_steps_ = 0;
  DelayedBuilds delayed_builds_;
  /// Files of an index that a manifest on the disk may name, though writing it failed. They go when
  /// another one is written.
  std::map<uint32_t, std::vector<std::shared_ptr<const SealedSegment>>> not_adopted_;
  bool warned_read_only_ = false;

  mutable Mutex failure_mutex_;
  // Not OK: durable writes could not be applied; no further write is taken.
  absl::Status failure_ ORDINATE_GUARDED_BY(failure_mutex_);

  SnapshotHolds holds_;

  mutable Mutex snapshot_mutex_;
  std::shared_ptr<const ShardSnapshot> snapshot_ ORDINATE_GUARDED_BY(snapshot_mutex_);

  Mutex queue_mutex_;
  CondVar queue_wake_;
  std::deque<Task> queue_ ORDINATE_GUARDED_BY(queue_mutex_);
  bool stopping_ ORDINATE_GUARDED_BY(queue_mutex_) = false;
  uint64_t accepted_ ORDINATE_GUARDED_BY(queue_mutex_) = 0;
  uint64_t queued_rows_ ORDINATE_GUARDED_BY(queue_mutex_) = 0;  // of writes not taken yet
  uint64_t queued_bytes_ ORDINATE_GUARDED_BY(queue_mutex_) = 0;
  uint64_t held_writes_ ORDINATE_GUARDED_BY(queue_mutex_) = 0;
  uint32_t waiting_ ORDINATE_GUARDED_BY(queue_mutex_) =
      0;  // calls in, or on their way to, waiters_

  Mutex builds_mutex_;
  CondVar builds_idle_;
  uint32_t builds_running_ ORDINATE_GUARDED_BY(builds_mutex_) = 0;

  std::thread applier_;
};

}  // namespace ordinate
