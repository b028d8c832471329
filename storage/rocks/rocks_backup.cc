#include "storage/rocks/rocks_backup.h"

#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/utilities/stackable_db.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/rocks/rocks_db.h"

namespace ordinate {
namespace {

// How often progress is told. Smaller files are not told of.
constexpr uint64_t kProgressBytes = 1 << 20;
// The same while no byte is copied.
constexpr std::chrono::milliseconds kProgressWait(100);

// FromRocks speaks of the live store; these are failures of a backup of one.
absl::Status BackupError(std::string_view doing, std::string_view directory,
                         const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = Concat("cannot ", doing, " '", directory, "': ", status.ToString());
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(Concat(message, "; free space on that disk"));
  }
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound()) {
    return absl::DataLossError(message);
  }
  return absl::InternalError(message);
}

rocksdb::BackupEngineOptions EngineOptions(const std::string& directory) {
  rocksdb::BackupEngineOptions options(directory);
  options.share_table_files = true;
  options.share_files_with_checksum = true;
  options.sync = true;
  options.callback_trigger_interval_size = kProgressBytes;
  return options;
}

absl::StatusOr<std::unique_ptr<rocksdb::BackupEngine>> OpenEngine(
    const rocksdb::BackupEngineOptions& options, rocksdb::Env* env) {
  // The engine makes the last folder of the path alone.
  std::error_code error;
  std::filesystem::create_directories(options.backup_dir, error);
  rocksdb::BackupEngine* engine = nullptr;
  const rocksdb::Status status = rocksdb::BackupEngine::Open(options, env, &engine);
  std::unique_ptr<rocksdb::BackupEngine> opened(engine);
  RETURN_IF_ERROR(BackupError("open the backups in", options.backup_dir, status));
  return opened;
}

absl::StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(
    const std::string& directory) {
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  const rocksdb::Status status = rocksdb::BackupEngineReadOnly::Open(
      EngineOptions(directory), rocksdb::Env::Default(), &engine);
  std::unique_ptr<rocksdb::BackupEngineReadOnly> opened(engine);
  RETURN_IF_ERROR(BackupError("open the backups in", directory, status));
  return opened;
}

// The names of all files of all backups, relative to the directory.
std::set<std::string> FilesOf(const rocksdb::BackupEngine& engine) {
  std::vector<rocksdb::BackupInfo> backups;
  engine.GetBackupInfo(&backups, /*include_file_details=*/true);
  std::set<std::string> files;
  for (const rocksdb::BackupInfo& backup : backups) {
    for (const rocksdb::BackupFileInfo& file : backup.file_details) {
      files.insert(file.relative_filename);
    }
  }
  return files;
}

// Tells of progress, and stops the engine at the first error.
class ProgressTeller {
 public:
  ProgressTeller(const BackupTarget& target, rocksdb::BackupEngine& engine)
      : target_(target), engine_(engine) {}

  absl::Status Tell(uint64_t bytes) ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!target_.progress || !ended_.ok()) return ended_;
    ended_ = target_.progress(bytes);
    if (!ended_.ok()) engine_.StopBackup();
    return ended_;
  }

  absl::Status ended() const ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return ended_;
  }

 private:
  const BackupTarget& target_;
  rocksdb::BackupEngine& engine_;
  mutable Mutex mutex_;
  absl::Status ended_ ORDINATE_GUARDED_BY(mutex_);
};

// What the engine sees of the store. To list its files it syncs the log, which must not have
// failed.
class BackedUpStore final : public rocksdb::StackableDB {
 public:
  BackedUpStore(const RocksDb& rocks, ProgressTeller& teller)
      : StackableDB(std::shared_ptr<rocksdb::DB>(rocks.db(), [](rocksdb::DB*) {})),
        rocks_(rocks),
        teller_(teller) {}

  rocksdb::Status GetLiveFilesStorageInfo(
      const rocksdb::LiveFilesStorageInfoOptions& options,
      std::vector<rocksdb::LiveFileStorageInfo>* files) override {
    refused_ = List(options, files);
    return refused_.ok() ? rocksdb::Status::OK() : rocksdb::Status::Aborted();
  }

