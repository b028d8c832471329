// Writes that wait until a tail is shorter. Every query scans the tail of its index: whoever writes
// faster than tails are sealed and segments merged is slowed down to what they keep up with.
// Applier thread.
#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/shard/local_shard.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// A tail of so many seals holds back the writes of its table.
constexpr uint64_t kMostSeals = 16;
// So that writes of other tables find room: what is held takes this part of the queue at most.
constexpr uint64_t kMostOfQueue = 4;
constexpr uint64_t kRetryMillis = 1'000;

absl::Status TooManyHeld(const std::string& table, size_t held) {
  return WithRetryDelay(
      absl::ResourceExhaustedError(Concat("rows of table '", table,
                                          "' come faster than its indexes take them in, and ", held,
                                          " writes wait already. The write was not taken; try it "
                                          "again")),
      kRetryMillis);
}

}  // namespace

bool LocalShard::HoldsBack(uint32_t table_id) const {
  const uint64_t most = kMostSeals * options_.min_seal_rows;
  return std::ranges::any_of(indexes_, [&](const auto& one) {
    return one.second->definition().table_id == table_id &&
           one.second->IsBehind(most, options_.min_seal_rows);
  });
}

bool LocalShard::IsHeld(const WriteTask& write) const {
  return holds_writes_ && HoldsBack(write.table_id) && write.context->Check().ok();
}

void LocalShard::StopHoldingWrites() {
  Enqueue(Command([this] { holds_writes_ = false; }));
}

bool LocalShard::MayRelease() const {
  return std::ranges::any_of(
      held_, [this](const Task& task) { return !IsHeld(std::get<WriteTask>(task)); });
}

void LocalShard::TakeHeld(std::deque<Task>& tasks) {
  if (held_.empty()) return;
  tasks.insert(tasks.begin(), std::make_move_iterator(held_.begin()),
               std::make_move_iterator(held_.end()));
  held_.clear();
}

void LocalShard::HoldBack(std::deque<Task>& tasks) {
  const auto held = [this](const Task& task) {
    const auto* write = std::get_if<WriteTask>(&task);
    return write != nullptr && IsHeld(*write);
  };
  if (std::ranges::any_of(tasks, held)) {
    std::deque<Task> rest;
    uint64_t rows = 0, bytes = 0;  // held
    for (const Task& task : held_) {
      rows += std::get<WriteTask>(task).write.rows.size();
      bytes += std::get<WriteTask>(task).bytes;
    }
    for (Task& task : tasks) {
      if (!held(task)) {
        rest.push_back(std::move(task));
        continue;
      }
      auto& write = std::get<WriteTask>(task);
      const bool fits = held_.size() < options_.max_held_writes &&
                        rows + write.write.rows.size() <= options_.max_queued_rows / kMostOfQueue &&
                        bytes + write.bytes <= options_.max_queued_bytes / kMostOfQueue;
      if (fits || held_.empty()) {
        rows += write.write.rows.size();
        bytes += write.bytes;
        held_.push_back(std::move(task));
      } else {
        TakeFromQueue(write);
        write.done(TooManyHeld(tables_.find(write.table_id)->second.name, held_.size()));
      }
    }
    tasks.swap(rest);
  }
  MutexLock lock(queue_mutex_);
  held_writes_ = held_.size();
}

}  // namespace ordinate
