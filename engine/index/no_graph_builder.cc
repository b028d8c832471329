#include "absl/status/status.h"
#include "engine/index/graph_builder.h"

namespace ordinate {

absl::StatusOr<std::unique_ptr<GraphBuilder>> MakeGraphBuilder() {
  return absl::FailedPreconditionError(
      "this build has no HNSW engine: rebuild with -DORDINATE_WITH_HNSW=ON, or create the index "
      "with engine FLAT");
}

}  // namespace ordinate
