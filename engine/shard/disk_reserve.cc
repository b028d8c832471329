#include "engine/shard/disk_reserve.h"

#include "storage/base/error_details.h"
#include "storage/base/text.h"
#include "storage/files/disk.h"

namespace ordinate {
namespace {

constexpr uint64_t kRetryMillis = 5'000;

absl::Status Refuse(const std::string& why) {
  return WithRetryDelay(
      absl::ResourceExhaustedError(Concat(why,
                                          " (--disk-reserve-bytes); free space on it: reads go "
                                          "on, and writes and builds too once there is space")),
      kRetryMillis);
}

}  // namespace

absl::Status DiskReserve::Check() const {
  uint64_t free = 0;
  if (bytes_ == 0 || TheDisk().FreeBytes(directory_, &free) != 0 || free >= bytes_) {
    return absl::OkStatus();
  }
  return Refuse(Concat("the disk of '", directory_, "' has ", free, " bytes free, and ", bytes_,
                       " are kept in reserve"));
}

absl::StatusOr<DiskBooking> DiskReserve::Book(const std::string& job, uint64_t bytes) const {
  absl::StatusOr<DiskBooking> booking = bookings_.Book(job, bytes, directory_, bytes_);
  if (!booking.ok()) return Refuse(std::string(booking.status().message()));
  return booking;
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
