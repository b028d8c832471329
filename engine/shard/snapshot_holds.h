#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "engine/shard/shard_client.h"
#include "engine/shard/shard_snapshot.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// Snapshots kept for the next page of an answer, or the rest of a call. Each keeps old row
/// versions and replaced index files alive, so they are few and end by themselves. Thread-safe.
class SnapshotHolds {
 public:
  static constexpr int64_t kPageNanos = 300ll * 1'000'000'000;
  static constexpr int64_t kCallNanos = 86'400ll * 1'000'000'000;  // if the caller is lost
  static constexpr size_t kMaxPages = 256;

  explicit SnapshotHolds(const Clock& clock, size_t max_pages = kMaxPages);

  /// Holds it from here on. Of pages, the one used longest ago is given up when there are too many.
  /// Returns its id, which no earlier process gave out either. REQUIRES: `why` is not kNothing.
  uint64_t Hold(std::shared_ptr<const ShardSnapshot> snapshot, HoldFor why)
      ORDINATE_EXCLUDES(mutex_);
  /// A held snapshot, for its whole time again; null when it is gone.
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
  /// The list that holds it and its place; null: none does.
  std::pair<List*, List::iterator> Locate(uint64_t id) ORDINATE_REQUIRES(mutex_);

  /// Moves what expired to `gone`, to be destroyed without the lock.
  void TakeExpired(List& gone) ORDINATE_REQUIRES(mutex_);

  const Clock& clock_;
  const size_t max_pages_;
  mutable Mutex mutex_;
  List pages_ ORDINATE_GUARDED_BY(mutex_);
  List calls_ ORDINATE_GUARDED_BY(mutex_);
  uint64_t next_id_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
