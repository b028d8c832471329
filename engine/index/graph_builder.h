#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/index/aligned_floats.h"
#include "storage/base/context.h"
#include "storage/model/schema.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

struct GraphParams {
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  uint32_t stride = 0;  // floats from one vector to the next: StrideOf(dim)
  uint32_t m = 16;
  uint32_t ef_build = 200;
  uint32_t threads = 1;  // one thread makes the graph a function of the vectors and the seed
  uint64_t seed = 0;     // of the nodes' levels
};

/// A built graph; the owner of what GraphView borrows.
struct Graph {
  uint32_t degree0 = 0;
  uint32_t degree = 0;
  uint32_t entry = 0;
  uint32_t max_level = 0;
  AlignedLinks links0;
  std::vector<uint8_t> levels;
  std::vector<uint32_t> upper_offsets;
  std::vector<uint32_t> upper_links;

  /// Valid while this graph lives and is not moved from.
  GraphView view() const {
    return {degree0, degree, entry, max_level, links0, levels, upper_offsets, upper_links};
  }
};

/// Called between parts of a build, on the building thread.
using BuildProgress = std::function<void(uint32_t done, uint32_t total)>;

/// A finished graph that another one grows from.
struct GraphBase {
  GraphView graph;
  /// Its nodes that stay: kept[i] is node i of the new graph. The others are left out.
  std::span<const uint32_t> kept;
};

/// Builds the graph of a segment's distinct vectors. Stateless, thread-safe.
class GraphBuilder {
 public:
  virtual ~GraphBuilder() = default;

  /// `vectors`: nodes × stride floats, padding zero, finite, no two equal by bits. Zero, one or two
  /// nodes are graphs too. `progress` may be empty. Errors: `context`'s, seen within some thousand
  /// nodes; RESOURCE_EXHAUSTED when memory runs out; INVALID_ARGUMENT for parameters that do not
  /// fit; INTERNAL when a thread ends by an exception.
  virtual absl::StatusOr<Graph> Build(const GraphParams& params, std::span<const float> vectors,
                                      const CallContext& context,
                                      const BuildProgress& progress) const = 0;

  /// As Build, but takes over the links of `base`, mending those that led to nodes left out, and
  /// inserts the other nodes alone. Builds anew where that would be no worse: too many are left
  /// out, or the base has other parameters.
  virtual absl::StatusOr<Graph> Extend(const GraphParams& params, std::span<const float> vectors,
                                       const GraphBase& base, const CallContext& context,
                                       const BuildProgress& progress) const {
    (void)base;
    return Build(params, vectors, context, progress);
  }
};

/// The builder this program was built with, or FAILED_PRECONDITION when it was built without any.
absl::StatusOr<std::unique_ptr<GraphBuilder>> MakeGraphBuilder();

}  // namespace ordinate
