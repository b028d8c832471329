#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

#include "storage/base/mutex.h"

namespace ordinate {

/// Keeps errors of a database's write-ahead log from RocksDB. Whoever writes asks for them
/// afterwards, and the first is the last: what reached the disk is not known until the database is
/// opened anew. From then on nothing more is written to the log, and no other file of the database
/// either, so that nothing gets durable that relies on the log.
///
/// A log is synced before the next one is made: otherwise a power loss could keep writes of the
/// next without the last ones of it.
///
/// RocksDB by itself takes writes again when a full disk has space; and 7.8, built with its
/// assertions as Debian does, ends the process when it comes upon a log that failed: at the next
/// write if nothing was in memory to be flushed, or in a flush that syncs the log before.
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
  class OtherFile;

  void Fail(const rocksdb::IOStatus& status);
  bool failed() const { return failed_.load(); }
  void SyncNewest();

  const std::string directory_;
  std::atomic<bool> failed_{false};
  mutable Mutex mutex_;
  rocksdb::IOStatus failure_ ORDINATE_GUARDED_BY(mutex_);
  Mutex newest_mutex_;
  LogFile* newest_ ORDINATE_GUARDED_BY(newest_mutex_) = nullptr;  // open; RocksDB owns it
};

}  // namespace ordinate
