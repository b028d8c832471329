#include "tests/support/watched_rocks.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace ordinate {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Kind = DiskCall::Kind;

IOStatus FromErrno(int error, const std::string& path) {
  const std::string message = path + ": " + std::strerror(error);
  return error == ENOSPC ? IOStatus::NoSpace(message) : IOStatus::IOError(message);
}

template <typename Make>
IOStatus Watch(DiskWatcher& watcher, const DiskCall& call, const Make& make) {
  if (const int error = watcher.Before(call); error != 0) return FromErrno(error, call.path);
  IOStatus status = make();
  if (status.ok()) watcher.After(call);
  return status;
}

class Writable final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Writable(DiskWatcher& watcher, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), watcher_(watcher), path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status =
        Watch(watcher_, WriteOf(data), [&] { return target()->Append(data, options, debug); });
    if (status.ok()) size_ += data.size();
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kTruncate, .path = path_, .offset = size},
                 [&] { return target()->Truncate(size, options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kSync, .path = path_},
                 [&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kSync, .path = path_},
                 [&] { return target()->Fsync(options, debug); });
  }

  // Space taken in advance holds nothing, and in memory costs more than all the rest.
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}
  void SetPreallocationBlockSize(size_t) override {}
  IOStatus Allocate(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  DiskCall WriteOf(const Slice& data) const {
    return {
        .kind = Kind::kWrite, .path = path_, .offset = size_, .data = {data.data(), data.size()}};
  }

  DiskWatcher& watcher_;
  const std::string path_;
  uint64_t size_ = 0;
};

class Sequential final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  Sequential(DiskWatcher& watcher, std::string path,
             std::unique_ptr<rocksdb::FSSequentialFile> file)
      : FSSequentialFileOwnerWrapper(std::move(file)), watcher_(watcher), path_(std::move(path)) {}

  IOStatus Read(size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kRead, .path = path_}, [&] {
      return FSSequentialFileOwnerWrapper::Read(n, options, result, scratch, debug);
    });
  }

 private:
  DiskWatcher& watcher_;
  const std::string path_;
};

class RandomAccess final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RandomAccess(DiskWatcher& watcher, std::string path,
               std::unique_ptr<rocksdb::FSRandomAccessFile> file)
      : FSRandomAccessFileOwnerWrapper(std::move(file)),
        watcher_(watcher),
        path_(std::move(path)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    return Watch(watcher_, {.kind = Kind::kRead, .path = path_, .offset = offset}, [&] {
      return FSRandomAccessFileOwnerWrapper::Read(offset, n, options, result, scratch, debug);
    });
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kRead, .path = path_}, [&] {
      return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
    });
  }

 private:
  DiskWatcher& watcher_;
  const std::string path_;
};

class Folder final : public rocksdb::FSDirectoryWrapper {
 public:
  Folder(DiskWatcher& watcher, std::string path, std::unique_ptr<rocksdb::FSDirectory> folder)
      : FSDirectoryWrapper(std::move(folder)), watcher_(watcher), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kSyncFolder, .path = path_},
                 [&] { return FSDirectoryWrapper::Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& how) override {
    return Watch(watcher_, {.kind = Kind::kSyncFolder, .path = path_},
                 [&] { return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how); });
  }

 private:
  DiskWatcher& watcher_;
  const std::string path_;
};

class Files final : public rocksdb::FileSystemWrapper {
 public:
  explicit Files(DiskWatcher& watcher)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), watcher_(watcher) {}
  const char* Name() const override { return "WatchedDisk"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext* debug) override {
    IOStatus status = Watch(watcher_, {.kind = Kind::kOpen, .path = path}, [&] {
      return target()->NewSequentialFile(path, options, result, debug);
    });
    if (status.ok()) *result = std::make_unique<Sequential>(watcher_, path, std::move(*result));
    return status;
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext* debug) override {
    IOStatus status = Watch(watcher_, {.kind = Kind::kOpen, .path = path}, [&] {
      return target()->NewRandomAccessFile(path, options, result, debug);
    });
    if (status.ok()) *result = std::make_unique<RandomAccess>(watcher_, path, std::move(*result));
    return status;
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    IOStatus status = Watch(watcher_, {.kind = Kind::kCreate, .path = path}, [&] {
      return target()->NewWritableFile(path, options, result, debug);
    });
    if (status.ok()) *result = std::make_unique<Writable>(watcher_, path, std::move(*result));
    return status;
  }
  // Not used by a store that recycles no logs; the watcher would miss what they do.
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported(path);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string&, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported(path);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override {
    IOStatus status = Watch(watcher_, {.kind = Kind::kOpen, .path = path},
                            [&] { return target()->NewDirectory(path, options, result, debug); });
    if (status.ok()) *result = std::make_unique<Folder>(watcher_, path, std::move(*result));
    return status;
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& options,
                       std::vector<std::string>* result, IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kList, .path = path},
                 [&] { return target()->GetChildren(path, options, result, debug); });
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kRemove, .path = path},
                 [&] { return target()->DeleteFile(path, options, debug); });
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kTruncate, .path = path, .offset = size},
                 [&] { return target()->Truncate(path, size, options, debug); });
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kMakeFolder, .path = path},
                 [&] { return target()->CreateDir(path, options, debug); });
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kMakeFolder, .path = path},
                 [&] { return target()->CreateDirIfMissing(path, options, debug); });
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size,
                       IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kRead, .path = path},
                 [&] { return target()->GetFileSize(path, options, size, debug); });
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return Watch(watcher_, {.kind = Kind::kRename, .path = from, .to = to},
                 [&] { return target()->RenameFile(from, to, options, debug); });
  }

 private:
  DiskWatcher& watcher_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> WatchRocks(DiskWatcher& watcher) {
  return std::make_shared<Files>(watcher);
}

}  // namespace ordinate
