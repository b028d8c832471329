#include "engine/shard/disk_reserve.h"

#include "storage/base/error_details.h"
#include "storage/base/text.h"
#include "storage/files/disk.h"

namespace ordinate {
namespace {

constexpr uint64_t kRetryMillis = 5'000;

}  // namespace

absl::Status DiskReserve::Check(uint64_t more) const { return CheckFree(bytes_, more); }

absl::Status DiskReserve::CheckLeast() const { return CheckFree(bytes_ / 4, 0); }

absl::Status DiskReserve::CheckFree(uint64_t kept, uint64_t more) const {
  uint64_t free = 0;
  if (kept + more == 0 || TheDisk().FreeBytes(directory_, &free) != 0) return absl::OkStatus();
  if (free >= kept && free - kept >= more) return absl::OkStatus();
  const std::string needed = more == 0 ? "" : Concat(" beside ", more, " for this");
  return WithRetryDelay(
      absl::ResourceExhaustedError(Concat("the disk of '", directory_, "' has ", free,
                                          " bytes free, and ", kept, " are kept in reserve", needed,
                                          " (--disk-reserve-bytes); free space on it: reads go on, "
                                          "and writes and builds too once there is space")),
      kRetryMillis);
}

}  // namespace ordinate
