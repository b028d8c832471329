#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "storage/files/mapped_file.h"

namespace ordinate::vdata {

/// The blocks of one section of a mapped file, each checked against its checksum when it is first
/// asked for. Thread-safe once Set has returned.
class CheckedBlocks {
 public:
  /// `data` is mapped from `file`, which outlives this object. One checksum per kBlockBytes.
  void Set(const MappedFile& file, std::string_view section, const void* data, uint64_t bytes,
           std::span<const uint64_t> checksums);

  bool AllChecked() const { return left_.load(std::memory_order_relaxed) == 0; }

  /// The blocks that hold the bytes [begin, end), but for those found right before. DATA_LOSS names
  /// section and block.
  absl::Status Ensure(uint64_t begin, uint64_t end);
  /// Whether Ensure has said DATA_LOSS. Stays true.
  bool found_damaged() const { return found_damaged_.load(std::memory_order_relaxed); }

  /// Every block, found right before or not.
  absl::Status CheckAll() const;

 private:
  absl::Status Check(uint64_t block) const;

  // Constant once Set has returned. The checksums are a copy, so that checking a block touches no
  // page but the block's.
  const MappedFile* file_ = nullptr;
  std::string section_;
  const char* data_ = nullptr;
  uint64_t bytes_ = 0;
  std::vector<uint64_t> checksums_;

  // Synchronised: 1 once a block's checksum was found right, how many are not yet, and whether one
  // was found wrong. The bytes they speak of never change, so relaxed order does.
  std::unique_ptr<std::atomic<uint8_t>[]> checked_;
  std::atomic<uint64_t> left_{0};
  std::atomic<bool> found_damaged_{false};
};

}  // namespace ordinate::vdata
