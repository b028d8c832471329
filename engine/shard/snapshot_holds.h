#pragma once

#include <cstdint>
#include <list>
#include <memory>

#include "engine/shard/shard_snapshot.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// Snapshots kept for the next page of an answer (contract 2.6). Each keeps old row versions and
/// replaced index files alive, so they are few and end by themselves. Thread-safe.
class SnapshotHolds {
 public:
  static constexpr int64_t kHoldNanos = 300ll * 1'000'000'000;
  static constexpr size_t kMaxHeld = 256;

  explicit SnapshotHolds(const Clock& clock, size_t max_held = kMaxHeld);

  /// Holds it for kHoldNanos, giving up the one used longest ago when there are too many. Returns
  /// its id, which no earlier process gave out either.
  uint64_t Hold(std::shared_ptr<const ShardSnapshot> snapshot) ORDINATE_EXCLUDES(mutex_);
  /// A held snapshot, for another kHoldNanos; null when it is gone.
  std::shared_ptr<const ShardSnapshot> Find(uint64_t id) ORDINATE_EXCLUDES(mutex_);
  void Release(uint64_t id) ORDINATE_EXCLUDES(mutex_);
  /// Gives up what has expired. Called now and then, so that an idle shard lets go too.
  void Expire() ORDINATE_EXCLUDES(mutex_);
  size_t size() const ORDINATE_EXCLUDES(mutex_);

 private:
  struct Held {
    uint64_t id = 0;
    int64_t until_nanos = 0;
    std::shared_ptr<const ShardSnapshot> snapshot;
  };
  using List = std::list<Held>;  // soonest to expire first

  /// Moves what expired to `gone`, to be destroyed without the lock.
  void TakeExpired(List& gone) ORDINATE_REQUIRES(mutex_);

  const Clock& clock_;
  const size_t max_held_;
  mutable Mutex mutex_;
  List held_ ORDINATE_GUARDED_BY(mutex_);
  uint64_t next_id_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
