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

SnapshotHolds::SnapshotHolds(const Clock& clock, size_t max_pages)
    : clock_(clock), max_pages_(max_pages), next_id_(FirstId()) {}

uint64_t SnapshotHolds::Hold(std::shared_ptr<const ShardSnapshot> snapshot, HoldFor why) {
  List gone;
  MutexLock lock(mutex_);
  TakeExpired(gone);
  const bool page = why == HoldFor::kPage;
  while (page && pages_.size() >= max_pages_) gone.splice(gone.end(), pages_, pages_.begin());
  if (next_id_ == 0) ++next_id_;
  const uint64_t id = next_id_++;
  const int64_t until = clock_.MonotonicNanos() + (page ? kPageNanos : kCallNanos);
  (page ? pages_ : calls_).push_back({id, until, std::move(snapshot)});
  return id;
}

std::pair<SnapshotHolds::List*, SnapshotHolds::List::iterator> SnapshotHolds::Locate(uint64_t id) {
  for (List* list : {&pages_, &calls_}) {
    const auto found =
        std::find_if(list->begin(), list->end(), [id](const Held& held) { return held.id == id; });
    if (found != list->end()) return {list, found};
  }
  return {nullptr, {}};
}

std::shared_ptr<const ShardSnapshot> SnapshotHolds::Find(uint64_t id) {
  List gone;
  MutexLock lock(mutex_);
  TakeExpired(gone);
  const auto [list, found] = Locate(id);
  if (list == nullptr) return nullptr;
  found->until_nanos = clock_.MonotonicNanos() + (list == &pages_ ? kPageNanos : kCallNanos);
  list->splice(list->end(), *list, found);
  return found->snapshot;
}

void SnapshotHolds::Release(uint64_t id) {
  List gone;
  MutexLock lock(mutex_);
  const auto [list, found] = Locate(id);
  if (list != nullptr) gone.splice(gone.end(), *list, found);
}

void SnapshotHolds::Expire() {
  List gone;
  MutexLock lock(mutex_);
  TakeExpired(gone);
}

size_t SnapshotHolds::size() const {
  MutexLock lock(mutex_);
  return pages_.size() + calls_.size();
}

void SnapshotHolds::TakeExpired(List& gone) {
  const int64_t now = clock_.MonotonicNanos();
  for (List* list : {&pages_, &calls_}) {
    while (!list->empty() && list->front().until_nanos <= now) {
      gone.splice(gone.end(), *list, list->begin());
    }
  }
}

}  // namespace ordinate
