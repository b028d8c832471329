#include "storage/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "storage/files/file_error.h"

namespace ordinate {
namespace {

constexpr uint64_t kPage = 4096;
constexpr int kMadvPopulateRead = 22;  // MADV_POPULATE_READ, Linux 5.14; absent in older headers

int Advise(const char* data, uint64_t offset, uint64_t bytes, int advice) {
  const uint64_t begin = offset / kPage * kPage;
  return madvise(const_cast<char*>(data) + begin, offset + bytes - begin, advice) == 0 ? 0 : errno;
}

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FileError(errno, "open", path);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a regular file"));
  }
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (size == 0) return MappedFile(path, nullptr, 0);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return FileError(errno, "map", path);
  return MappedFile(path, static_cast<const char*>(data), size);
}

MappedFile::MappedFile(std::string path, const char* data, uint64_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    Unmap();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() { Unmap(); }

void MappedFile::Unmap() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

void MappedFile::ReadAhead(uint64_t offset, uint64_t bytes) const {
  if (bytes > 0) Advise(data_, offset, bytes, MADV_WILLNEED);
}

absl::Status MappedFile::Populate(uint64_t offset, uint64_t bytes) const {
  if (bytes == 0) return absl::OkStatus();
  int error = EINTR;
  while (error == EINTR || error == EAGAIN) {
    error = Advise(data_, offset, bytes, kMadvPopulateRead);
  }
  if (error == EFAULT || error == EIO || error == EHWPOISON) {
    return absl::DataLossError(absl::StrCat("cannot read bytes ", offset, " to ", offset + bytes,
                                            " of '", path_, "': I/O error or truncated file"));
  }
  if (error != 0) ReadAhead(offset, bytes);
  return absl::OkStatus();
}

}  // namespace ordinate
