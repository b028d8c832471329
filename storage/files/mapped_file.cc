#include "storage/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/files/disk.h"
#include "storage/files/file_error.h"

namespace ordinate {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kHugePage = 2 << 20;

int Advise(const char* data, uint64_t offset, uint64_t bytes, int advice) {
  const uint64_t begin = offset / kPage * kPage;
  return madvise(const_cast<char*>(data) + begin, offset + bytes - begin, advice) == 0 ? 0 : errno;
}

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const int fd = TheDisk().Open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return FileError(errno, "open", path);
  const absl::Cleanup close_fd = [fd] { TheDisk().Close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a regular file"));
  }
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (size == 0) return MappedFile(path, nullptr, 0);
  ASSIGN_OR_RETURN(const char* data, Map(fd, path, size));
  return MappedFile(path, data, size);
}

// A huge page maps 2 MiB of the file that start at a multiple of it, at an address that does.
absl::StatusOr<const char*> MappedFile::Map(int fd, const std::string& path, uint64_t size) {
  char* place = nullptr;
  if (size >= kHugePage) {
    // Reserve more than is needed, and give back what lies around the aligned part.
    const uint64_t reserved = size + kHugePage;
    void* const start =
        mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return FileError(errno, "map", path);
    char* const begin = static_cast<char*>(start);
    const uint64_t before = -reinterpret_cast<uintptr_t>(begin) % kHugePage;
    const uint64_t used = (size + kPage - 1) / kPage * kPage;
    place = begin + before;
    if (before > 0) munmap(begin, before);
    munmap(place + used, reserved - before - used);
  }
  void* const data =
      mmap(place, size, PROT_READ, MAP_SHARED | (place == nullptr ? 0 : MAP_FIXED), fd, 0);
  if (data != MAP_FAILED) return static_cast<const char*>(data);
  const int error = errno;
  if (place != nullptr) munmap(place, size);
  return FileError(error, "map", path);
}

MappedFile::MappedFile(std::string path, const char* data, uint64_t size)
    : path_(std::move(path)), data_(data), size_(size) {
  if (size > 0) guard_ = MappingGuard(data, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      guard_(std::move(other.guard_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    Unmap();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    guard_ = std::move(other.guard_);
  }
  return *this;
}

MappedFile::~MappedFile() { Unmap(); }

void MappedFile::Unmap() {
  guard_ = MappingGuard();  // first: the addresses may be another mapping's at once
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

void MappedFile::ReadAhead(uint64_t offset, uint64_t bytes) const {
  if (bytes > 0) Advise(data_, offset, bytes, MADV_WILLNEED);
}

void MappedFile::PreferHugePages(uint64_t offset, uint64_t bytes) const {
  if (bytes > 0) Advise(data_, offset, bytes, MADV_HUGEPAGE);
}

void MappedFile::ExpectRandomReads(uint64_t offset, uint64_t bytes) const {
  if (bytes > 0) Advise(data_, offset, bytes, MADV_RANDOM);
}

absl::Status MappedFile::Populate(uint64_t offset, uint64_t bytes) const {
  if (bytes == 0) return absl::OkStatus();
  int error = EINTR;
  while (error == EINTR || error == EAGAIN) {
    const uint64_t begin = offset / kPage * kPage;
    error = TheDisk().Populate(path_, data_ + begin, offset + bytes - begin) == 0 ? 0 : errno;
  }
  if (error == EFAULT || error == EIO || error == EHWPOISON) {
    return absl::DataLossError(absl::StrCat("cannot read bytes ", offset, " to ", offset + bytes,
                                            " of '", path_, "': I/O error or truncated file"));
  }
  if (error != 0) ReadAhead(offset, bytes);
  return absl::OkStatus();
}

}  // namespace ordinate
