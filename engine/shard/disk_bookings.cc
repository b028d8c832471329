#include "engine/shard/disk_bookings.h"

#include <utility>

#include "storage/base/text.h"
#include "storage/files/disk.h"

namespace ordinate {

DiskBooking::DiskBooking(DiskBooking&& other) noexcept
    : of_(std::exchange(other.of_, nullptr)), bytes_(other.bytes_), number_(other.number_) {}

DiskBooking::~DiskBooking() {
  if (of_ != nullptr) of_->Release(bytes_, number_);
}

absl::StatusOr<DiskBooking> DiskBookings::Book(const std::string& job, uint64_t bytes,
                                               const std::string& directory, uint64_t reserve) {
  MutexLock lock(mutex_);
  // Asked under the lock: a job that ends meanwhile has its bytes in the one sum or the other.
  uint64_t free = 0;
  const bool known = TheDisk().FreeBytes(directory, &free) == 0;
  if (next_.has_value() && clock_.MonotonicNanos() >= next_->until_nanos) next_.reset();
  const bool is_next = next_.has_value() && next_->job == job;
  const auto has_room = [&](uint64_t more) {
    return !known || (free >= reserve && free - reserve >= more);
  };
  // Room for a next one that the disk has not is kept in vain.
  const bool leaves_next = !next_.has_value() || is_next || !has_room(next_->bytes) ||
                           has_room(next_->bytes + next_->booked_since + bytes);
  const bool alone = has_room(bytes);
  if (alone && (bytes == 0 || (has_room(booked_ + bytes) && leaves_next))) {
    if (is_next) next_.reset();
    if (next_.has_value()) next_->booked_since += bytes;
    booked_ += bytes;
    return DiskBooking(*this, bytes, ++numbers_);
  }
  const std::string next = leaves_next ? "" : Concat(" and ", next_->bytes, " for the next");
  const std::string others = alone ? Concat(" and ", booked_, " for jobs at work", next) : "";
  NoteRefused(job, bytes, alone);
  return absl::ResourceExhaustedError(
      Concat("the disk of '", directory, "' has ", free, " bytes free, and ", reserve,
             " are kept in reserve beside ", bytes, " for this", others));
}

void DiskBookings::NoteRefused(const std::string& job, uint64_t bytes, bool alone) {
  const bool is_next = next_.has_value() && next_->job == job;
  if (!alone) {
    if (is_next) next_.reset();
    return;
  }
  if (!next_.has_value()) next_ = Next{.job = job, .number = ++numbers_};
  if (next_->job != job) return;
  next_->bytes = bytes;
  next_->until_nanos = clock_.MonotonicNanos() + kNextNanos;
}

void DiskBookings::Release(uint64_t bytes, uint64_t number) {
  MutexLock lock(mutex_);
  booked_ -= bytes;
  if (next_.has_value() && number > next_->number) next_->booked_since -= bytes;
}

}  // namespace ordinate
