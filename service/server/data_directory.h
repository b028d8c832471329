#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace ordinate {

inline constexpr uint32_t kMaxShards = 256;

/// A server's data directory, held by this process: the file LOCK is locked until destruction. What
/// the directory is, is written in its ordinate.json: format version, number of shards, and the
/// version of the program that created it.
class DataDirectory {
 public:
  /// Opens, or creates with `shards` (`default_shards` when unset). FAILED_PRECONDITION: in use by
  /// another process; not empty and not a data directory; created with another number of shards
  /// than `shards`; of a format this program does not know. PERMISSION_DENIED: not writable.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path,
                                                             std::optional<uint32_t> shards,
                                                             uint32_t default_shards);
  /// Opens one that exists, for tools that work offline. NOT_FOUND: there is none.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> OpenExisting(const std::string& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }
  uint32_t shards() const { return shards_; }
  std::string CatalogPath() const;
  std::string ShardPath(uint32_t shard) const;

 private:
  DataDirectory(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  absl::Status ReadManifest();
  absl::Status Create(uint32_t shards);

  const std::string path_;
  const int lock_fd_;
  uint32_t shards_ = 0;
};

}  // namespace ordinate
