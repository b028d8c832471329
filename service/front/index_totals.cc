#include "service/front/index_totals.h"

#include <algorithm>

#include "storage/base/text.h"

namespace ordinate {
namespace {

int Badness(IndexState state) {
  switch (state) {
    case IndexState::kReady:
      return 0;
    case IndexState::kStale:
      return 1;
    case IndexState::kBuilding:
      return 2;
    case IndexState::kFailed:
      return 3;
  }
  return 3;
}

// Of several shards, a text says which one speaks.
std::string Said(size_t shard, size_t shards, const std::string& text) {
  if (shards == 1 || text.empty()) return text;
  return Concat("shard ", shard, ": ", text);
}

void AddCounts(const ShardIndexStatus& shard, ShardIndexStatus& total) {
  total.rows_total += shard.rows_total;
  total.rows_indexed += shard.rows_indexed;
  total.rows_pending += shard.rows_pending;
  total.rows_null += shard.rows_null;
  total.rows_invalid += shard.rows_invalid;
  total.rows_deleted += shard.rows_deleted;
  total.bytes_memory += shard.bytes_memory;
  total.bytes_disk += shard.bytes_disk;
  total.lag_rows += shard.lag_rows;
  total.segments += shard.segments;
  total.tail_rows += shard.tail_rows;
}

}  // namespace

ShardIndexStatus TotalStatus(const std::vector<ShardIndexStatus>& shards) {
  ShardIndexStatus total;
  total.state = shards.front().state;
  total.reason = Said(0, shards.size(), shards.front().reason);
  total.generation = shards.front().generation;
  total.visible_seq = shards.front().visible_seq;
  bool same_reason = true, not_known = false;
  for (size_t i = 0; i < shards.size(); ++i) {
    const ShardIndexStatus& shard = shards[i];
    AddCounts(shard, total);
    if (shard.reason != shards.front().reason) same_reason = false;
    if (Badness(shard.state) > Badness(total.state)) {
      total.state = shard.state;
      total.reason = Said(i, shards.size(), shard.reason);
    }
    total.build_time_ms = std::max(total.build_time_ms, shard.build_time_ms);
    total.build_progress = std::min(total.build_progress, shard.build_progress);
    total.build_rows_per_second += shard.build_rows_per_second;
    total.build_left_micros = std::max(total.build_left_micros, shard.build_left_micros);
    not_known |= shard.build_progress < 1 && !shard.build_left_micros.has_value();
    total.generation = std::min(total.generation, shard.generation);
    total.visible_seq = std::min(total.visible_seq, shard.visible_seq);
    total.lag_micros = std::max(total.lag_micros, shard.lag_micros);
    if (total.last_error.empty()) total.last_error = Said(i, shards.size(), shard.last_error);
  }
  if (not_known) total.build_left_micros.reset();
  if (same_reason) total.reason = shards.front().reason;
  return total;
}

}  // namespace ordinate
