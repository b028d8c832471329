#include "engine/shard/local_shard.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "engine/shard/answer_size.h"
#include "engine/shard/index_build.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/base/thread_priority.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

// A group shares one sync; these bound its latency and memory.
constexpr size_t kMaxCommitWrites = 256;
constexpr size_t kMaxCommitRows = 20'000;
constexpr size_t kMaxCommitBytes = 16u << 20;
// Changes trimmed between two turns of the applier: some milliseconds of work.
constexpr size_t kMaxTrimStep = 256;
// How long trimming waits where the disk has no space for it.
constexpr int64_t kTrimRetryNanos = 60'000'000'000;
// How often an idle applier looks for held snapshots whose time is over.
constexpr std::chrono::seconds kLookAtHolds(30);
// The same for calls that wait and may have been cancelled.
constexpr std::chrono::milliseconds kLookAtWaiters(10);
// Rows that ASYNC indexes are fed with between two groups of writes: some milliseconds of work.
constexpr size_t kMaxFeedStep = 2'000;
// After which a write that was refused for what waits is worth another try.
constexpr uint64_t kRetryMillis = 100;

}  // namespace

absl::StatusOr<std::unique_ptr<Shard>> Shard::Open(const ShardOptions& options,
                                                   const DefinitionSet& definitions) {
  auto shard = std::make_unique<LocalShard>(options);
  RETURN_IF_ERROR(shard->Start(definitions));
  return shard;
}

LocalShard::LocalShard(const ShardOptions& options)
    : options_(options),
      own_bookings_(*options.clock),
      reserve_(options.directory, options.disk_reserve_bytes,
               options.disk_bookings != nullptr ? *options.disk_bookings : own_bookings_),
      holds_(*options.clock) {}

LocalShard::~LocalShard() {
  {
    MutexLock lock(queue_mutex_);
    stopping_ = true;
    queue_wake_.NotifyAll();
  }
  // The applier leaves once its queue is empty.
  if (applier_.joinable()) applier_.join();
  for (auto& [id, index] : indexes_) index->CancelJobs();
  MutexLock lock(builds_mutex_);
  while (builds_running_ > 0) builds_idle_.Wait(builds_mutex_);
}

void LocalShard::CancelBuilds() {
  // A shard that is closing has no build left to cancel but those of its destructor.
  (void)OnApplier([this] {
    for (auto& [id, index] : indexes_) index->CancelJobs();
    return absl::OkStatus();
  });
}

absl::Status LocalShard::Start(const DefinitionSet& definitions) {
  ASSIGN_OR_RETURN(ShardStore store,
                   OpenShardStore(Concat(options_.directory, "/rows"), options_.rows_mode));
  rows_ = std::move(store.rows);
  log_ = std::move(store.log);
  ASSIGN_OR_RETURN(const std::set<uint32_t> stored, StoredTables(definitions));
  ids_ = std::make_unique<RowIdResolver>(*rows_, options_.shards);
  for (const auto& [name, table] : definitions.tables) {
    tables_[table.id] = table;
    RETURN_IF_ERROR(ids_->LoadTable(table.id));
  }
  for (const auto& [name, index] : definitions.indexes) {
    const auto table = tables_.find(index.table_id);
    if (table != tables_.end()) RETURN_IF_ERROR(OpenIndex(table->second, index));
  }
  RETURN_IF_ERROR(ReplayLog());
  RemoveUndefined(stored);
  {
    MutexLock lock(queue_mutex_);
    accepted_ = rows_->applied_seq();
  }
  for (const auto& [name, index] : definitions.indexes) {
    if (indexes_.find(index.id) == indexes_.end()) continue;
    RETURN_IF_ERROR(StartIndex(tables_[index.table_id], index));
  }
  for (const auto& [id, table] : tables_) ScheduleTrim(id);
  Publish();
  applier_ = std::thread([this] { RunApplier(); });
  return absl::OkStatus();
}

