#pragma once

#include <memory>

namespace rocksdb {
class EventListener;
}  // namespace rocksdb

namespace ordinate {

/// Makes a failed write to the write-ahead log, or sync of it, the store's last until it is opened
/// anew: what reached the disk is not known. RocksDB by itself would take writes again once a full
/// disk has space, and 7.8, built with its assertions as Debian does, ends the process at the next
/// one if nothing was in memory to be flushed. Errors of other files are left to RocksDB, which
/// goes on when it can write them.
std::shared_ptr<rocksdb::EventListener> MakeRocksErrorPolicy();

}  // namespace ordinate
