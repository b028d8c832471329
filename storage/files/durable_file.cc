#include "storage/files/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/files/disk.h"
#include "storage/files/file_error.h"
#include "storage/files/unique_name.h"

namespace ordinate {
namespace {

// Writes begin at multiples of this, the size of a huge page: the kernel then caches what is
// written in pieces as large, which a mapping can have as huge pages.
constexpr size_t kBufferBytes = 2 << 20;
constexpr size_t kMaxWriteBytes = 64 << 20;  // per system call, well under the kernel's 2 GiB limit
constexpr char kTemporaryMark[] = ".tmp-";
constexpr size_t kUuidLength = 36;

}  // namespace

bool IsTemporaryName(std::string_view name) {
  const std::string_view mark = kTemporaryMark;
  const size_t tail = mark.size() + kUuidLength;
  return name.size() > tail && name.substr(name.size() - tail, mark.size()) == mark;
}

absl::StatusOr<std::unique_ptr<DurableFileWriter>> DurableFileWriter::Create(
    const std::string& path) {
  std::string temporary = absl::StrCat(path, kTemporaryMark, NewUuid());
  const int fd = TheDisk().Open(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (fd < 0) return FileError(errno, "create", temporary);
  return std::unique_ptr<DurableFileWriter>(new DurableFileWriter(path, std::move(temporary), fd));
}

DurableFileWriter::DurableFileWriter(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {
  buffer_.reserve(kBufferBytes);
}

DurableFileWriter::~DurableFileWriter() {
  if (fd_ >= 0) TheDisk().Close(fd_);
  if (!renamed_) TheDisk().Remove(temporary_);
}

absl::Status DurableFileWriter::Fail(absl::Status status) {
  error_ = std::move(status);
  return error_;
}

absl::Status DurableFileWriter::WriteThrough(const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = TheDisk().Write(fd_, data, std::min(bytes, kMaxWriteBytes), written_);
    if (written < 0) {
      if (errno == EINTR) continue;
      return Fail(FileError(errno, "write", temporary_));
    }
    data += written;
    written_ += static_cast<uint64_t>(written);
    bytes -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

absl::Status DurableFileWriter::Flush() {
  RETURN_IF_ERROR(WriteThrough(buffer_.data(), buffer_.size()));
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status DurableFileWriter::Append(const void* data, size_t bytes) {
  RETURN_IF_ERROR(error_);
  if (fd_ < 0) return Fail(absl::FailedPreconditionError("the file is already committed"));
  bytes_ += bytes;
  const char* from = static_cast<const char*>(data);
  if (!buffer_.empty() || bytes < kBufferBytes) {
    const size_t part = std::min(bytes, kBufferBytes - buffer_.size());
    buffer_.insert(buffer_.end(), from, from + part);
    if (buffer_.size() == kBufferBytes) RETURN_IF_ERROR(Flush());
    from += part;
    bytes -= part;
  }
  const size_t rest = bytes % kBufferBytes;
  RETURN_IF_ERROR(WriteThrough(from, bytes - rest));
  buffer_.insert(buffer_.end(), from + (bytes - rest), from + bytes);
  return absl::OkStatus();
}

absl::Status DurableFileWriter::AppendZeros(size_t bytes) {
  static constexpr std::array<char, 4096> kZeros{};
  while (bytes > 0) {
    const size_t part = std::min(bytes, kZeros.size());
    RETURN_IF_ERROR(Append(kZeros.data(), part));
    bytes -= part;
  }
  return absl::OkStatus();
}

absl::Status DurableFileWriter::Commit() {
  RETURN_IF_ERROR(error_);
  if (fd_ < 0) return Fail(absl::FailedPreconditionError("the file is already committed"));
  RETURN_IF_ERROR(Flush());
  if (TheDisk().Sync(fd_) != 0) return Fail(FileError(errno, "sync", temporary_));
  if (TheDisk().Close(std::exchange(fd_, -1)) != 0)
    return Fail(FileError(errno, "close", temporary_));
  if (absl::Status renamed = RenameFile(temporary_, path_); !renamed.ok()) return Fail(renamed);
  renamed_ = true;
  if (absl::Status synced = SyncFolder(FolderOf(path_)); !synced.ok()) return Fail(synced);
  return absl::OkStatus();
}

absl::Status WriteFileDurably(const std::string& path, std::string_view content) {
  ASSIGN_OR_RETURN(std::unique_ptr<DurableFileWriter> writer, DurableFileWriter::Create(path));
  RETURN_IF_ERROR(writer->Append(content.data(), content.size()));
  return writer->Commit();
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, uint64_t max_bytes) {
  const int fd = TheDisk().Open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return FileError(errno, "open", path);
  const absl::Cleanup close_fd = [fd] { TheDisk().Close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a regular file"));
  }
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (size > max_bytes) {
    return absl::OutOfRangeError(
        absl::StrCat("'", path, "' has ", size, " bytes; at most ", max_bytes, " are read"));
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = TheDisk().Read(fd, content.data() + done, content.size() - done, done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  content.resize(done);
  return content;
}

}  // namespace ordinate
