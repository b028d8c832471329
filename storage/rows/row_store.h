#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/store_backup.h"
#include "storage/base/store_mode.h"
#include "storage/rows/update_log.h"

namespace ordinate {

/// A version of a row as stored. `cells` decodes with DecodeCells.
struct StoredRow {
  RowId id = 0;
  uint64_t version = 0;
  std::string key;
  std::string cells;
};

/// What Apply must keep and record for one table.
struct TableRetention {
  uint32_t table_id = 0;
  /// Record (seq, row) in the change list: true while the table has an index.
  bool track_changes = false;
  /// Sequences at which older versions are still read: published sequences of lagging indexes and
  /// of builds in progress.
  std::vector<uint64_t> pinned;
  /// Versions that were replaced after this sequence are kept, too: an index may still come to show
  /// each of them.
  uint64_t keep_after = UINT64_MAX;
};

/// A change of a row since some sequence.
struct Change {
  uint64_t seq = 0;
  RowId row_id = 0;
  Mutation::Kind kind = Mutation::Kind::kUpsert;
  int64_t time_micros = 0;  // of its log record
};

/// A write request that carried an id, as remembered.
struct RememberedRequest {
  uint64_t seq = 0;         // of its log record
  int64_t time_micros = 0;  // of its log record
  RequestNote note;
};

/// How long requests are remembered, and how many; the oldest go first. Each is some hundred bytes
/// on the disk; contract 5.1 sets no number.
struct RequestLimits {
  uint64_t max_count = std::numeric_limits<uint64_t>::max();
  int64_t keep_micros = 86'400'000'000;  // 24 hours
};

/// The truth of one shard: row versions, changes not yet in every index, counters and watermarks.
/// Writes come from one thread (the shard's applier); reads from any thread, through a View.
/// Deleting a row removes all of its versions: a delete is masked at every sequence (contract 5.2).
class RowStore {
 public:
  /// An immutable view of the whole store at one moment. Cheap to take; holds disk space while
  /// it lives. REQUIRES: outlived by the store.
  class View {
   public:
    virtual ~View() = default;
  };

  /// The newest versions of rows, for a writer that decides by them what to change, as they are at
  /// its first read. One thread. REQUIRES: outlived by the store.
  class Newest {
   public:
    struct Head {
      std::string key;
      uint64_t version = 0;
    };
    virtual ~Newest() = default;
    /// Unset: there is no such row.
    virtual absl::StatusOr<std::optional<Head>> FindHead(uint32_t table_id, RowId row_id) = 0;
    virtual absl::StatusOr<std::optional<StoredRow>> Get(uint32_t table_id, RowId row_id) = 0;
  };

  virtual ~RowStore() = default;

  virtual std::unique_ptr<Newest> ReadNewest() const = 0;

  /// Applies records the log holds, remembers their requests and advances applied_seq(),
  /// atomically; not synced: after a crash the log replays. Log entries up to the applied sequence
  /// are released. `read`: of this store, whose rows have not changed since its first read; what it
  /// has read is not read again. May be null.
  virtual absl::Status Apply(std::span<const LogRecord> records,
                             std::span<const TableRetention> retention, Newest* read) = 0;

  virtual uint64_t applied_seq() const = 0;

  /// The applied request of that id, as long as it is remembered at `now_micros`. Any thread.
  virtual absl::StatusOr<std::optional<RememberedRequest>> FindRequest(
      const std::string& id, int64_t now_micros) const = 0;
  /// How many requests are remembered, those included that are too old and wait for being
  /// forgotten.
  virtual uint64_t remembered_requests() const = 0;

  virtual std::shared_ptr<const View> TakeView() const = 0;

  /// The newest version of the row with version <= at_seq, or nullopt. nullptr `view`: now.
  virtual absl::StatusOr<std::optional<StoredRow>> Get(const View* view, uint32_t table_id,
                                                       RowId id, uint64_t at_seq) const = 0;

