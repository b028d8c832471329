#include "storage/vdata/checked_blocks.h"

#include <algorithm>

#include "storage/base/status_macros.h"
#include "storage/files/checksum.h"
#include "storage/vdata/damaged.h"
#include "storage/vdata/segment_format.h"

namespace ordinate::vdata {

void CheckedBlocks::Set(const MappedFile& file, std::string_view section, const void* data,
                        uint64_t bytes, std::span<const uint64_t> checksums) {
  file_ = &file;
  section_ = section;
  data_ = static_cast<const char*>(data);
  bytes_ = bytes;
  checksums_.assign(checksums.begin(), checksums.end());
  checked_ = std::make_unique<std::atomic<uint8_t>[]>(checksums_.size());
  left_.store(checksums_.size(), std::memory_order_relaxed);
}

absl::Status CheckedBlocks::Ensure(uint64_t begin, uint64_t end) {
  if (begin == end) return absl::OkStatus();
  for (uint64_t block = begin / kBlockBytes; block * kBlockBytes < end; ++block) {
    if (checked_[block].load(std::memory_order_relaxed) != 0) continue;
    if (absl::Status status = Check(block); !status.ok()) {
      found_damaged_.store(true, std::memory_order_relaxed);
      return status;
    }
    if (checked_[block].exchange(1, std::memory_order_relaxed) == 0) {
      left_.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckedBlocks::CheckAll() const {
  for (uint64_t block = 0; block < checksums_.size(); ++block) RETURN_IF_ERROR(Check(block));
  return absl::OkStatus();
}

absl::Status CheckedBlocks::Check(uint64_t block) const {
  const uint64_t begin = block * kBlockBytes;
  const uint64_t bytes = std::min(kBlockBytes, bytes_ - begin);
  RETURN_IF_ERROR(file_->Populate(static_cast<uint64_t>(data_ - file_->data()) + begin, bytes));
  if (Checksum64(data_ + begin, bytes) == checksums_[block]) return absl::OkStatus();
  return Damaged(file_->path(), "wrong checksum of section ", section_, ", block ", block);
}

}  // namespace ordinate::vdata