absl::StatusOr<std::set<uint32_t>> LocalShard::StoredTables(
    const DefinitionSet& definitions) const {
  ASSIGN_OR_RETURN(const std::vector<uint32_t> stored, rows_->TableIds());
  std::set<uint32_t> found(stored.begin(), stored.end());
  RETURN_IF_ERROR(log_->Read(rows_->applied_seq() + 1, [&found](const LogRecord& record) {
    for (const Mutation& mutation : record.mutations) found.insert(mutation.table_id);
    return absl::OkStatus();
  }));
  if (found.empty() || *found.rbegin() < definitions.next_table_id) return found;
  return absl::DataLossError(
      Concat("it holds rows of the table with id ", *found.rbegin(),
             ", which the catalog has never given (its next is ", definitions.next_table_id,
             "): this catalog is older than the rows, or of another data directory; put the right "
             "one back, or restore the data directory from a backup. Nothing was changed"));
}

absl::Status LocalShard::ReplayLog() {
  return log_->Read(rows_->applied_seq() + 1, [this](LogRecord record) {
    const std::vector<TableRetention> retention = Retentions();
    return rows_->Apply(std::span(&record, 1), retention, nullptr);
  });
}

void LocalShard::Enqueue(Task task) {
  std::optional<WriteTask> refused;
  {
    MutexLock lock(queue_mutex_);
    if (!stopping_) {
      if (const auto* write = std::get_if<WriteTask>(&task)) {
        queued_rows_ += write->write.rows.size();
        queued_bytes_ += write->bytes;
      }
      queue_.push_back(std::move(task));
      queue_wake_.NotifyOne();
    } else if (auto* write = std::get_if<WriteTask>(&task)) {
      refused = std::move(*write);
    }
  }
  if (refused.has_value()) {
    refused->done(absl::UnavailableError("the server is shutting down; the write was not applied"));
  }
}

void LocalShard::Write(const TableDef& table, ShardWrite write, const CallContext& context,
                       Done<ShardWriteResult> done) {
  WriteTask task{table.id, std::move(write), &context, std::move(done)};
  for (const RowWrite& row : task.write.rows) task.bytes += RoughBytes(row.cells) + row.key.size();
  if (absl::Status status = CheckQueue(task); !status.ok()) return task.done(std::move(status));
  Enqueue(std::move(task));
}

absl::Status LocalShard::OnApplier(std::function<absl::Status()> command) {
  struct Call {
    Mutex mutex;
    CondVar finished;
    bool done ORDINATE_GUARDED_BY(mutex) = false;
    absl::Status status ORDINATE_GUARDED_BY(mutex);
  };
  auto call = std::make_shared<Call>();
  {
    MutexLock lock(queue_mutex_);
    if (stopping_) return absl::UnavailableError("the server is shutting down");
    queue_.emplace_back(Command([call, command = std::move(command)] {
      absl::Status status = command();
      MutexLock call_lock(call->mutex);
      call->status = std::move(status);
      call->done = true;
      call->finished.NotifyAll();
    }));
    queue_wake_.NotifyOne();
  }
  MutexLock lock(call->mutex);
  while (!call->done) call->finished.Wait(call->mutex);
  return call->status;
}

absl::Status LocalShard::CheckQueue(const WriteTask& task) {
  MutexLock lock(queue_mutex_);
  // One alone is taken, however large: its size has a limit of its own.
  if (queued_rows_ == 0 || (queued_rows_ + task.write.rows.size() <= options_.max_queued_rows &&
                            queued_bytes_ + task.bytes <= options_.max_queued_bytes)) {
    return absl::OkStatus();
  }
  return WithRetryDelay(
      absl::ResourceExhaustedError(
          Concat("shard ", options_.shard, " has ", queued_rows_, " rows of ", queued_bytes_,
                 " bytes waiting to be written; it takes ", options_.max_queued_rows, " rows and ",
                 options_.max_queued_bytes, " bytes. The write was not taken; try it again")),
      kRetryMillis);
}

void LocalShard::RunApplier() {
  GiveWay(kWriterNice);
  while (true) {
    std::deque<Task> tasks;
    bool stopping = false;
    {
      const auto until = WaitUntil();
      const bool idle = !MayTrim() && !MayRemove() && unfed_.empty() && !MayRelease();
      MutexLock lock(queue_mutex_);
      while (queue_.empty() && !stopping_ && idle) {
        if (!queue_wake_.WaitUntil(queue_mutex_, until)) break;
      }
      if (queue_.empty() && stopping_ && held_.empty()) break;
      tasks.swap(queue_);
      stopping = stopping_;
    }
    TakeHeld(tasks);
    while (!tasks.empty()) {
      if (!stopping) HoldBack(tasks);
      if (tasks.empty()) break;
      if (std::holds_alternative<WriteTask>(tasks.front())) {
        CommitWrites(tasks);
        Turn();
        continue;
      }
      const Command command = std::move(std::get<Command>(tasks.front()));
      tasks.pop_front();
      command();
    }
    Turn();
    TellWaiters();
    TrimStep();
    RemoveStep();
    WarnOnceReadOnly();
    ResumeBuilds();
    StartScheduledBuilds();
    StartJobs();
    holds_.Expire();
  }
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    waiter.done(absl::UnavailableError("the server is shutting down"));
  }
}

