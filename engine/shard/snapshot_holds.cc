#include "engine/shard/snapshot_holds.h"

#include <algorithm>
#include <random>
#include <utility>

namespace ordinate {
namespace {

// Ids start at a random place, so that a token from before a restart finds nothing.
uint64_t FirstId() {
  std::random_device random;
  return (uint64_t{random()} << 32 | random()) | 1;
}

}  // namespace

SnapshotHolds::SnapshotHolds(const Clock& clock, size_t max_held)
    : clock_(clock), max_held_(max_held), next_id_(FirstId()) {}

uint64_t SnapshotHolds::Hold(std::shared_ptr<const ShardSnapshot> snapshot) {
  List gone;
  MutexLock lock(mutex_);
  TakeExpired(gone);
  while (held_.size() >= max_held_) gone.splice(gone.end(), held_, held_.begin());
  if (next_id_ == 0) ++next_id_;
  held_.push_back({next_id_++, clock_.MonotonicNanos() + kHoldNanos, std::move(snapshot)});
  return held_.back().id;
}

std::shared_ptr<const ShardSnapshot> SnapshotHolds::Find(uint64_t id) {
  List gone;
  MutexLock lock(mutex_);
  TakeExpired(gone);
  const auto found =
      std::find_if(held_.begin(), held_.end(), [id](const Held& held) { return held.id == id; });
  if (found == held_.end()) return nullptr;
  found->until_nanos = clock_.MonotonicNanos() + kHoldNanos;
  held_.splice(held_.end(), held_, found);
  return found->snapshot;
}

void SnapshotHolds::Release(uint64_t id) {
  List gone;
  MutexLock lock(mutex_);
  const auto found =
      std::find_if(held_.begin(), held_.end(), [id](const Held& held) { return held.id == id; });
  if (found != held_.end()) gone.splice(gone.end(), held_, found);
}

void SnapshotHolds::Expire() {
  List gone;
  MutexLock lock(mutex_);
  TakeExpired(gone);
}

size_t SnapshotHolds::size() const {
  MutexLock lock(mutex_);
  return held_.size();
}

void SnapshotHolds::TakeExpired(List& gone) {
  const int64_t now = clock_.MonotonicNanos();
  while (!held_.empty() && held_.front().until_nanos <= now) {
    gone.splice(gone.end(), held_, held_.begin());
  }
}

}  // namespace ordinate
