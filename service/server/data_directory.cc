#include "service/server/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "service/backup/checked_json.h"
#include "service/server/version.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/durable_file.h"
#include "storage/files/file_error.h"
#include "storage/files/folder.h"

namespace ordinate {
namespace {

constexpr std::string_view kManifestName = "ordinate.json";
constexpr std::string_view kLockName = "LOCK";
constexpr int64_t kFormatVersion = 1;
constexpr uint64_t kMaxManifestBytes = 64 << 10;

std::string ManifestPath(const std::string& path) { return Concat(path, "/", kManifestName); }

absl::Status WithHint(const absl::Status& status, std::string_view hint) {
  return WithMessage(status, Concat(status.message(), "; ", hint));
}

absl::Status InUse(const std::string& path, int lock_fd) {
  char text[32] = {};
  const ssize_t got = ::pread(lock_fd, text, sizeof(text) - 1, 0);
  std::string holder = "another process";
  if (got > 0) {
    const std::string_view digits(text, static_cast<size_t>(got));
    const size_t end = digits.find_first_not_of("0123456789");
    const std::string_view pid = digits.substr(0, end);
    if (!pid.empty()) holder = Concat("process ", pid);
  }
  return absl::FailedPreconditionError(
      Concat("the data directory ", path, " is in use by ", holder,
             "; stop it, or choose another directory with --data-dir"));
}

/// A locked descriptor of the LOCK file, which it makes when it is missing. With `to_read` the
/// directory need not be writable; -1 when its disk is not and there is nothing to lock.
absl::StatusOr<int> Lock(const std::string& path, bool to_read) {
  const std::string file = Concat(path, "/", kLockName);
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 && to_read && (errno == EROFS || errno == EACCES)) {
    const bool read_only_disk = errno == EROFS;
    fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && read_only_disk) return -1;
  }
  if (fd < 0) {
    return WithHint(FileError(errno, "open for writing", file),
                    "the data directory must be writable by the user that runs the server");
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const absl::Status status =
        error == EWOULDBLOCK ? InUse(path, fd) : FileError(error, "lock", file);
    ::close(fd);
    return status;
  }
  // Only a help for the message of whoever comes second, so a failure does no harm.
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return fd;
}

/// What a fresh directory may hold: the lock, leftovers of a creation that a crash cut short, and
/// what file systems put at their root.
bool MayBeInFreshDirectory(std::string_view name) {
  return name == kLockName || name == "lost+found" || IsTemporaryName(name);
}

absl::Status CheckFresh(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!MayBeInFreshDirectory(name)) {
      return absl::FailedPreconditionError(
          Concat("the directory ", path, " holds '", name, "' but no ", kManifestName,
                 ", so it is not a data directory; choose an empty or a new directory"));
    }
  }
  if (error) return FileError(error.value(), "read directory", path);
  return absl::OkStatus();
}

absl::Status CheckShards(uint32_t shards) {
  if (shards >= 1 && shards <= kMaxShards) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("--shards is %d; it takes a whole number from 1 to %d", shards, kMaxShards));
}

absl::Status MakeDirectory(const std::string& path) {
  const absl::Status made = MakeFolders(path);
  return made.ok() ? made : WithHint(made, "choose another one with --data-dir");
}

std::string ShardName(uint32_t shard) { return absl::StrFormat("shard-%04d", shard); }

nlohmann::json Manifest(uint32_t shards, bool complete) {
  nlohmann::json manifest = {{"format_version", kFormatVersion},
                             {"shards", shards},
                             {"created_by", kVersionText},
                             {"complete", complete}};
  manifest["checksum"] = ChecksumOf(manifest);
  return manifest;
}

uint32_t CountShardFolders(const std::string& path) {
  uint32_t count = 0;
  std::error_code error;
  while (count < kMaxShards &&
         std::filesystem::is_directory(Concat(path, "/", ShardName(count)), error)) {
    ++count;
  }
  return count;
}

