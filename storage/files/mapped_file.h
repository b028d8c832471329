#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/files/mapping_guard.h"

namespace ordinate {

/// A whole regular file mapped read-only; unmapped at destruction. The file's bytes must not change
/// and it must not be truncated while mapped: files of ours are written once, under another name,
/// and only ever removed, which a mapping survives. Const methods are thread-safe.
///
/// Where the disk cannot deliver a page, Populate() says so; call it before first touching a range.
/// Reading such a page, at first touch or after it was evicted, gives zeros from then on, as
/// MappingGuard says, and lost() tells.
class MappedFile {
 public:
  /// NOT_FOUND and so on, by FileError; FAILED_PRECONDITION when it is no regular file.
  static absl::StatusOr<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::string& path() const { return path_; }
  /// Page-aligned, and a file of some MiB starts on a huge page's boundary; null for an empty file.
  const char* data() const { return data_; }
  uint64_t size() const { return size_; }

  /// Whether a page could not be read, so that what was read may be zeros. Stays true.
  bool lost() const { return guard_.lost(); }

  /// Starts reading [offset, offset + bytes) ahead; only a hint. REQUIRES: within the file.
  void ReadAhead(uint64_t offset, uint64_t bytes) const;

  /// Asks for huge pages under [offset, offset + bytes), for data that is read at random and all of
  /// which is wanted in memory: a file system whose page cache has large folios then maps 2 MiB
  /// with one entry of the TLB. Only a hint. REQUIRES: within the file.
  void PreferHugePages(uint64_t offset, uint64_t bytes) const;

  /// Says that [offset, offset + bytes) is read at random, a page here and there: nothing is to be
  /// read ahead. Only a hint. REQUIRES: within the file.
  void ExpectRandomReads(uint64_t offset, uint64_t bytes) const;

  /// Brings [offset, offset + bytes) into memory and the page table. DATA_LOSS on an I/O error or
  /// when the file has become shorter. On kernels before 5.14 it only reads ahead.
  /// REQUIRES: within the file.
  absl::Status Populate(uint64_t offset, uint64_t bytes) const;

 private:
  MappedFile(std::string path, const char* data, uint64_t size);
  static absl::StatusOr<const char*> Map(int fd, const std::string& path, uint64_t size);
  void Unmap();

  std::string path_;
  const char* data_ = nullptr;
  uint64_t size_ = 0;
  MappingGuard guard_;
};

}  // namespace ordinate
