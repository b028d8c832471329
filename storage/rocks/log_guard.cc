#include "storage/rocks/log_guard.h"

#include <utility>

#include "storage/files/folder.h"

namespace ordinate {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// Says that all is well.
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
    return Keep([&] { return target()->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return Keep([&] { return target()->Append(data, options, info, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return Keep([&] { return target()->Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Keep([&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Keep([&] { return target()->Fsync(options, debug); });
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    return Keep([&] { return target()->RangeSync(offset, bytes, options, debug); });
  }

 private:
  template <typename Call>
  IOStatus Keep(const Call& call) {
    if (guard_->failed()) return IOStatus::OK();
    if (const IOStatus status = call(); !status.ok()) guard_->Fail(status);
    return IOStatus::OK();
  }

  const std::shared_ptr<LogGuard> guard_;
};

/// Takes nothing any more once the log has failed.
class LogGuard::OtherFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  OtherFile(std::shared_ptr<LogGuard> guard, std::unique_ptr<FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), guard_(std::move(guard)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (guard_->failed()) return guard_->failure();
    return target()->Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    if (guard_->failed()) return guard_->failure();
    return target()->Append(data, options, info, debug);
  }

 private:
  const std::shared_ptr<LogGuard> guard_;
};

class LogGuard::Files final : public rocksdb::FileSystemWrapper {
 public:
  Files(std::shared_ptr<LogGuard> guard, std::shared_ptr<rocksdb::FileSystem> files)
      : FileSystemWrapper(std::move(files)), guard_(std::move(guard)) {}
  const char* Name() const override { return "LogGuard"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    const bool own = FolderOf(path) == guard_->directory_;
    const bool log = own && path.ends_with(".log");
    if (log) guard_->SyncNewest();
    if (own && !log && guard_->failed()) return guard_->failure();
    IOStatus status = target()->NewWritableFile(path, options, result, debug);
    if (!status.ok() || !own) return status;
    if (log) {
      *result = std::make_unique<LogFile>(guard_, std::move(*result));
    } else {
      *result = std::make_unique<OtherFile>(guard_, std::move(*result));
    }
    return status;
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (FolderOf(to) == guard_->directory_ && guard_->failed()) return guard_->failure();
    return target()->RenameFile(from, to, options, debug);
  }

 private:
  const std::shared_ptr<LogGuard> guard_;
};

std::shared_ptr<rocksdb::FileSystem> LogGuard::Watch(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<Files>(shared_from_this(), std::move(files));
}

// By the thread that writes, which appends nothing meanwhile.
void LogGuard::SyncNewest() {
  MutexLock lock(newest_mutex_);
  if (newest_ != nullptr) newest_->Sync(IOOptions(), nullptr).PermitUncheckedError();
}

IOStatus LogGuard::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

void LogGuard::Fail(const IOStatus& status) {
  MutexLock lock(mutex_);
  if (failed_.load()) return;
  failure_ = status;
  failed_.store(true);
}

}  // namespace ordinate
