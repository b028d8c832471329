#pragma once

#include "absl/status/status.h"
#include "engine/index/graph_builder.h"
#include "storage/base/context.h"

namespace ordinate {

/// Makes every node reachable from the entry over level 0 alone. An HNSW graph need not be: where
/// many vectors are equally far from each other, lists are full before the last of them came. A
/// node that is not reached gets a link from one of those it links to, in a free slot or in place
/// of the link whose node most others lead to. What that cut off is mended
/// likewise, a few times. CANCELLED and DEADLINE_EXCEEDED from `context`.
absl::Status MakeReachable(const CallContext& context, Graph& graph);

}  // namespace ordinate
