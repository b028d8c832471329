// Rows of dropped tables, which go in the background. Applier thread.
#include <algorithm>
#include <utility>

#include "engine/shard/local_shard.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Entries between two turns of the applier: some milliseconds of work.
constexpr size_t kMaxRemoveStep = 1'024;
// Steps after which what was removed may be given back to the disk, which an older view prevents.
constexpr uint64_t kPublishSteps = 64;
// How long after a failure it is tried again.
constexpr int64_t kRetryNanos = 60'000'000'000;

bool IsSooner(const std::pair<const uint32_t, int64_t>& a,
              const std::pair<const uint32_t, int64_t>& b) {
  return a.second < b.second;
}

}  // namespace

std::optional<int64_t> LocalShard::RemovalDueNanos() const {
  if (unremoved_.empty() || !CheckReadOnly().ok()) return std::nullopt;
  return std::ranges::min_element(unremoved_, IsSooner)->second;
}

bool LocalShard::MayRemove() const {
  const std::optional<int64_t> due = RemovalDueNanos();
  return due.has_value() && *due <= options_.clock->MonotonicNanos();
}

void LocalShard::GiveBackRemoved() {
  const absl::Status status = rows_->GiveBackRemoved();
  if (status.ok()) return;
  Warn(Concat("the space of dropped tables comes back with later writes: ", status.message()));
}

void LocalShard::RemoveStep() {
  if (!MayRemove()) return;
  const auto next = std::ranges::min_element(unremoved_, IsSooner);
  const auto remove = [&]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(reserve_.CheckLeast());
    return rows_->RemoveTable(next->first, kMaxRemoveStep);
  };
  const absl::StatusOr<bool> more = remove();
  if (more.ok()) {
    if (!*more) unremoved_.erase(next);
    if (unremoved_.empty()) GiveBackRemoved();
    if (!*more || ++remove_steps_ % kPublishSteps == 0) Publish();
    return;
  }
  GiveBackRemoved();  // what was removed until now; it may be room for the rest
  if (absl::IsFailedPrecondition(more.status()) || absl::IsDataLoss(more.status())) {
    unremoved_.erase(next);
    Warn(Concat("rows of a dropped table are left for the next start: ", more.status().message()));
    return;
  }
  next->second = options_.clock->MonotonicNanos() + kRetryNanos;
  Warn(Concat("rows of a dropped table wait for a minute: ", more.status().message()));
}

}  // namespace ordinate
