#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/files/folder.h"

namespace ordinate {

/// Writes one file so that its name only ever stands for a whole, durable file: the bytes go to a
/// fresh temporary name in the same folder, and Commit() syncs, renames and syncs the folder. Not
/// thread-safe.
class DurableFileWriter {
 public:
  /// Creates the temporary file "<path>.tmp-<uuid>". Errors by FileError.
  static absl::StatusOr<std::unique_ptr<DurableFileWriter>> Create(const std::string& path);
  /// Removes the temporary file unless Commit() succeeded.
  ~DurableFileWriter();
  DurableFileWriter(const DurableFileWriter&) = delete;
  DurableFileWriter& operator=(const DurableFileWriter&) = delete;

  /// After an error every later call returns that error.
  absl::Status Append(const void* data, size_t bytes);
  absl::Status AppendZeros(size_t bytes);
  /// Bytes appended so far.
  uint64_t bytes() const { return bytes_; }

  /// Makes the file durable under `path`, replacing what was there. When only the last step, the
  /// sync of the folder, fails, the file is whole under `path` but may be gone after a power loss.
  absl::Status Commit();

 private:
  DurableFileWriter(std::string path, std::string temporary, int fd);
  absl::Status Flush();
  absl::Status WriteThrough(const char* data, size_t bytes);
  absl::Status Fail(absl::Status status);

  const std::string path_;
  const std::string temporary_;
  int fd_;  // -1 once closed
  bool renamed_ = false;
  uint64_t bytes_ = 0;
  uint64_t written_ = 0;  // of these, by a system call
  absl::Status error_;
  std::vector<char> buffer_;
};

/// True for names that DurableFileWriter makes while writing. A start-up scan may remove such
/// files: they are leftovers of a crash.
bool IsTemporaryName(std::string_view name);

/// DurableFileWriter in one call.
absl::Status WriteFileDurably(const std::string& path, std::string_view content);

/// The whole content of a regular file. OUT_OF_RANGE, before memory is taken, when it is
/// longer than `max_bytes`; FAILED_PRECONDITION when it is no regular file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, uint64_t max_bytes);

}  // namespace ordinate
