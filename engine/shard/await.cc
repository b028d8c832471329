// What a question asks of freshness: answered at once where it can be, else by the applier once the
// index shows what is asked.
#include <algorithm>
#include <utility>

#include "engine/shard/local_shard.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

/// Null: the rows themselves answer.
const PublishedIndex* Find(const ShardSnapshot& snapshot, uint32_t index_id) {
  return index_id == 0 ? nullptr : snapshot.FindIndex(index_id);
}

/// What answers show at least from this snapshot on.
uint64_t ShownSeq(const ShardSnapshot& snapshot, uint32_t index_id) {
  const PublishedIndex* const index = Find(snapshot, index_id);
  if (index == nullptr) return snapshot.seq;
  return index->snapshot != nullptr ? index->snapshot->seq
                                    : index->RowsSeq(LagPolicy::kSkipTail, snapshot.seq);
}

absl::Status CheckBounds(const ShardAwait& await, const PublishedIndex& index, uint32_t shard,
                         int64_t now_micros) {
  const uint64_t rows = index.status.rows_pending;
  if (rows == 0) return absl::OkStatus();
  const auto micros =
      static_cast<uint64_t>(std::max<int64_t>(0, now_micros - index.oldest_pending_micros));
  const bool too_many = await.max_lag_rows.has_value() && rows > *await.max_lag_rows;
  const bool too_old = await.max_lag_micros.has_value() && micros > *await.max_lag_micros;
  if (!too_many && !too_old) return absl::OkStatus();
  return absl::FailedPreconditionError(
      Concat("index '", index.definition.name, "' lags behind on shard ", shard, ": ", rows,
             " rows wait, the oldest for ", micros / 1'000,
             " ms; that is more than the request's lag_policy FAIL allows"));
}

/// Why a REBUILD_ONLY index will not show `wanted` by itself, or not soon.
absl::Status NeedsRebuild(const PublishedIndex& index, uint64_t shown, uint64_t wanted) {
  const std::string is = index.next_mode.has_value()
                             ? Concat("goes over to ", FreshnessModeName(*index.next_mode),
                                      " by a build that has failed, see its last error;")
                             : "is REBUILD_ONLY";
  return absl::FailedPreconditionError(
      Concat("index '", index.definition.name, "' ", is, " and shows writes up to sequence ", shown,
             "; ", wanted, " is asked for: REBUILD it, or ask with lag_policy SCAN_TAIL"));
}

// Each holds one of the calls that a server takes at a time.
constexpr uint32_t kMostWaiters = 64;
constexpr uint64_t kRetryMillis = 100;

absl::Status TooManyWait(uint32_t shard) {
  return WithRetryDelay(absl::ResourceExhaustedError(
                            Concat(kMostWaiters, " calls wait on shard ", shard,
                                   " already for what its indexes show, the most at a time")),
                        kRetryMillis);
}

}  // namespace

void LocalShard::Await(const ShardAwait& await, const CallContext& context, Done<uint64_t> done) {
  if (absl::Status status = context.Check(); !status.ok()) return done(std::move(status));
  const std::shared_ptr<const ShardSnapshot> snapshot = Current();
  const PublishedIndex* const index = Find(*snapshot, await.index_id);
  const bool lags = index != nullptr && (index->snapshot != nullptr || index->rows_seq.has_value());
  if (lags && await.policy == LagPolicy::kFail) {
    absl::Status lag = CheckBounds(await, *index, options_.shard, options_.clock->NowMicros());
    if (!lag.ok()) return done(std::move(lag));
  }
  Waiter waiter{await.policy == LagPolicy::kScanTail ? 0 : await.index_id, await.min_seq, &context,
                std::move(done)};
  if (await.policy == LagPolicy::kWait) waiter.seq = std::max(waiter.seq, snapshot->seq);
  if (const auto known = Answer(*snapshot, waiter)) return waiter.done(*known);
  absl::Status refused = absl::UnavailableError("the server is shutting down");
  {
    MutexLock lock(queue_mutex_);
    if (!stopping_ && waiting_ < kMostWaiters) {
      ++waiting_;
      queue_.emplace_back(Command([this, waiter] { waiters_.push_back(waiter); }));
      queue_wake_.NotifyOne();
      return;
    }
    if (!stopping_) refused = TooManyWait(options_.shard);
  }
  waiter.done(std::move(refused));
}

std::optional<absl::StatusOr<uint64_t>> LocalShard::Answer(const ShardSnapshot& snapshot,
                                                           const Waiter& waiter) {
  const uint64_t shown = ShownSeq(snapshot, waiter.index_id);
  if (shown >= waiter.seq) return shown;
  if (absl::Status ended = waiter.context->Check(); !ended.ok()) return ended;
  const PublishedIndex* const index = Find(snapshot, waiter.index_id);
  if (index != nullptr && index->definition.mode == FreshnessMode::kRebuildOnly &&
      (!index->next_mode.has_value() || index->build == nullptr)) {
    return NeedsRebuild(*index, shown, waiter.seq);
  }
  return std::nullopt;
}

void LocalShard::TellWaiters() {
  if (waiters_.empty()) return;
  const std::shared_ptr<const ShardSnapshot> snapshot = Current();
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    if (auto answer = Answer(*snapshot, waiter)) {
      {
        MutexLock lock(queue_mutex_);
        --waiting_;
      }
      waiter.done(*std::move(answer));
    } else {
      waiters_.push_back(std::move(waiter));
    }
  }
}

}  // namespace ordinate
