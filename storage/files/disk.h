#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ordinate {

/// The calls by which this project's own files reach the disk. A failed one returns -1 and sets
/// errno, as the system call of its name does. Descriptors are the process's own, so that what was
/// opened can be mapped. (RocksDB has a seam of its own: storage/rocks/rocks_disk.h.) Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;

  virtual int Open(const std::string& path, int flags);  // creates with mode 0644
  virtual int Close(int fd);
  virtual ssize_t Read(int fd, void* data, size_t bytes, uint64_t offset);
  virtual ssize_t Write(int fd, const void* data, size_t bytes, uint64_t offset);
  /// Of a file, or of a folder: makes its names durable.
  virtual int Sync(int fd);
  virtual int Rename(const std::string& from, const std::string& to);
  /// A file or an empty folder.
  virtual int Remove(const std::string& path);
  virtual int MakeFolder(const std::string& path);
  /// The names in a folder, in no order.
  virtual int List(const std::string& path, std::vector<std::string>* names);
  /// Reads mapped pages, `data` page-aligned, of the file at `path` into memory (Linux 5.14).
  virtual int Populate(const std::string& path, const void* data, size_t bytes);
  /// What may be written beside `path` before the disk is full.
  virtual int FreeBytes(const std::string& path, uint64_t* bytes);
};

/// The operating system's, unless a test has put another in its place.
Disk& TheDisk();

/// For tests, while no file of ours is in use: null for the operating system's.
void SetDisk(Disk* disk);

}  // namespace ordinate