absl::Status BadManifest(const std::string& path, std::string_view problem) {
  const uint32_t shards = CountShardFolders(path);
  return absl::DataLossError(
      Concat("the file ", ManifestPath(path), " is damaged: ", problem,
             "; restore it from a backup. Of a directory with ", shards,
             " shards, which is as many shard-* folders as it has, it holds ",
             Manifest(shards, true).dump()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path,
                                                                   std::optional<uint32_t> shards,
                                                                   uint32_t default_shards) {
  if (path.empty()) {
    return absl::InvalidArgumentError("the data directory has no name; give one with --data-dir");
  }
  RETURN_IF_ERROR(MakeDirectory(path));
  std::error_code error;
  const bool exists = std::filesystem::exists(ManifestPath(path), error);
  if (error) return FileError(error.value(), "look at", ManifestPath(path));
  // Before the lock is made: a directory of something else is left as it is.
  if (!exists) RETURN_IF_ERROR(CheckFresh(path));
  ASSIGN_OR_RETURN(const int fd, Lock(path, /*to_read=*/false));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, fd));
  // Looked at again, since another process may have created it before the lock was taken.
  if (std::filesystem::exists(ManifestPath(path), error)) {
    RETURN_IF_ERROR(directory->ReadManifest());
    RETURN_IF_ERROR(directory->CheckFolders());
  } else {
    RETURN_IF_ERROR(CheckShards(shards.value_or(default_shards)));
    RETURN_IF_ERROR(directory->WriteManifest(shards.value_or(default_shards), false));
  }
  if (shards.has_value() && *shards != directory->shards_) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "--shards is %d, but the data directory %s was created with %d shards, and that number is "
        "fixed; leave --shards out, or say %d",
        *shards, path, directory->shards_, directory->shards_));
  }
  return directory;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::OpenExisting(
    const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(ManifestPath(path), error)) {
    return absl::NotFoundError(
        Concat("there is no data directory at ", path, ": it has no ", kManifestName));
  }
  ASSIGN_OR_RETURN(const int fd, Lock(path, /*to_read=*/true));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, fd));
  RETURN_IF_ERROR(directory->ReadManifest());
  if (!directory->complete_) {
    return absl::NotFoundError(Concat("the data directory ", path,
                                      " holds nothing yet: its creation was cut short; start a "
                                      "server on it to complete it, or remove it"));
  }
  return directory;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::MakeToRestore(const std::string& path,
                                                                            uint32_t shards) {
  RETURN_IF_ERROR(MakeDirectory(path));
  const auto check = [&path]() -> absl::Status {
    std::error_code error;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (name == "lost+found" || name == kLockName) continue;
      return absl::FailedPreconditionError(
          Concat("the directory ", path, " is not empty: it holds '", name,
                 "'; a backup is restored into an empty or a new directory, so choose another one "
                 "with --data-dir, or remove what a restore that was cut short left here"));
    }
    if (error) return FileError(error.value(), "read directory", path);
    return absl::OkStatus();
  };
  // Before the lock is made: a directory of something else is left as it is. After: another process
  // may have been first.
  RETURN_IF_ERROR(check());
  ASSIGN_OR_RETURN(const int fd, Lock(path, /*to_read=*/false));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, fd));
  RETURN_IF_ERROR(check());
  directory->shards_ = shards;
  return directory;
}

DataDirectory::~DataDirectory() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

std::string DataDirectory::CatalogPath() const { return path_ + "/catalog"; }

std::string DataDirectory::ShardPath(uint32_t shard) const {
  return Concat(path_, "/", ShardName(shard));
}

absl::Status DataDirectory::FinishCreation() {
  if (complete_) return absl::OkStatus();
  return WriteManifest(shards_, true);
}

absl::Status DataDirectory::WriteManifest(uint32_t shards, bool complete) {
  RETURN_IF_ERROR(WriteFileDurably(ManifestPath(path_), Manifest(shards, complete).dump(2) + "\n"));
  shards_ = shards;
  complete_ = complete;
  return SyncFolder(FolderOf(path_));
}

absl::Status DataDirectory::CheckFolders() const {
  if (!complete_) return absl::OkStatus();
  for (uint32_t shard = 0; shard < kMaxShards; ++shard) {
    std::error_code error;
    const bool found = std::filesystem::is_directory(ShardPath(shard), error);
    if (found == (shard < shards_)) continue;
    return absl::DataLossError(Concat(
        "the data directory ", path_, " was created with ", shards_, " shards, but its folder ",
        ShardName(shard), found ? " is one too many: " : " is missing: ",
        "put the folders back as they were, or restore the data directory from a backup"));
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::ReadManifest() {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(ManifestPath(path_), kMaxManifestBytes));
  const nlohmann::json manifest = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return BadManifest(path_, "it is not a JSON object");
  const auto format = manifest.find("format_version");
  if (format == manifest.end() || !format->is_number_integer()) {
    return BadManifest(path_, "format_version is missing or not a whole number");
  }
  if (*format != kFormatVersion) {
    return absl::FailedPreconditionError(Concat(
        "the data directory ", path_, " has format version ", format->dump(),
        "; this program knows version ", kFormatVersion, ", so open it with a newer program"));
  }
  const auto shards = manifest.find("shards");
  if (shards == manifest.end() || !shards->is_number_integer() || *shards < 1 ||
      *shards > kMaxShards) {
    return BadManifest(path_, "shards is missing or not a whole number from 1 to 256");
  }
  const auto complete = manifest.find("complete");
  if (complete == manifest.end() || !complete->is_boolean()) {
    return BadManifest(path_, "complete is missing or neither true nor false");
  }
  if (!HasItsChecksum(manifest)) {
    return BadManifest(path_, "its checksum does not match");
  }
  shards_ = shards->get<uint32_t>();
  complete_ = complete->get<bool>();
  return absl::OkStatus();
}

}  // namespace ordinate
