#include "storage/files/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string_view>

namespace ordinate {
namespace {

constexpr int kMadvPopulateRead = 22;  // MADV_POPULATE_READ, Linux 5.14; absent in older headers

std::atomic<Disk*> other_disk{nullptr};

}  // namespace

Disk& TheDisk() {
  static Disk system;
  Disk* const other = other_disk.load(std::memory_order_acquire);
  return other == nullptr ? system : *other;
}

void SetDisk(Disk* disk) { other_disk.store(disk, std::memory_order_release); }

int Disk::Open(const std::string& path, int flags) {
  return ::open(path.c_str(), flags | O_CLOEXEC, 0644);
}

int Disk::Close(int fd) { return ::close(fd); }

ssize_t Disk::Read(int fd, void* data, size_t bytes, uint64_t offset) {
  return ::pread(fd, data, bytes, static_cast<off_t>(offset));
}

ssize_t Disk::Write(int fd, const void* data, size_t bytes, uint64_t offset) {
  return ::pwrite(fd, data, bytes, static_cast<off_t>(offset));
}

int Disk::Sync(int fd) { return ::fsync(fd); }

int Disk::Rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str());
}

int Disk::Remove(const std::string& path) { return ::remove(path.c_str()); }

int Disk::MakeFolder(const std::string& path) { return ::mkdir(path.c_str(), 0777); }

int Disk::List(const std::string& path, std::vector<std::string>* names) {
  DIR* const folder = ::opendir(path.c_str());
  if (folder == nullptr) return -1;
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names->emplace_back(name);
  }
  const int error = errno;
  ::closedir(folder);
  errno = error;
  return error == 0 ? 0 : -1;
}

int Disk::Populate(const std::string&, const void* data, size_t bytes) {
  return ::madvise(const_cast<void*>(data), bytes, kMadvPopulateRead);
}

int Disk::FreeBytes(const std::string& path, uint64_t* bytes) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) return -1;
  *bytes = uint64_t{info.f_bavail} * info.f_frsize;
  return 0;
}

}  // namespace ordinate