void LocalShard::Turn() {
  const std::optional<int64_t> due = NextDueNanos();
  const bool closes = due.has_value() && options_.clock->MonotonicNanos() >= *due;
  if (unfed_.empty() && !closes) return;
  FeedSome(kMaxFeedStep);
  Publish();
}

std::optional<int64_t> LocalShard::NextDueNanos() const {
  std::optional<int64_t> next;
  for (const auto& [id, index] : indexes_) {
    for (const std::optional<int64_t> due : {index->DueNanos(), index->RebuildDueNanos()}) {
      if (due.has_value() && (!next.has_value() || *due < *next)) next = due;
    }
  }
  return next;
}

std::chrono::steady_clock::time_point LocalShard::WaitUntil() const {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds most =
      waiters_.empty() && held_.empty() ? std::chrono::nanoseconds(kLookAtHolds) : kLookAtWaiters;
  std::optional<int64_t> due = NextDueNanos();
  const std::optional<int64_t> removal = RemovalDueNanos();
  if (removal.has_value() && (!due.has_value() || *removal < *due)) due = removal;
  if (!due.has_value()) return now + most;
  const std::chrono::nanoseconds left(*due - options_.clock->MonotonicNanos());
  return now + std::clamp(left, std::chrono::nanoseconds(0), most);
}

bool LocalShard::MayTrim() const {
  return !untrimmed_.empty() && options_.clock->MonotonicNanos() >= trim_due_nanos_;
}

void LocalShard::TrimStep() {
  if (!MayTrim()) return;
  if (!reserve_.CheckLeast().ok()) {
    trim_due_nanos_ = options_.clock->MonotonicNanos() + kTrimRetryNanos;
    return;
  }
  const uint32_t table_id = *untrimmed_.begin();
  const uint64_t applied = rows_->applied_seq();
  uint64_t up_to = applied;
  for (const auto& [id, index] : indexes_) {
    if (index->definition().table_id != table_id) continue;
    up_to = std::min(up_to, index->PersistedSeq(applied));
  }
  const absl::StatusOr<bool> more = rows_->TrimChanges(up_to, RetentionOf(table_id), kMaxTrimStep);
  // What cannot be trimmed now is trimmed after the next build, or start.
  if (!more.ok() || !*more) untrimmed_.erase(table_id);
}

