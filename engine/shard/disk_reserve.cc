#include "engine/shard/disk_reserve.h"

#include "storage/base/error_details.h"
#include "storage/base/text.h"
#include "storage/files/disk.h"

namespace ordinate {
namespace {

constexpr uint64_t kRetryMillis = 5'000;

}  // namespace

absl::Status DiskReserve::Check(uint64_t more) const {
  uint64_t free = 0;
  if (bytes_ + more == 0 || TheDisk().FreeBytes(directory_, &free) != 0) return absl::OkStatus();
  if (free >= bytes_ && free - bytes_ >= more) return absl::OkStatus();
  const std::string needed = more == 0 ? "" : Concat(" beside ", more, " for this");
  return WithRetryDelay(absl::ResourceExhaustedError(
                            Concat("the disk of '", directory_, "' has ", free, " bytes free, and ",
                                   bytes_, " are kept in reserve", needed,
                                   " (--disk-reserve-bytes); free space on it: reads go on, "
                                   "and writes and builds too once there is space")),
                        kRetryMillis);
}

absl::Status DiskReserve::CheckLeast() const {
  const uint64_t least = bytes_ / 4;
  uint64_t free = 0;
  if (least == 0 || TheDisk().FreeBytes(directory_, &free) != 0 || free >= least) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(Concat("the disk of '", directory_, "' has ", free,
                                             " bytes free; ", least,
                                             " are needed, a quarter of --disk-reserve-bytes"));
}

}  // namespace ordinate
