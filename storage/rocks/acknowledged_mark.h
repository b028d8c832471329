#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ordinate {

/// A number that only grows, kept in a file beside a database: the newest write that was
/// acknowledged. RocksDB takes a damaged end of its log for one that a crash cut off; a database
/// that comes back behind its mark has lost acknowledged writes.
/// The file is 24 bytes, little-endian: magic "ORDACKED", the number, XXH3-64 of these 16 bytes.
/// Not thread-safe.
class AcknowledgedMark {
 public:
  /// Opens or creates `<directory>/ACKNOWLEDGED`. `read_only` never writes; without a file the
  /// number is 0. DATA_LOSS: the file is damaged.
  static absl::StatusOr<std::unique_ptr<AcknowledgedMark>> Open(const std::string& directory,
                                                                bool read_only);
  ~AcknowledgedMark();
  AcknowledgedMark(const AcknowledgedMark&) = delete;
  AcknowledgedMark& operator=(const AcknowledgedMark&) = delete;

  uint64_t value() const { return value_; }
  /// Whether the number was read, or set: without a file, or from an empty one, it is not.
  bool known() const { return known_; }

  /// DATA_LOSS for a database whose log is damaged while the number is not known.
  absl::Status Unknown() const;

  /// Records `value`, which is durable in the database already. Survives the process; reaches the
  /// disk with the kernel's next write-back, so after a power loss the mark may be older.
  absl::Status Set(uint64_t value);

 private:
  explicit AcknowledgedMark(std::string path) : path_(std::move(path)) {}
  absl::Status Load();

  const std::string path_;
  int file_ = -1;  // constant once open
  uint64_t value_ = 0;
  bool known_ = false;
};

}  // namespace ordinate
