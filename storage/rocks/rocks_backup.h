#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/store_backup.h"

namespace ordinate {

class RocksDb;

// Backups of one store, by RocksDB's backup engine. A directory holds any number of them; table and
// blob files are shared among those that have them, so each further one costs what changed. Every
// file is checksummed. Of a directory, one function here may be at work at a time, but that
// verifying and restoring go side by side.

/// Backs the open database up into `target.directory`, while it goes on taking writes. Its memory
/// is not flushed: the write-ahead log comes along. `sequence` of the result is left to the caller.
/// RESOURCE_EXHAUSTED: the disk is full. FAILED_PRECONDITION: a write to the database's log has
/// failed. DATA_LOSS: a file of the database is damaged. A backup that failed leaves files that
/// KeepStoreBackups removes.
absl::StatusOr<StoreBackup> BackUpStore(const RocksDb& rocks, const BackupTarget& target);

/// Removes all backups but those of `ids`, and what an interrupted one left. OK without a
/// directory.
absl::Status KeepStoreBackups(const std::string& directory, const std::set<uint32_t>& ids);

/// Reads every file of the backup. DATA_LOSS naming the first one that is missing or damaged.
absl::Status VerifyStoreBackup(const std::string& directory, uint32_t id);

/// Writes the backup's files, synced, into `store`, a directory which is made when missing, and
/// checks each against its checksum. DATA_LOSS as VerifyStoreBackup.
absl::Status RestoreStoreBackup(const std::string& directory, uint32_t id,
                                const std::string& store);

}  // namespace ordinate
