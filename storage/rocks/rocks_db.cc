#include "storage/rocks/rocks_db.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/folder.h"
#include "storage/rocks/rocks_disk.h"
#include "storage/rocks/rocks_log.h"

namespace ordinate {
namespace {

constexpr size_t kBlockCacheBytes = 64 << 20;
constexpr size_t kMaxWalBytes = 256 << 20;

// One cache for every database of the process: shards share it, whatever their number.
const std::shared_ptr<rocksdb::Cache>& SharedBlockCache() {
  static const auto* const cache =
      new std::shared_ptr<rocksdb::Cache>(rocksdb::NewLRUCache(kBlockCacheBytes));
  return *cache;
}

rocksdb::DBOptions DatabaseOptions(StoreMode mode, bool cut) {
  rocksdb::DBOptions options;
  options.create_if_missing = mode == StoreMode::kCreate;
  options.create_missing_column_families = mode == StoreMode::kCreate;
  options.paranoid_checks = true;
  // A record cut off at the end of the newest log is what a kill leaves: it was never
  // acknowledged. Damage anywhere else is an error. Point-in-time recovery instead drops, silently,
  // all that follows the damage: only where that is known to be nothing of worth.
  options.wal_recovery_mode = cut ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                  : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  // A backup compares what it copies with the checksum a file was written with, and need not read
  // files that an earlier backup has.
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  options.max_total_wal_size = kMaxWalBytes;
  options.max_background_jobs = 2;
  options.bytes_per_sync = 1 << 20;
  return options;
}

absl::Status NotWritable(absl::string_view why) {
  return absl::PermissionDeniedError(Concat(why, "; give a directory this process may write to"));
}

absl::Status DirectoryError(int error, std::string_view doing, std::string_view path) {
  const std::string message =
      Concat("cannot ", doing, " '", path, "': ", std::string(std::strerror(error)));
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EEXIST:
      return NotWritable(message);
    case ENOENT:
      return absl::NotFoundError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(Concat(message, "; free space on that disk"));
    default:
      return absl::InternalError(message);
  }
}

// Whether `path` holds data files. A creation that was cut short leaves none.
bool HasData(const std::string& path) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(path, error)) {
    const std::string name = file.path().filename().string();
    if (name.ends_with(".sst") || name.ends_with(".blob") || name.ends_with(".log")) return true;
  }
  return false;
}

absl::Status StoreMissing(std::string_view path) {
  return absl::DataLossError(Concat("the store in '", path,
                                    "' is missing; put this directory back as it was, or restore "
                                    "the data directory from a backup"));
}

bool IsDamage(const rocksdb::Status& status) {
  return status.IsCorruption() || status.IsNotSupported() || status.IsInvalidArgument() ||
         status.IsPathNotFound() || status.IsNotFound();
}

}  // namespace

absl::Status StoreDamaged(std::string_view path, std::string_view found) {
  return absl::DataLossError(Concat("the store in '", path, "' is damaged: ", found,
                                    "; stop the server and restore this directory from a backup, "
                                    "or from another replica"));
}

absl::Status FromRocks(std::string_view doing, std::string_view path,
                       const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (IsDamage(status)) return StoreDamaged(path, status.ToString());
  const std::string message = Concat("cannot ", doing, " '", path, "': ", status.ToString());
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(Concat(message, "; free space on that disk"));
  }
  return absl::InternalError(message);
}

rocksdb::BlockBasedTableOptions BaseTableOptions() {
  rocksdb::BlockBasedTableOptions options;
  options.block_cache = SharedBlockCache();
  options.format_version = 5;
  return options;
}

rocksdb::ColumnFamilyOptions BaseFamilyOptions(const rocksdb::BlockBasedTableOptions& table) {
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.force_consistency_checks = true;
  return options;
}

absl::StatusOr<std::unique_ptr<RocksDb>> RocksDb::Open(const std::string& path,
                                                       const std::vector<Family>& families,
                                                       StoreMode mode, const HoldsAll& holds_all) {
  std::unique_ptr<RocksDb> opened(new RocksDb(path, mode));
  if (mode != StoreMode::kReadOnly) RETURN_IF_ERROR(opened->Lock());
  RETURN_IF_ERROR(opened->CheckPresent());
  rocksdb::Status status = opened->OpenDatabase(families, /*cut=*/false);
  if (status.IsCorruption()) {
    std::unique_ptr<RocksDb> view(new RocksDb(path, StoreMode::kReadOnly));
    if (view->OpenDatabase(families, /*cut=*/true).ok()) {
      RETURN_IF_ERROR(holds_all(std::move(view)));
      rocksdb::Warn(
          MakeRocksLogger(path),
          "opened without the end of the log, which is damaged and holds nothing that was "
          "acknowledged: %s",
          status.ToString().c_str());
      status = opened->OpenDatabase(families, /*cut=*/true);
    }
  }
  RETURN_IF_ERROR(FromRocks("open the store in", path, status));
  return opened;
}

