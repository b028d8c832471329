#pragma once

#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/mutex.h"
#include "storage/base/store_mode.h"
#include "storage/rocks/log_guard.h"

namespace ordinate {

/// `status` of an operation on the database in directory `path`. Damage is DATA_LOSS and names the
/// file RocksDB names, a full disk RESOURCE_EXHAUSTED, other failures of the disk INTERNAL.
/// `doing` completes "cannot ...".
absl::Status FromRocks(std::string_view doing, std::string_view path,
                       const rocksdb::Status& status);

/// DATA_LOSS for the database in `path`: what was found, and what to do.
absl::Status StoreDamaged(std::string_view path, std::string_view found);

/// Options every column family starts from. Block cache and memory budget are shared by all
/// databases of the process.
rocksdb::BlockBasedTableOptions BaseTableOptions();
rocksdb::ColumnFamilyOptions BaseFamilyOptions(const rocksdb::BlockBasedTableOptions& table);

/// One open RocksDB database and the lock on its directory. Thread-safe as rocksdb::DB is.
class RocksDb {
 public:
  struct Family {
    std::string name;
    rocksdb::ColumnFamilyOptions options;
  };

  /// Whether a database has all that was acknowledged; given a read-only view of it.
  using HoldsAll = std::function<absl::Status(std::unique_ptr<RocksDb> view)>;

  /// Opens the database in directory `path`, which has `families`. NOT_FOUND: read-only, and there
  /// is none. DATA_LOSS: damaged, or gone although it must exist. FAILED_PRECONDITION: in use.
  /// PERMISSION_DENIED: not writable.
  ///
  /// A power loss may leave some sectors of what the write-ahead log had not synced, and not others
  /// before them, which looks like any damage. Then `holds_all` is asked of the database without
  /// the log from there on; if it has all, it is opened so, with a warning. Nothing is changed
  /// before that.
  static absl::StatusOr<std::unique_ptr<RocksDb>> Open(const std::string& path,
                                                       const std::vector<Family>& families,
                                                       StoreMode mode, const HoldsAll& holds_all);
  ~RocksDb();
  RocksDb(const RocksDb&) = delete;
  RocksDb& operator=(const RocksDb&) = delete;

  rocksdb::DB* db() const { return db_.get(); }
  /// The family at this position of what Open was given.
  rocksdb::ColumnFamilyHandle* family(size_t position) const { return handles_[position]; }
  const std::string& path() const { return path_; }
  StoreMode mode() const { return mode_; }

  /// OK, or FAILED_PRECONDITION when opened read-only.
  absl::Status CheckWritable() const;
  /// OK, or FAILED_PRECONDITION once a write to the write-ahead log, or a sync of it, has failed.
  absl::Status CheckLog() const;
  /// FromRocks of a call's `status`. Where the log has failed, that is why, whatever RocksDB says,
  /// and the last error before CheckLog's.
  absl::Status Error(std::string_view doing, const rocksdb::Status& status) const;
  /// Held by Write(), through its stalls too. Whoever else lets RocksDB write to its log or sync it
  /// holds it as well, and asks CheckLog() first. RocksDB itself, when it goes on after an error,
  /// does not: it keeps writers out.
  Mutex& log_mutex() const { return log_mutex_; }
  /// Writes the batch; `sync` returns once it is on the disk. What fails in the write-ahead log is
  /// the last that is taken. REQUIRES: CheckWritable().
  absl::Status Write(rocksdb::WriteBatch& batch, bool sync) const;
  /// Lets what the family has in memory be written to a file, in the background.
  absl::Status StartFlush(rocksdb::ColumnFamilyHandle* family) const;

 private:
  RocksDb(std::string path, StoreMode mode) : path_(std::move(path)), mode_(mode) {}
  absl::Status Lock();
  absl::Status CheckPresent() const;
  /// `cut`: without the write-ahead log from its first damage on.
  rocksdb::Status OpenDatabase(const std::vector<Family>& families, bool cut);

  const std::string path_;
  const StoreMode mode_;
  int lock_ = -1;  // constant once open
  mutable Mutex log_mutex_;
  std::shared_ptr<LogGuard> log_guard_;  // constant once open
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // constant once open
};

}  // namespace ordinate
