#pragma once

#include <memory>

#include "absl/status/status.h"
#include "engine/segment/sealed_segment.h"
#include "engine/shard/shard_client.h"
#include "storage/base/clock.h"
#include "storage/base/context.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Searches the segment, as an index would that consists of it, for vectors drawn from it by
/// `seed`, and compares with an exact scan. A FLAT segment is one. Errors: FAILED_PRECONDITION: the
/// mean recall@k is under the gate's; DATA_LOSS: the file is damaged; the context's. Any thread.
absl::Status CheckGate(const RebuildGate& gate, const IndexDef& index,
                       std::shared_ptr<const SealedSegment> segment, uint64_t seed,
                       const Clock& clock, const CallContext& context);

}  // namespace ordinate
