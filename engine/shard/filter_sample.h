#pragma once

#include <span>

#include "absl/status/status.h"
#include "engine/query/filter.h"
#include "engine/query/plan.h"
#include "engine/segment/index_snapshot.h"
#include "storage/base/context.h"

namespace ordinate {

/// Tries `filter` on rows of the index at a fixed stride, and adds to `probe` how many of all its
/// rows match by that.
void SampleFilter(const IndexSnapshot& index, const Filter& filter, ShardProbe& probe);

/// Tries `filter` on some nodes near `vector` in each graph, and adds what it found to
/// `probe`, to which SampleFilter added before. Errors: `context`'s; DATA_LOSS from a segment's
/// file.
absl::Status SampleNearby(const IndexSnapshot& index, const Filter& filter,
                          std::span<const float> vector, const CallContext& context,
                          ShardProbe& probe);

}  // namespace ordinate
