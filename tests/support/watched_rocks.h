#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "tests/support/watched_disk.h"

namespace ordinate {

/// RocksDB's own file system, whose calls go by `watcher`.
std::shared_ptr<rocksdb::FileSystem> WatchRocks(DiskWatcher& watcher);

}  // namespace ordinate