  /// Why its files were not listed, if so.
  const absl::Status& refused() const { return refused_; }

 private:
  absl::Status List(const rocksdb::LiveFilesStorageInfoOptions& options,
                    std::vector<rocksdb::LiveFileStorageInfo>* files) {
    while (!rocks_.log_mutex().TryLockFor(kProgressWait)) RETURN_IF_ERROR(teller_.Tell(0));
    MutexLock lock(rocks_.log_mutex(), std::adopt_lock);
    RETURN_IF_ERROR(rocks_.CheckLog());
    return rocks_.Error("list the files of the store in",
                        StackableDB::GetLiveFilesStorageInfo(options, files));
  }

  const RocksDb& rocks_;
  ProgressTeller& teller_;
  absl::Status refused_;  // by the thread that makes the backup
};

}  // namespace

absl::StatusOr<StoreBackup> BackUpStore(const RocksDb& rocks, const BackupTarget& target) {
  rocksdb::BackupEngineOptions options = EngineOptions(target.directory);
  options.backup_rate_limit = target.max_bytes_per_second;
  ASSIGN_OR_RETURN(const auto engine, OpenEngine(options, rocks.db()->GetEnv()));
  const std::set<std::string> before = FilesOf(*engine);

  ProgressTeller teller(target, *engine);
  rocksdb::CreateBackupOptions create;
  create.flush_before_backup = false;
  create.progress_callback = [&teller] { teller.Tell(kProgressBytes).IgnoreError(); };
  rocksdb::BackupID id = 0;
  BackedUpStore store(rocks, teller);
  const rocksdb::Status status = engine->CreateNewBackup(create, &store, &id);
  RETURN_IF_ERROR(teller.ended());
  RETURN_IF_ERROR(store.refused());
  RETURN_IF_ERROR(BackupError(Concat("back up the store in '", rocks.path(), "' into"),
                              target.directory, status));

  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(BackupError("read the new backup in", target.directory,
                              engine->GetBackupInfo(id, &info, /*include_file_details=*/true)));
  StoreBackup made{.id = id, .bytes = info.size};
  for (const rocksdb::BackupFileInfo& file : info.file_details) {
    if (!before.contains(file.relative_filename)) made.new_bytes += file.size;
  }
  return made;
}

absl::Status KeepStoreBackups(const std::string& directory, const std::set<uint32_t>& ids) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto engine,
                   OpenEngine(EngineOptions(directory), rocksdb::Env::Default()));
  std::vector<rocksdb::BackupInfo> backups;
  engine->GetBackupInfo(&backups);
  std::vector<rocksdb::BackupID> found;
  engine->GetCorruptedBackups(&found);
  for (const rocksdb::BackupInfo& backup : backups) found.push_back(backup.backup_id);
  for (const rocksdb::BackupID id : found) {
    if (ids.contains(id)) continue;
    RETURN_IF_ERROR(
        BackupError(Concat("delete backup ", id, " in"), directory, engine->DeleteBackup(id)));
  }
  return BackupError("remove leftovers in", directory, engine->GarbageCollect());
}

absl::Status VerifyStoreBackup(const std::string& directory, uint32_t id) {
  ASSIGN_OR_RETURN(const auto engine, OpenToRead(directory));
  return BackupError(Concat("verify backup ", id, " in"), directory,
                     engine->VerifyBackup(id, /*verify_with_checksum=*/true));
}

absl::Status RestoreStoreBackup(const std::string& directory, uint32_t id,
                                const std::string& store) {
  ASSIGN_OR_RETURN(const auto engine, OpenToRead(directory));
  std::error_code error;
  std::filesystem::create_directories(store, error);
  const rocksdb::Status status =
      engine->RestoreDBFromBackup(rocksdb::RestoreOptions(), id, store, store);
  // RocksDB 7.8 finds a damaged file here too, but verifying names it.
  if (status.IsCorruption()) RETURN_IF_ERROR(VerifyStoreBackup(directory, id));
  return BackupError(Concat("restore '", store, "' from backup ", id, " in"), directory, status);
}

}  // namespace ordinate
