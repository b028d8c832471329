#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/segment/index_snapshot.h"
#include "engine/shard/shard_client.h"
#include "storage/base/context.h"

namespace ordinate {

/// Up to `count` different rows that the snapshot shows with a vector, each as likely as any other,
/// with the vectors they have there. The same snapshot, count and seed give the same. DATA_LOSS for
/// a damaged segment; CANCELLED and DEADLINE_EXCEEDED from `context`.
absl::StatusOr<std::vector<SampledVector>> SampleVectors(const IndexSnapshot& index, uint32_t count,
                                                         uint64_t seed, const CallContext& context);

}  // namespace ordinate
