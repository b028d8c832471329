#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/index/segment_builder.h"
#include "engine/segment/row_class.h"
#include "engine/shard/shard_index.h"

namespace ordinate {

SegmentBuilder::RowClass BuilderClass(RowClass row_class);

/// Adds the rows of `inputs` that are not masked to `builder`. Returns the nodes of the first
/// segment that stay, for SegmentBuilder::GrowFrom: those that a live row of any of the segments
/// has. A row whose other cells alone were changed has its newest version in a later segment under
/// the same vector, and is not inserted into the graph again. CANCELLED; DATA_LOSS.
absl::StatusOr<std::vector<uint32_t>> AddMergedRows(
    const std::vector<IndexSnapshot::Sealed>& inputs, const CallContext& context,
    SegmentBuilder& builder);

}  // namespace ordinate
