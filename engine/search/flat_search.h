#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "engine/search/exact_score.h"
#include "storage/base/context.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// Vectors one after another, `stride` floats from one to the next, of which `dim` count.
struct VectorBlock {
  const float* data = nullptr;
  uint32_t dim = 0;
  uint32_t stride = 0;
};

/// out[i] is the exact score (contract 2.3) of vector first + i. Checks `context` every few hundred
/// vectors. REQUIRES: scorer.query().size() == block.dim; out.size() >= last - first.
absl::Status ScoreExactly(const ExactScorer& scorer, const VectorBlock& block, uint32_t first,
                          uint32_t last, const CallContext& context, std::span<double> out);

/// As above over nodes [first, last) of a segment. `file`, when not null, is the file the segment
/// is mapped from, and its vector blocks are verified before they are read (DATA_LOSS).
absl::Status ScoreNodesExactly(const ExactScorer& scorer, const SegmentView& segment,
                               const SegmentFile* file, uint32_t first, uint32_t last,
                               const CallContext& context, std::span<double> out);

}  // namespace ordinate
