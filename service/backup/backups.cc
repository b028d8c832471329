#include "service/backup/backups.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "service/backup/backup_lock.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/durable_file.h"
#include "storage/files/file_error.h"
#include "storage/files/folder.h"
#include "storage/rocks/rocks_backup.h"

namespace ordinate {
namespace {

namespace fs = std::filesystem;

bool IsWithin(const fs::path& inner, const fs::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

absl::Status CheckApart(const std::string& directory, const std::string& data_dir) {
  std::error_code error;
  const fs::path backups = fs::canonical(directory, error);
  if (error) return FileError(error.value(), "look at", directory);
  const fs::path data = fs::canonical(data_dir, error);
  if (error) return FileError(error.value(), "look at", data_dir);
  if (IsWithin(backups, data) || IsWithin(data, backups)) {
    return absl::FailedPreconditionError(
        Concat("--backup-dir is ", directory, " and --data-dir is ", data_dir,
               "; neither may lie in the other, and the backups are best on another disk"));
  }
  if (fs::exists(backups / "ordinate.json", error)) {
    return absl::FailedPreconditionError(Concat(
        "--backup-dir is ", directory, ", which is a data directory; give one for backups alone"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backups>> Backups::Open(Options options,
                                                       std::vector<const Shard*> shards,
                                                       const Catalog& catalog) {
  // Also when it is there: what was made before a crash may not be durable.
  RETURN_IF_ERROR(MakeFolders(options.directory));
  RETURN_IF_ERROR(SyncFolder(FolderOf(options.directory)));
  RETURN_IF_ERROR(CheckApart(options.directory, options.data_dir));
  if (::access(options.directory.c_str(), W_OK) != 0) {
    return FileError(errno, "write to", options.directory);
  }
  return std::unique_ptr<Backups>(new Backups(std::move(options), std::move(shards), catalog));
}

absl::StatusOr<BackupDescription> Backups::CopyAll(const CallContext& context,
                                                   const ProgressFn& progress) const {
  BackupProgress state;
  state.parts = static_cast<uint32_t>(shards_.size()) + 1;
  const auto copy = [&](const std::string& path,
                        const auto& back_up) -> absl::StatusOr<StoreBackup> {
    state.part = fs::path(path).filename().string();
    const auto tell = [&](uint64_t bytes) -> absl::Status {
      state.bytes_copied += bytes;
      RETURN_IF_ERROR(context.Check());
      return progress ? progress(state) : absl::OkStatus();
    };
    RETURN_IF_ERROR(tell(0));
    ASSIGN_OR_RETURN(const StoreBackup made,
                     back_up(BackupTarget{path, options_.max_bytes_per_second, tell}));
    ++state.parts_done;
    return made;
  };
  BackupDescription backup;
  for (size_t i = 0; i < shards_.size(); ++i) {
    ASSIGN_OR_RETURN(const StoreBackup made,
                     copy(ShardPartPath(options_.directory, i), [&](const BackupTarget& target) {
                       return shards_[i]->BackUpRows(target);
                     }));
    backup.shards.push_back(made);
  }
  // Last: it then knows every table whose rows a shard's backup has, and every row id given.
  ASSIGN_OR_RETURN(backup.catalog,
                   copy(CatalogPartPath(options_.directory),
                        [&](const BackupTarget& target) { return catalog_.BackUp(target); }));
  RETURN_IF_ERROR(context.Check());
  return backup;
}

absl::StatusOr<BackupDescription> Backups::Create(uint64_t keep, const CallContext& context,
                                                  const ProgressFn& progress) {
  ASSIGN_OR_RETURN(const BackupLock lock,
                   BackupLock::Take(options_.directory, BackupLock::Kind::kWriter));
  ASSIGN_OR_RETURN(const BackupList list, List());
  RETURN_IF_ERROR(RemoveUnnamed());
  auto copied = CopyAll(context, progress);
  if (!copied.ok()) {
    // At the latest the next one removes it; what went wrong first is what counts.
    (void)RemoveUnnamed();
    return copied.status();
  }
  BackupDescription backup = *std::move(copied);
  backup.id = 1;
  if (!list.backups.empty()) backup.id = list.backups.back().id + 1;
  if (!list.unreadable.empty()) backup.id = std::max(backup.id, list.unreadable.back() + 1);
  backup.time_micros = options_.clock->NowMicros();
  backup.version = options_.version;
  // The folders' names before the file that stands for them.
  RETURN_IF_ERROR(SyncFolder(options_.directory));
  RETURN_IF_ERROR(WriteDescription(options_.directory, backup));

  const auto prune = [&]() -> absl::Status {
    const size_t total = list.backups.size() + 1;
    if (keep == 0 || total <= keep) return absl::OkStatus();
    for (size_t i = 0; i < total - keep; ++i) {
      RETURN_IF_ERROR(RemoveDescription(list.backups[i].id));
    }
    return RemoveUnnamed();
  };
  if (const absl::Status pruned = prune(); !pruned.ok()) {
    return WithMessage(pruned,
                       Concat("backup ", backup.id, " was made, but not all backups before ",
                              "it could be deleted: ", MessageOf(pruned)));
  }
  return backup;
}

absl::Status Backups::Delete(uint64_t id) {
  ASSIGN_OR_RETURN(const BackupLock lock,
                   BackupLock::Take(options_.directory, BackupLock::Kind::kWriter));
  RETURN_IF_ERROR(RemoveDescription(id));
  return RemoveUnnamed();
}

absl::Status Backups::RemoveDescription(uint64_t id) const {
  const std::string path = DescriptionPath(options_.directory, id);
  if (::unlink(path.c_str()) != 0) {
    if (errno != ENOENT) return FileError(errno, "remove", path);
    return WithResource(
        absl::NotFoundError(Concat("there is no backup ", id, " in ", options_.directory)),
        "backup", Concat(id));
  }
  return SyncFolder(options_.directory);
}

absl::Status Backups::RemoveUnnamed() const {
  ASSIGN_OR_RETURN(const BackupList list, List());
  if (!list.unreadable.empty()) return absl::OkStatus();
  std::set<uint32_t> catalogs;
  // There may be parts of more shards than this server has: of another server's backups.
  std::vector<std::set<uint32_t>> shards;
  std::error_code error;
  while (fs::is_directory(ShardPartPath(options_.directory, shards.size()), error)) {
    shards.emplace_back();
  }
  for (const BackupDescription& backup : list.backups) {
    catalogs.insert(backup.catalog.id);
    for (size_t i = 0; i < std::min(shards.size(), backup.shards.size()); ++i) {
      shards[i].insert(backup.shards[i].id);
    }
  }
  RETURN_IF_ERROR(KeepStoreBackups(CatalogPartPath(options_.directory), catalogs));
  for (size_t i = 0; i < shards.size(); ++i) {
    RETURN_IF_ERROR(KeepStoreBackups(ShardPartPath(options_.directory, i), shards[i]));
  }
  return absl::OkStatus();
}

}  // namespace ordinate
