#include "service/backup/backup_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "storage/base/text.h"
#include "storage/files/file_error.h"

namespace ordinate {

absl::StatusOr<BackupLock> BackupLock::Take(const std::string& directory, Kind kind) {
  BackupLock lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.fd_ < 0) return FileError(errno, "open directory", directory);
  const bool writer = kind == Kind::kWriter;
  if (::flock(lock.fd_, (writer ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return absl::AbortedError(
        Concat("the backup directory ", directory,
               " is in use: a backup is being made, deleted, verified or restored; try again when "
               "that is done"));
  }
  // Some file systems that are mounted read-only lock nothing, and then nobody writes.
  if (!writer) return lock;
  return FileError(errno, "lock directory", directory);
}

BackupLock::~BackupLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace ordinate
