#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "tests/bench/freshness/connection.h"

namespace ordinate::bench {

/// What an index takes: the most since the watch began.
struct Extent {
  uint64_t segments = 0;
  uint64_t tail_rows = 0;
  uint64_t index_bytes = 0;  // of all files in the index folders, those being written included
  uint64_t store_bytes = 0;  // of the shards' row stores

  /// The most of either.
  void Add(const Extent& more);
};

/// Bytes of the index folders and the row stores of a data directory now.
void DiskBytes(const std::string& data_dir, Extent& extent);

/// Looks at an index and its disk, some times a second, on a thread of its own.
class ServerWatch {
 public:
  ServerWatch(const std::shared_ptr<grpc::Channel>& channel, std::string index,
              std::string data_dir);
  ~ServerWatch() { Stop(); }
  ServerWatch(const ServerWatch&) = delete;
  ServerWatch& operator=(const ServerWatch&) = delete;

  Extent Stop();

 private:
  void Look();

  Connection connection_;
  const std::string index_;
  const std::string data_dir_;
  Extent most_;
  std::atomic<bool> stops_{false};
  std::thread thread_;
};

/// Waits until the index has a short tail and the same segments for a while: no seal or merge is
/// on its way. Returns how long that took, without the while.
double SettleSeconds(Connection& connection, const std::string& index);

}  // namespace ordinate::bench
