#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace rocksdb {
class Logger;
}  // namespace rocksdb

namespace ordinate {

/// Takes what RocksDB says of the store in directory `path`. Any thread; must not throw.
using RocksLogSink = void (*)(bool is_error, std::string_view path, std::string_view message);

/// Where warnings and errors of every store go; nowhere until this is called. Before stores are
/// opened.
void SetRocksLogSink(RocksLogSink sink);

/// For the store in `path`. RocksDB's own logger writes a file beside the data, and ends the
/// process when the disk is full.
std::shared_ptr<rocksdb::Logger> MakeRocksLogger(std::string path);

}  // namespace ordinate