void LocalShard::CommitWrites(std::deque<Task>& tasks) {
  std::vector<Prepared> group;
  std::vector<Prepared> remembered;  // retries, answered from what their first call left
  std::set<std::string> request_ids;
  std::vector<std::pair<Done<ShardWriteResult>, absl::Status>> refused;
  size_t rows = 0;
  size_t bytes = 0;
  uint64_t seq = log_->last_seq();
  const absl::Status refusal = CheckWrites();
  while (!tasks.empty() && std::holds_alternative<WriteTask>(tasks.front()) &&
         group.size() < kMaxCommitWrites && rows < kMaxCommitRows && bytes < kMaxCommitBytes) {
    // A retry that caught up with its first call is answered from what that leaves.
    const std::string& request_id = std::get<WriteTask>(tasks.front()).write.request_id;
    if (!request_id.empty() && !request_ids.insert(request_id).second) break;
    Prepared write{.task = std::move(std::get<WriteTask>(tasks.front()))};
    tasks.pop_front();
    rows += write.task.write.rows.size();
    TakeFromQueue(write.task);
    absl::Status status = Prepare(write, seq + 1, refusal);
    if (status.ok() && !write.remembered) status = CheckLag(write, group);
    if (!status.ok()) {
      refused.emplace_back(std::move(write.task.done), std::move(status));
      break;  // its notes must not be seen by later writes
    }
    if (write.remembered) {
      remembered.push_back(std::move(write));
      continue;
    }
    ++seq;
    for (const Mutation& mutation : write.record.mutations) bytes += mutation.cells.size();
    group.push_back(std::move(write));
  }
  absl::Status status;
  if (!group.empty()) {
    {
      MutexLock lock(queue_mutex_);
      accepted_ = seq;
    }
    std::vector<LogRecord> records;
    records.reserve(group.size());
    for (Prepared& write : group) records.push_back(std::move(write.record));
    status = log_->Append(records);
    if (status.ok()) {
      status = rows_->Apply(records, Retentions(), ids_->reads());
      if (!status.ok()) {
        MutexLock lock(failure_mutex_);
        failure_ = status;
      }
    }
    if (status.ok()) {
      for (size_t i = 0; i < group.size(); ++i) {
        group[i].record = std::move(records[i]);
        ApplyToIndexes(group[i]);
      }
      FeedWhatIsTooMuch();
      Publish();
    }
  }
  ids_->EndGroup();
  for (Prepared& write : group) {
    if (status.ok()) {
      write.task.done(std::move(write.result));
    } else {
      write.task.done(status);
    }
  }
  for (Prepared& write : remembered) write.task.done(std::move(write.result));
  for (auto& [done, why] : refused) done(std::move(why));
}

absl::Status LocalShard::CheckReadOnly() const {
  RETURN_IF_ERROR(log_->Check());
  MutexLock lock(failure_mutex_);
  if (failure_.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(Concat(
      "shard ", options_.shard, " takes no writes since a durable one could not be applied: ",
      failure_.message(), "; restart the server"));
}

absl::Status LocalShard::CheckWrites() const {
  RETURN_IF_ERROR(CheckReadOnly());
  return reserve_.Check();
}

void LocalShard::WarnOnceReadOnly() {
  if (warned_read_only_) return;
  const absl::Status failed = CheckReadOnly();
  if (failed.ok()) return;
  warned_read_only_ = true;
  Warn(std::string(failed.message()));
}

void LocalShard::TakeFromQueue(const WriteTask& task) {
  MutexLock lock(queue_mutex_);
  queued_rows_ -= task.write.rows.size();
  queued_bytes_ -= task.bytes;
}

TableRetention LocalShard::RetentionOf(uint32_t table_id) const {
  TableRetention retention;
  retention.table_id = table_id;
  for (const auto& [id, index] : indexes_) {
    if (index->definition().table_id != table_id) continue;
    index->AddRetention(retention);
  }
  return retention;
}

std::vector<TableRetention> LocalShard::Retentions() const {
  std::set<uint32_t> tables;
  for (const auto& [id, index] : indexes_) tables.insert(index->definition().table_id);
  std::vector<TableRetention> retentions;
  for (const uint32_t table : tables) retentions.push_back(RetentionOf(table));
  return retentions;
}

void LocalShard::Publish() {
  for (auto& [id, index] : indexes_) index->EndGroup(rows_->applied_seq());
  StartJobs();
  auto next = std::make_shared<ShardSnapshot>();
  next->seq = rows_->applied_seq();
  next->rows = rows_->TakeView();
  for (auto& [id, index] : indexes_) next->indexes.emplace(id, index->Publish());
  At("before publish");
  std::shared_ptr<const ShardSnapshot> previous = std::move(next);
  {
    MutexLock lock(snapshot_mutex_);
    snapshot_.swap(previous);
  }
  At("after publish");
}

std::shared_ptr<const ShardSnapshot> LocalShard::Current() const {
  MutexLock lock(snapshot_mutex_);
  return snapshot_;
}

ShardWatermarks LocalShard::GetWatermarks() {
  ShardWatermarks marks;
  marks.published = Current()->seq;
  marks.applied = rows_->applied_seq();
  marks.durable = log_->last_seq();
  marks.remembered_requests = rows_->remembered_requests();
  marks.disk_full = reserve_.Check().ok() ? 0 : 1;
  marks.read_only = CheckReadOnly().ok() ? 0 : 1;
  MutexLock lock(queue_mutex_);
  marks.held_writes = held_writes_;
  marks.accepted = std::max(accepted_, marks.durable);
  return marks;
}

}  // namespace ordinate
