#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace ordinate {

/// Where and how a store is backed up.
struct BackupTarget {
  /// Of this store's backups and nothing else; made when missing. One backup at a time.
  std::string directory;
  uint64_t max_bytes_per_second = 0;  // written; 0: as fast as the disk takes them
  /// Told now and then, on any thread, one at a time, how many bytes were copied since it was told
  /// last. Its first error ends the backup, which returns it. Must not throw. May be empty.
  std::function<absl::Status(uint64_t bytes)> progress;
};

/// A finished backup of one store.
struct StoreBackup {
  uint32_t id = 0;  // within its directory
  /// The store's newest acknowledged write when the backup began. It and all before it are in the
  /// backup; writes made meanwhile may be, each whole.
  uint64_t sequence = 0;
  uint64_t bytes = 0;      // of its files
  uint64_t new_bytes = 0;  // of those that no backup in the directory had before

  bool operator==(const StoreBackup&) const = default;
};

}  // namespace ordinate
