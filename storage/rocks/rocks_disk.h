#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace ordinate {

/// What RocksDB databases reach the disk by. (Files of our own go through storage/files/disk.h.) It
/// syncs the folder before a rename. RocksDB, which renames to put a new manifest in force, relies
/// in its recovery on file systems that keep the order in which names were made: where one does
/// not, a power loss could leave a manifest without the tables that it names.
std::shared_ptr<rocksdb::FileSystem> RocksFileSystem();

/// For tests, which drop what was not synced or let calls fail: what is below that, from the next
/// call of RocksFileSystem on. Null, as at the start: the operating system. Any thread.
void SetRocksFileSystem(std::shared_ptr<rocksdb::FileSystem> files);

}  // namespace ordinate
