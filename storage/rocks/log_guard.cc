#include "storage/rocks/log_guard.h"

#include "storage/files/folder.h"

namespace ordinate {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// Appended to by one thread at a time; synced by any.
class LogGuard::LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::shared_ptr<LogGuard> guard, std::unique_ptr<FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), guard_(std::move(guard)) {
    MutexLock lock(guard_->newest_mutex_);
    guard_->newest_ = this;
  }
  ~LogFile() override {
    MutexLock lock(guard_->newest_mutex_);
    if (guard_->newest_ == this) guard_->newest_ = nullptr;
  }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Write([&] { return target()->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return Write([&] { return target()->Append(data, options, info, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return guard_->Fail(target()->Flush(options, debug));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    return guard_->Fail(target()->RangeSync(offset, bytes, options, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return SyncOnce([&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return SyncOnce([&] { return target()->Fsync(options, debug); });
  }

 private:
  template <typename Call>
  IOStatus Write(const Call& call) {
    unsynced_ = true;
    const IOStatus status = guard_->Fail(call());
    unsynced_ = true;  // a sync meanwhile did not have it
    return status;
  }
  template <typename Call>
  IOStatus SyncOnce(const Call& call) {
    MutexLock lock(sync_mutex_);  // whoever finds nothing to sync may rely on it
    if (!unsynced_.exchange(false)) return IOStatus::OK();
    const IOStatus status = guard_->Fail(call());
    if (!status.ok()) unsynced_ = true;
    return status;
  }

  const std::shared_ptr<LogGuard> guard_;
  Mutex sync_mutex_;
  std::atomic<bool> unsynced_{false};
};

/// RocksDB makes each log anew, as long as it is not told to recycle them.
class LogGuard::Files final : public rocksdb::FileSystemWrapper {
 public:
  Files(std::shared_ptr<LogGuard> guard, std::shared_ptr<rocksdb::FileSystem> files)
      : FileSystemWrapper(std::move(files)), guard_(std::move(guard)) {}
  const char* Name() const override { return "LogGuard"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    const bool is_log = path.ends_with(".log") && FolderOf(path) == guard_->directory_;
    if (is_log) {
      if (const IOStatus synced = guard_->SyncNewest(); !synced.ok()) return synced;
    }
    const IOStatus status = target()->NewWritableFile(path, options, result, debug);
    if (!is_log) return status;
    if (status.ok()) *result = std::make_unique<LogFile>(guard_, std::move(*result));
    return guard_->Fail(status);  // RocksDB takes no write any more without it, either
  }

 private:
  const std::shared_ptr<LogGuard> guard_;
};

std::shared_ptr<rocksdb::FileSystem> LogGuard::Watch(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<Files>(shared_from_this(), std::move(files));
}

IOStatus LogGuard::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

IOStatus LogGuard::Fail(const IOStatus& status) {
  if (status.ok()) return status;
  MutexLock lock(mutex_);
  if (failure_.ok()) failure_ = status;
  return IOStatus::IOError(failure_.ToString());
}

// Nothing is appended to it meanwhile: whoever makes the next log keeps writers out.
IOStatus LogGuard::SyncNewest() {
  MutexLock lock(newest_mutex_);
  if (newest_ != nullptr) {
    const IOStatus synced = newest_->Sync(IOOptions(), nullptr);
    if (!synced.ok()) return synced;
  }
  return Fail(failure());
}

}  // namespace ordinate
