#include "engine/search/node_scan.h"

#include <algorithm>
#include <utility>

#include "engine/search/flat_search.h"
#include "engine/search/query_tiles.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// An estimate that leaves more than one node in so many was for nothing, and so many blocks after
// it go without one.
constexpr size_t kFew = 3;
constexpr uint32_t kBlocksWithout = 8;
// Distances that are looked at together.
constexpr uint32_t kGroup = 16;

// Appends the numbers, from `first` on, of the distances that are not `from` or more. Few are.
void FindNearer(std::span<const float> distances, float from, uint32_t first,
                std::vector<uint32_t>& found) {
  const auto count = static_cast<uint32_t>(distances.size());
  const auto look = [&](uint32_t i) {
    if (!(distances[i] >= from)) found.push_back(first + i);
  };
  uint32_t i = 0;
  for (; i + kGroup <= count; i += kGroup) {
    int any = 0;
    for (uint32_t j = 0; j < kGroup; ++j) any |= distances[i + j] >= from ? 0 : 1;
    if (any == 0) continue;
    for (uint32_t j = 0; j < kGroup; ++j) look(i + j);
  }
  for (; i < count; ++i) look(i);
}

}  // namespace

NodeScan::NodeScan(const SegmentView& segment, const SegmentFile* file, const ExactScorer& scorer,
                   const Kernels& kernels)
    : segment_(segment), file_(file), scorer_(scorer), kernels_(kernels) {
  if (scorer.metric() != segment.metric || !QueryTiles::Fits(segment, scorer.query())) return;
  auto query = PreparedQuery::Create(segment.metric, segment.dim, scorer.query());
  if (!query.ok()) return;
  const BestScore best(segment, *query, scorer.query());
  estimator_.emplace(Estimator{*std::move(query), best});
}

absl::StatusOr<std::span<const ScoredNode>> NodeScan::Score(uint32_t first, uint32_t last,
                                                            std::optional<double> beyond,
                                                            const CallContext& context) {
  out_.clear();
  if (!beyond.has_value() || !estimator_.has_value() || without_ > 0) {
    if (without_ > 0) --without_;
    RETURN_IF_ERROR(ScoreAll(first, last, context));
    return out_;
  }
  RETURN_IF_ERROR(context.Check());
  RETURN_IF_ERROR(Estimate(first, last, estimator_->best.DistanceFrom(*beyond)));
  if (found_.size() * kFew <= last - first) {
    ScoreFound();
    return out_;
  }
  without_ = kBlocksWithout;
  RETURN_IF_ERROR(ScoreAll(first, last, context));
  return out_;
}

absl::Status NodeScan::ScoreAll(uint32_t first, uint32_t last, const CallContext& context) {
  scores_.resize(last - first);
  RETURN_IF_ERROR(ScoreNodesExactly(scorer_, segment_, file_, first, last, context, scores_));
  for (uint32_t node = first; node < last; ++node) out_.push_back({node, scores_[node - first]});
  scored_ += out_.size();
  return absl::OkStatus();
}

absl::Status NodeScan::Estimate(uint32_t first, uint32_t last, float from) {
  distances_.resize(last - first);
  const NodeDistance distance(segment_, estimator_->query, file_, kernels_);
  RETURN_IF_ERROR(distance.ScoreRange(first, last, distances_));
  estimated_ += last - first;
  found_.clear();
  FindNearer(distances_, from, first, found_);
  return absl::OkStatus();
}

void NodeScan::ScoreFound() {
  for (const uint32_t node : found_) {
    out_.push_back({node, scorer_.Score(segment_.vectors.data() + size_t{node} * segment_.stride)});
  }
  scored_ += out_.size();
}

}  // namespace ordinate
