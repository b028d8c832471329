#include "service/backup/restore.h"

#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/durable_file.h"
#include "storage/rocks/rocks_backup.h"
#include "storage/rows/row_store.h"

namespace ordinate {
namespace {

/// A part of a backup.
struct Part {
  std::string directory;
  StoreBackup store;
  std::string target;  // restoring
};

/// The catalog first: it is small.
std::vector<Part> PartsOf(const std::string& directory, const BackupDescription& backup) {
  std::vector<Part> parts = {{CatalogPartPath(directory), backup.catalog, ""}};
  for (size_t i = 0; i < backup.shards.size(); ++i) {
    parts.push_back({ShardPartPath(directory, i), backup.shards[i], ""});
  }
  return parts;
}

/// Tells of each part, then calls `work` for it, until it fails.
absl::Status ForEach(const std::vector<Part>& parts, const BackupPartFn& told,
                     const std::function<absl::Status(const Part&)>& work) {
  uint64_t done = 0;
  for (const Part& part : parts) {
    if (told) told(part.directory.substr(part.directory.rfind('/') + 1), done);
    RETURN_IF_ERROR(work(part));
    done += part.store.bytes;
  }
  return absl::OkStatus();
}

absl::Status CheckNewest(const std::string& path, const StoreBackup& backup) {
  ASSIGN_OR_RETURN(const ShardStore store, OpenShardStore(path, StoreMode::kReadOnly));
  if (store.log->last_seq() >= backup.sequence) return absl::OkStatus();
  return absl::DataLossError(Concat("the store restored to ", path, " ends at sequence ",
                                    store.log->last_seq(), ", and its backup at ", backup.sequence,
                                    "; restore another backup"));
}

}  // namespace

absl::Status RestoreBackup(const std::string& directory, const BackupDescription& backup,
                           const RestoreTarget& target, const BackupPartFn& told) {
  std::vector<Part> parts = PartsOf(directory, backup);
  parts[0].target = target.catalog;
  for (size_t i = 0; i < target.rows.size(); ++i) parts[i + 1].target = target.rows[i];
  const auto restore = [](const Part& part) -> absl::Status {
    RETURN_IF_ERROR(RestoreStoreBackup(part.directory, part.store.id, part.target));
    return SyncFolder(FolderOf(part.target));
  };
  RETURN_IF_ERROR(ForEach(parts, told, restore));
  for (size_t i = 0; i < target.rows.size(); ++i) {
    RETURN_IF_ERROR(CheckNewest(target.rows[i], backup.shards[i]));
  }
  return absl::OkStatus();
}

std::vector<std::string> VerifyBackup(const std::string& directory, const BackupDescription& backup,
                                      const BackupPartFn& told) {
  std::vector<std::string> problems;
  (void)ForEach(PartsOf(directory, backup), told, [&](const Part& part) {
    const absl::Status status = VerifyStoreBackup(part.directory, part.store.id);
    if (!status.ok()) problems.emplace_back(status.message());
    return absl::OkStatus();
  });
  return problems;
}

}  // namespace ordinate
