#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/store_backup.h"

namespace ordinate {

/// A backup of a whole data directory. In the backup directory
///
///     backup-<id>.json    this, in JSON
///     shard-0000/ ...     the backups of the row store of each shard
///     catalog/            those of the catalog
///
/// the description is written last and removed first: a backup without one does not exist, and
/// what there is of it goes with the next backup or deletion. The file holds
///
///     format_version  1
///     id, time        as below; the time as text too
///     version         of the program that made it
///     shards          a list by shard number, and
///     catalog         each {"id", "sequence", "bytes", "new_bytes"}, as StoreBackup
///     checksum        as ordinate.json's
struct BackupDescription {
  uint64_t id = 0;          // from 1; one more than that of the newest backup there was
  int64_t time_micros = 0;  // when it was finished, since 1970-01-01T00:00:00Z
  std::string version;
  std::vector<StoreBackup> shards;
  StoreBackup catalog;

  uint64_t bytes() const;
  uint64_t new_bytes() const;
  bool operator==(const BackupDescription&) const = default;
};

std::string DescriptionPath(const std::string& directory, uint64_t id);
/// Where the backup directory keeps the parts of a shard, and of the catalog.
std::string ShardPartPath(const std::string& directory, size_t shard);
std::string CatalogPartPath(const std::string& directory);

/// "2026-01-31T12:00:00.25Z".
std::string TimeText(int64_t time_micros);

/// Durable on return.
absl::Status WriteDescription(const std::string& directory, const BackupDescription& backup);

/// NOT_FOUND: there is no such backup. DATA_LOSS: its description is damaged.
/// FAILED_PRECONDITION: it is of a format this program does not know.
absl::StatusOr<BackupDescription> ReadDescription(const std::string& directory, uint64_t id);

struct BackupList {
  std::vector<BackupDescription> backups;  // by id
  std::vector<uint64_t> unreadable;        // ids of those whose description cannot be read
  std::vector<std::string> problems;       // parallel: a sentence each
};

/// Every backup. Nothing when there is no such directory; errors by FileError.
absl::StatusOr<BackupList> ListDescriptions(const std::string& directory);

}  // namespace ordinate
