#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "storage/base/store_mode.h"

namespace ordinate {

inline constexpr uint32_t kMaxShards = 256;

/// A server's data directory, held by this process: the file LOCK is locked until destruction. What
/// the directory is, is written in its ordinate.json:
///
///     format_version  1
///     shards          the number of its shard-* folders
///     created_by      version of the program that created it
///     complete        false until every store was made; from then on a missing one is an error
///     checksum        XXH3-64, as 16 hex digits, of the object without this member, in compact
///                     JSON with its members in order of their names; a file without it is damaged
class DataDirectory {
 public:
  /// Opens, or creates with `shards` (`default_shards` when unset). FAILED_PRECONDITION: in use by
  /// another process; not empty and not a data directory; created with another number of shards
  /// than `shards`; of a format this program does not know. DATA_LOSS: ordinate.json is damaged, or
  /// the shard folders are not those it counts. PERMISSION_DENIED: not writable.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path,
                                                             std::optional<uint32_t> shards,
                                                             uint32_t default_shards);
  /// Opens one that exists, for tools that only read it, so that a read-only copy will do.
  /// NOT_FOUND: there is none, or its creation was cut short.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> OpenExisting(const std::string& path);
  /// A new directory of `shards` shards that a backup is restored into: made when it is missing.
  /// FAILED_PRECONDITION: it is not empty, or in use. Until FinishCreation nothing takes it for a
  /// data directory, however much of it is there.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> MakeToRestore(const std::string& path,
                                                                      uint32_t shards);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }
  uint32_t shards() const { return shards_; }
  std::string CatalogPath() const;
  std::string ShardPath(uint32_t shard) const;

  /// How its stores are to be opened.
  StoreMode store_mode() const { return complete_ ? StoreMode::kExisting : StoreMode::kCreate; }
  /// Every store is made. To be called before anything is written to them.
  absl::Status FinishCreation();

 private:
  DataDirectory(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  absl::Status ReadManifest();
  absl::Status WriteManifest(uint32_t shards, bool complete);
  absl::Status CheckFolders() const;

  const std::string path_;
  const int lock_fd_;
  uint32_t shards_ = 0;
  bool complete_ = false;
};

}  // namespace ordinate
