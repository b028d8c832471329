#include "tests/support/watched_disk.h"

#include <fcntl.h>

#include <cerrno>

#include "storage/rocks/rocks_disk.h"
#include "tests/support/watched_rocks.h"

namespace ordinate {

std::string_view DiskCallName(DiskCall::Kind kind) {
  static constexpr std::string_view kNames[] = {"open",     "create", "read",        "write",
                                                "truncate", "sync",   "sync folder", "rename",
                                                "remove",   "make",   "list",        "populate"};
  return kNames[static_cast<size_t>(kind)];
}

/// Our own files.
class WatchedDisk::OwnFiles final : public Disk {
 public:
  explicit OwnFiles(DiskWatcher& watcher) : watcher_(watcher) {}

  int Open(const std::string& path, int flags) override {
    const bool creates = (flags & O_CREAT) != 0;
    const DiskCall call{.kind = creates ? DiskCall::Kind::kCreate : DiskCall::Kind::kOpen,
                        .path = path};
    const int fd = Watch(call, [&] { return Disk::Open(path, flags); });
    if (fd >= 0) {
      MutexLock lock(mutex_);
      open_[fd] = {path, (flags & O_DIRECTORY) != 0};
    }
    return fd;
  }
  int Close(int fd) override {
    {
      MutexLock lock(mutex_);
      open_.erase(fd);
    }
    return Disk::Close(fd);
  }
  ssize_t Read(int fd, void* data, size_t bytes, uint64_t offset) override {
    return Watch({.kind = DiskCall::Kind::kRead, .path = PathOf(fd).path, .offset = offset},
                 [&] { return Disk::Read(fd, data, bytes, offset); });
  }
  ssize_t Write(int fd, const void* data, size_t bytes, uint64_t offset) override {
    return Watch({.kind = DiskCall::Kind::kWrite,
                  .path = PathOf(fd).path,
                  .offset = offset,
                  .data = {static_cast<const char*>(data), bytes}},
                 [&] { return Disk::Write(fd, data, bytes, offset); });
  }
  int Sync(int fd) override {
    const Opened file = PathOf(fd);
    return Watch({.kind = file.folder ? DiskCall::Kind::kSyncFolder : DiskCall::Kind::kSync,
                  .path = file.path},
                 [&] { return Disk::Sync(fd); });
  }
  int Rename(const std::string& from, const std::string& to) override {
    return Watch({.kind = DiskCall::Kind::kRename, .path = from, .to = to},
                 [&] { return Disk::Rename(from, to); });
  }
  int Remove(const std::string& path) override {
    return Watch({.kind = DiskCall::Kind::kRemove, .path = path},
                 [&] { return Disk::Remove(path); });
  }
  int MakeFolder(const std::string& path) override {
    return Watch({.kind = DiskCall::Kind::kMakeFolder, .path = path},
                 [&] { return Disk::MakeFolder(path); });
  }
  int List(const std::string& path, std::vector<std::string>* names) override {
    return Watch({.kind = DiskCall::Kind::kList, .path = path},
                 [&] { return Disk::List(path, names); });
  }
  int Populate(const std::string& path, const void* data, size_t bytes) override {
    return Watch({.kind = DiskCall::Kind::kPopulate, .path = path},
                 [&] { return Disk::Populate(path, data, bytes); });
  }

 private:
  struct Opened {
    std::string path;
    bool folder = false;
  };

  template <typename Make>
  auto Watch(const DiskCall& call, const Make& make) -> decltype(make()) {
    if (const int error = watcher_.Before(call); error != 0) {
      errno = error;
      return -1;
    }
    const auto result = make();
    const int error = errno;
    if (result >= 0) watcher_.After(call);
    errno = error;
    return result;
  }
  Opened PathOf(int fd) {
    MutexLock lock(mutex_);
    return open_[fd];
  }

  DiskWatcher& watcher_;
  Mutex mutex_;
  std::map<int, Opened> open_ ORDINATE_GUARDED_BY(mutex_);
};

WatchedDisk::WatchedDisk(DiskWatcher& watcher) : own_(std::make_unique<OwnFiles>(watcher)) {
  SetDisk(own_.get());
  SetRocksFileSystem(WatchRocks(watcher));
}

WatchedDisk::~WatchedDisk() {
  SetDisk(nullptr);
  SetRocksFileSystem(nullptr);
}

}  // namespace ordinate