RocksDb::~RocksDb() {
  if (db_ != nullptr) {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close().PermitUncheckedError();
    db_.reset();
  }
  if (lock_ >= 0) ::close(lock_);
}

absl::Status RocksDb::Lock() {
  if (mode_ == StoreMode::kCreate) {
    // Also when it is there: what was made before a crash may not be durable.
    absl::Status made = MakeFolders(path_);
    if (made.ok()) made = SyncFolder(FolderOf(path_));
    if (absl::IsPermissionDenied(made) || absl::IsNotFound(made))
      return NotWritable(made.message());
    RETURN_IF_ERROR(made);
  }
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0 && errno == ENOENT) return StoreMissing(path_);
  if (lock_ < 0) return DirectoryError(errno, "open directory", path_);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return DirectoryError(errno, "lock directory", path_);
    return absl::FailedPreconditionError(
        Concat("the directory '", path_,
               "' is in use by another process or store; stop that one first, or give another "
               "directory"));
  }
  if (::access(path_.c_str(), W_OK) != 0) return DirectoryError(errno, "write to", path_);
  return absl::OkStatus();
}

absl::Status RocksDb::CheckPresent() const {
  std::error_code error;
  const bool exists = std::filesystem::exists(path_ + "/CURRENT", error);
  if (error) return DirectoryError(error.value(), "look into", path_);
  if (exists) return absl::OkStatus();
  if (HasData(path_)) return StoreDamaged(path_, "file 'CURRENT' is missing");
  if (mode_ == StoreMode::kReadOnly) {
    return absl::NotFoundError(Concat("there is no store in '", path_, "'"));
  }
  return mode_ == StoreMode::kExisting ? StoreMissing(path_) : absl::OkStatus();
}

rocksdb::Status RocksDb::OpenDatabase(const std::vector<Family>& families, bool cut) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  // RocksDB insists on a family of this name; it stays empty.
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  for (const Family& family : families) descriptors.emplace_back(family.name, family.options);
  rocksdb::DB* db = nullptr;
  rocksdb::DBOptions options = DatabaseOptions(mode_, cut);
  options.info_log = MakeRocksLogger(path_);
  log_guard_ = std::make_shared<LogGuard>(path_);
  env_ = rocksdb::NewCompositeEnv(log_guard_->Watch(RocksFileSystem()));
  options.env = env_.get();
  const rocksdb::Status status =
      mode_ == StoreMode::kReadOnly
          ? rocksdb::DB::OpenForReadOnly(options, path_, descriptors, &handles_, &db)
          : rocksdb::DB::Open(options, path_, descriptors, &handles_, &db);
  const rocksdb::Status failure = log_guard_->failure();
  if (!status.ok()) return failure.ok() ? status : failure;
  db_.reset(db);
  db_->DestroyColumnFamilyHandle(handles_.front());
  handles_.erase(handles_.begin());
  return failure;
}

absl::Status RocksDb::CheckWritable() const {
  if (mode_ != StoreMode::kReadOnly) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat("the store in '", path_, "' was opened read-only; reopen it for writing"));
}

absl::Status RocksDb::CheckLog() const {
  const rocksdb::Status failure = log_guard_->failure();
  if (failure.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat("the store in '", path_, "' takes no writes since one to its log failed: ",
             failure.ToString(), "; free or repair the disk and restart the server"));
}

absl::Status RocksDb::Error(std::string_view doing, const rocksdb::Status& status) const {
  const rocksdb::Status failure = log_guard_->failure();
  if (status.ok() || failure.ok()) return FromRocks(doing, path_, status);
  const absl::Status last = FromRocks(doing, path_, failure);
  return absl::Status(last.code(),
                      Concat(last.message(), "; no write is taken until the server is restarted"));
}

absl::Status RocksDb::Write(rocksdb::WriteBatch& batch, bool sync) const {
  MutexLock lock(log_mutex_);
  RETURN_IF_ERROR(CheckLog());
  rocksdb::WriteOptions options;
  options.sync = sync;
  return Error("write to the store in", db_->Write(options, &batch));
}

absl::Status RocksDb::StartFlush(rocksdb::ColumnFamilyHandle* family) const {
  MutexLock lock(log_mutex_);
  RETURN_IF_ERROR(CheckLog());
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // which those who write wait for, not this thread
  return Error("flush the store in", db_->Flush(options, family));
}

}  // namespace ordinate
