#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/files/disk.h"

namespace ordinate {

/// One call to the disk, of RocksDB or of our own.
struct DiskCall {
  enum class Kind : uint8_t {
    kOpen,      // an existing file or folder
    kCreate,    // a file, which is empty afterwards
    kRead,      // also of a file's size
    kWrite,     // `data` at `offset`
    kTruncate,  // to `offset` bytes
    kSync,      // a file
    kSyncFolder,
    kRename,  // to `to`
    kRemove,
    kMakeFolder,
    kList,
    kPopulate,  // reads pages of a mapping
  };
  Kind kind = Kind::kOpen;
  std::string path;
  std::string to;
  uint64_t offset = 0;
  std::string_view data;

  bool writes() const {
    return kind != Kind::kOpen && kind != Kind::kRead && kind != Kind::kList &&
           kind != Kind::kPopulate;
  }
};
std::string_view DiskCallName(DiskCall::Kind kind);

/// Sees every call, on the thread that makes it. Thread-safe.
class DiskWatcher {
 public:
  virtual ~DiskWatcher() = default;
  /// 0, or the errno that the call is to fail with instead of being made.
  virtual int Before(const DiskCall& call) = 0;
  /// The call has succeeded.
  virtual void After(const DiskCall& call) = 0;
};

/// While it lives, all calls to the disk go by `watcher`, and then to the operating system. Files
/// that are in use then must not outlive it: those of RocksDB keep the way they were opened by.
class WatchedDisk {
 public:
  explicit WatchedDisk(DiskWatcher& watcher);
  ~WatchedDisk();
  WatchedDisk(const WatchedDisk&) = delete;
  WatchedDisk& operator=(const WatchedDisk&) = delete;

 private:
  class OwnFiles;
  const std::unique_ptr<OwnFiles> own_;
};

}  // namespace ordinate