  /// Visits, in row id order starting at `first`, the newest version <= at_seq of every row.
  /// Stops early, with OK, when `visit` returns false; an error of `visit` is returned.
  virtual absl::Status Scan(
      const View* view, uint32_t table_id, RowId first, uint64_t at_seq,
      const std::function<absl::StatusOr<bool>(StoredRow&&)>& visit) const = 0;

  /// Live rows (newest versions) of the table, as of applied_seq().
  virtual absl::StatusOr<uint64_t> CountRows(const View* view, uint32_t table_id) const = 0;

  /// Visits changes of the table with seq > after, by sequence.
  virtual absl::Status ReadChanges(
      const View* view, uint32_t table_id, uint64_t after,
      const std::function<absl::Status(const Change&)>& visit) const = 0;

  /// The sequence after which the table's change list is complete: changes up to it were forgotten,
  /// or never noted, and what was built from older rows cannot be caught up.
  virtual absl::StatusOr<uint64_t> ChangesCompleteAfter(uint32_t table_id) const = 0;

  /// Forgets the oldest changes of the table, at most `max_changes` of those with seq <= up_to, and
  /// collects the versions of their rows that `retention` does not need. Changes after the oldest
  /// pin stay: the versions they replaced are collected once the pin is gone. Returns whether
  /// changes that may be forgotten are left. Applier thread.
  virtual absl::StatusOr<bool> TrimChanges(uint64_t up_to, const TableRetention& retention,
                                           size_t max_changes) = 0;

  /// The tables that have rows or other traces here, ascending. Applier thread.
  virtual absl::StatusOr<std::vector<uint32_t>> TableIds() const = 0;

  /// Removes a table, `max_entries` at most of what it has here. Returns whether some are left;
  /// until none is, TableIds() names the table, and after a restart it goes on where it was.
  /// Applier thread. Idempotent.
  virtual absl::StatusOr<bool> RemoveTable(uint32_t table_id, size_t max_entries) = 0;
  /// Lets the disk have the space of removed tables, in the background. Applier thread.
  virtual absl::Status GiveBackRemoved() = 0;

  /// Displaced keys of a table (contract 1.2): canonical key → row id. Written through
  /// AddDisplaced before the row's first write is logged, durable on return; read when opened.
  virtual absl::Status AddDisplaced(uint32_t table_id, const std::string& key, RowId id) = 0;
  virtual absl::StatusOr<std::vector<std::pair<std::string, RowId>>> ReadDisplaced(
      uint32_t table_id) const = 0;

  /// Reads every key and value, checking checksums and that each decodes as a key of this store.
  /// DATA_LOSS naming the first damage.
  virtual absl::Status VerifyChecksums(
      const std::function<void(uint64_t bytes_read)>& progress) const = 0;

  /// Copies the whole store, update log included, into `target.directory`, beside earlier backups
  /// of it and sharing their files. Writes go on meanwhile. Any thread. RESOURCE_EXHAUSTED: that
  /// disk is full, or the store's. FAILED_PRECONDITION: a write to the store's log has failed.
  /// DATA_LOSS: a file of the store is damaged.
  virtual absl::StatusOr<StoreBackup> BackUp(const BackupTarget& target) const = 0;
};

/// The two faces of a standalone shard's store, over one RocksDB database.
struct ShardStore {
  std::unique_ptr<RowStore> rows;
  std::unique_ptr<UpdateLog> log;
};

/// Opens a shard's store in directory `path`; the caller replays log records newer than the applied
/// sequence into the rows: see UpdateLog::Read. FAILED_PRECONDITION: in use by another process.
/// NOT_FOUND: read-only, and there is none. DATA_LOSS: damaged, or gone although it must exist; the
/// message says which file and what to do. PERMISSION_DENIED: not writable.
absl::StatusOr<ShardStore> OpenShardStore(const std::string& path, StoreMode mode,
                                          const RequestLimits& limits = {});

}  // namespace ordinate
