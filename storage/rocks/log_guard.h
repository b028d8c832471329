#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "storage/base/mutex.h"

namespace ordinate {

/// Watches the write-ahead log of a database. What fails in it, a write or a sync, or making the
/// next one, is the last: what reached the disk is not known until the database is opened anew.
/// Whoever writes, or lets RocksDB sync the log, asks before, and keeps others out meanwhile.
///
/// A log is synced before the next one is made, and not again. So a power loss cannot keep writes
/// of the next without the last ones of it.
///
/// RocksDB 7.8, built with its assertions as Debian does, ends the process when it comes upon a log
/// that has failed: at the next write, where it took a full disk for one that has space again and
/// had nothing in memory to be flushed; and at the sync of a log that is full, by the writer or by
/// a flush of what it has, after the other's has failed.
class LogGuard final : public std::enable_shared_from_this<LogGuard> {
 public:
  /// Of the database in `directory`, as RocksDB is given it.
  explicit LogGuard(std::string directory) : directory_(std::move(directory)) {}

  /// `files`, watched. Files outside of the directory are let be.
  std::shared_ptr<rocksdb::FileSystem> Watch(std::shared_ptr<rocksdb::FileSystem> files);

  /// OK, or how the log failed. Any thread.
  rocksdb::IOStatus failure() const;

 private:
  class Files;
  class LogFile;

  /// Remembers the first. Returns what RocksDB is told: an error that it does not recover from by
  /// itself, not even when a disk has space again.
  rocksdb::IOStatus Fail(const rocksdb::IOStatus& status);
  rocksdb::IOStatus SyncNewest();

  const std::string directory_;
  mutable Mutex mutex_;
  rocksdb::IOStatus failure_ ORDINATE_GUARDED_BY(mutex_);
  Mutex newest_mutex_;
  LogFile* newest_ ORDINATE_GUARDED_BY(newest_mutex_) = nullptr;  // open; RocksDB owns it
};

}  // namespace ordinate
