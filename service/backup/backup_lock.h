#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace ordinate {

/// The lock on a backup directory, among processes and within one. It leaves no file, so that a
/// read-only copy can be restored from.
class BackupLock {
 public:
  enum class Kind { kWriter, kReader };

  /// Does not wait. ABORTED: the directory is in use, by a writer, or by a reader where this is to
  /// be a writer. NOT_FOUND: there is no such directory. Others by FileError.
  static absl::StatusOr<BackupLock> Take(const std::string& directory, Kind kind);
  ~BackupLock();
  BackupLock(BackupLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  BackupLock& operator=(BackupLock&&) = delete;

 private:
  explicit BackupLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace ordinate
