#include "engine/search/flat_search.h"

#include <algorithm>

#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

constexpr uint32_t kVectorsBetweenChecks = 256;

// Calls body(begin, end) for consecutive parts of [first, last), checking `context` before each.
template <typename Body>
absl::Status InParts(uint32_t first, uint32_t last, const CallContext& context, const Body& body) {
  for (uint32_t begin = first; begin < last;) {
    RETURN_IF_ERROR(context.Check());
    const uint32_t end = begin + std::min(last - begin, kVectorsBetweenChecks);
    RETURN_IF_ERROR(body(begin, end));
    begin = end;
  }
  return absl::OkStatus();
}

void ScorePart(const ExactScorer& scorer, const VectorBlock& block, uint32_t begin, uint32_t end,
               double* out) {
  scorer.ScoreRows(block.data + size_t{begin} * block.stride, block.stride, end - begin, out);
}

}  // namespace

absl::Status ScoreExactly(const ExactScorer& scorer, const VectorBlock& block, uint32_t first,
                          uint32_t last, const CallContext& context, std::span<double> out) {
  return InParts(first, last, context, [&](uint32_t begin, uint32_t end) {
    ScorePart(scorer, block, begin, end, out.data() + (begin - first));
    return absl::OkStatus();
  });
}

absl::Status ScoreNodesExactly(const ExactScorer& scorer, const SegmentView& segment,
                               const SegmentFile* file, uint32_t first, uint32_t last,
                               const CallContext& context, std::span<double> out) {
  const VectorBlock block{segment.vectors.data(), segment.dim, segment.stride};
  return InParts(first, last, context, [&](uint32_t begin, uint32_t end) -> absl::Status {
    if (file != nullptr) RETURN_IF_ERROR(file->EnsureVectors(begin, end));
    ScorePart(scorer, block, begin, end, out.data() + (begin - first));
    return absl::OkStatus();
  });
}

}  // namespace ordinate
