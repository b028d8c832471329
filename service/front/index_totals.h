#pragma once

#include <vector>

#include "engine/shard/shard_client.h"

namespace ordinate {

/// The status of an index over all its shards: the worst state (FAILED before BUILDING before
/// STALE before READY) with that shard's reason, the sums of counts, bytes and segments, the
/// longest build time, the least progress and generation, the greatest lag in time. REQUIRES: not
/// empty.
ShardIndexStatus TotalStatus(const std::vector<ShardIndexStatus>& shards);

}  // namespace ordinate
