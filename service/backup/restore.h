#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "service/backup/backup_description.h"

namespace ordinate {

/// Told before each part of a backup is worked on: its name, the bytes of the parts before it.
using BackupPartFn = std::function<void(const std::string& part, uint64_t bytes_done)>;

/// Where the stores of a backup are restored to: directories that are made.
struct RestoreTarget {
  std::string catalog;
  std::vector<std::string> rows;  // by shard, as many as the backup has
};

/// Writes every store of the backup, synced, and compares the newest write of each shard with the
/// description. DATA_LOSS naming the file, or the store, that is missing or damaged. REQUIRES: the
/// backup directory is locked.
absl::Status RestoreBackup(const std::string& directory, const BackupDescription& backup,
                           const RestoreTarget& target, const BackupPartFn& told);

/// Reads every file of the backup. A sentence for each part that is damaged, naming a file. `told`
/// and REQUIRES as RestoreBackup.
std::vector<std::string> VerifyBackup(const std::string& directory, const BackupDescription& backup,
                                      const BackupPartFn& told);

}  // namespace ordinate
