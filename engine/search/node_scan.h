#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/search/exact_score.h"
#include "engine/search/node_distance.h"
#include "storage/base/context.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A node and its exact score.
struct ScoredNode {
  uint32_t node = 0;
  double score = 0;
};

/// An exact scan of a segment for one query, at the speed of memory. Where the caller can say from
/// which score on nodes are of no use, a block is estimated in f32 first, and those nodes alone are
/// scored exactly that the error of the estimate leaves in question: four times fewer operations
/// than f64 takes. Copies are scans of their own, of the same query. One thread at a time.
class NodeScan {
 public:
  /// Borrows everything. `file`, when not null, is the file the segment is mapped from: the blocks
  /// of its vectors are verified before they are read. REQUIRES: the scorer's query has the
  /// segment's dim; its metric may be another.
  NodeScan(const SegmentView& segment, const SegmentFile* file, const ExactScorer& scorer,
           const Kernels& kernels = BestKernels());

  /// Nodes of [first, last) with their exact scores, by number: at least those whose score is
  /// better than `beyond`, under the scorer's metric; all without one. Until the next call.
  /// DATA_LOSS from the file. REQUIRES: last - first is some hundreds: `context` is checked once.
  absl::StatusOr<std::span<const ScoredNode>> Score(uint32_t first, uint32_t last,
                                                    std::optional<double> beyond,
                                                    const CallContext& context);

  /// Nodes estimated, and scored exactly, so far.
  uint64_t estimated() const { return estimated_; }
  uint64_t scored() const { return scored_; }

 private:
  struct Estimator {
    PreparedQuery query;
    BestScore best;
  };

  absl::Status ScoreAll(uint32_t first, uint32_t last, const CallContext& context);
  absl::Status Estimate(uint32_t first, uint32_t last, float from);
  void ScoreFound();

  const SegmentView& segment_;
  const SegmentFile* const file_;
  const ExactScorer& scorer_;
  const Kernels& kernels_;
  std::optional<Estimator> estimator_;  // none: f32 cannot hold what it would sum up
  uint32_t without_ = 0;                // blocks that are not estimated from here on
  uint64_t estimated_ = 0;
  uint64_t scored_ = 0;

  // Of a block.
  std::vector<float> distances_;
  std::vector<double> scores_;
  std::vector<uint32_t> found_;  // by an estimate
  std::vector<ScoredNode> out_;
};

}  // namespace ordinate
