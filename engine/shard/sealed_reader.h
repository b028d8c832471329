#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/search/node_distance.h"
#include "engine/search/node_scan.h"
#include "engine/segment/index_snapshot.h"
#include "engine/segment/part_cells.h"
#include "engine/segment/part_matcher.h"
#include "engine/shard/rank.h"
#include "storage/base/status_macros.h"

namespace ordinate {

/// One sealed segment as a query sees it.
class SealedReader {
 public:
  /// Of the rows that match, the vectors of those so many ahead are fetched.
  static constexpr size_t kFetchAhead = 8;

  /// `number`: the segment's in the snapshot.
  SealedReader(const IndexSnapshot::Sealed& part, size_t number, const RankJob& job)
      : part_(part),
        number_(number),
        view_(part.segment->view()),
        query_(job.query),
        job_(job),
        matcher_(job.query.filter.has_value()
                     ? std::make_shared<const PartMatcher>(*job.query.filter, part)
                     : nullptr),
        cells_(part) {}

  bool IsLive(uint32_t row) const { return !part_.masked.Test(row); }
  bool IsMatch(uint32_t row) const {
    return IsLive(row) && (matcher_ == nullptr || matcher_->Matches(row));
  }

  /// Brings into the cache what IsMatch reads of the row.
  void PrefetchCells(uint32_t row) const {
    if (matcher_ != nullptr) matcher_->Prefetch(row);
  }

  void Offer(uint32_t row, const std::optional<double>& score, RankSink& sink) {
    if (!IsWanted(query_, view_.row_ids[row], score) || !sink.CouldEnter(score)) return;
    RankedRow ranked;
    ranked.score = score;
    ranked.id = view_.row_ids[row];
    cells_.MoveTo(row);
    ranked.version = cells_.version();
    ranked.place = SealedPlace{number_, row}.Note();
    job_.order.ReadKeys(cells_, ranked);
    sink.Offer(std::move(ranked));
  }

  absl::StatusOr<double> Score(uint32_t node) {
    RETURN_IF_ERROR(part_.segment->file().EnsureVectors(node, node + 1));
    return job_.scorer.Score(view_.vectors.data() + size_t{node} * view_.stride);
  }

  /// Scores the node once, if it has live matching rows, and offers them. The score, if there is
  /// one, goes to `score_out`.
  absl::Status OfferNode(uint32_t node, RankSink& sink, uint64_t& rescored,
                         std::optional<double>* score_out = nullptr) {
    std::optional<double> score;
    for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
      if (IsMatch(row)) RETURN_IF_ERROR(OfferScored(node, row, score, sink, rescored));
    }
    if (score_out != nullptr) *score_out = score;
    return absl::OkStatus();
  }

  /// Brings into the cache what OfferNode reads of the node.
  void Fetch(uint32_t node) const {
    __builtin_prefetch(view_.node_rows.data() + node);
    PrefetchLines(view_.vectors.data() + size_t{node} * view_.stride,
                  std::min<size_t>(size_t{view_.dim} * sizeof(float), kFetchBytes));
  }

  /// And the cells of its first row.
  void FetchCells(uint32_t node) const { PrefetchCells(view_.node_rows[node]); }

  /// OfferNode for the nodes [first, last), but for such as no answer can have that `sink`, or the
  /// one that it is a fork of, is still short of: `beyond` is that one's FirstBeyond.
  absl::Status OfferNodes(uint32_t first, uint32_t last, RankSink& sink,
                          std::optional<double> beyond, SegmentStats& stats) {
    if (matcher_ == nullptr) {
      return OfferAllNodes(first, last, sink, Nearer(FirstBeyond(job_, sink), beyond), stats);
    }
    FindMatches(first, last);
    std::optional<double> score;  // of the node before
    for (size_t i = 0; i < std::min(kFetchAhead, found_.size()); ++i) Fetch(found_[i].node);
    for (size_t i = 0; i < found_.size(); ++i) {
      if (i + kFetchAhead < found_.size()) Fetch(found_[i + kFetchAhead].node);
      if (i > 0 && found_[i].node != found_[i - 1].node) score.reset();
      RETURN_IF_ERROR(OfferScored(found_[i].node, found_[i].row, score, sink, stats.rescored));
    }
    return absl::OkStatus();
  }

  void OfferNullRows(RankSink& sink) {
    for (uint32_t row = view_.vector_rows; row < view_.vector_rows + view_.null_rows; ++row) {
      if (IsMatch(row)) Offer(row, std::nullopt, sink);
    }
  }

 private:
  static constexpr size_t kFetchBytes = 1'024;  // of a vector; the hardware fetches the rest

  struct Found {
    uint32_t node, row;
  };

  std::optional<double> Nearer(std::optional<double> a, std::optional<double> b) const {
    if (!a.has_value() || !b.has_value()) return a.has_value() ? a : b;
    return job_.order.score_descending() ? std::max(*a, *b) : std::min(*a, *b);
  }

  // Looks at the rows of those nodes alone that could be kept.
  absl::Status OfferAllNodes(uint32_t first, uint32_t last, RankSink& sink,
                             std::optional<double> beyond, SegmentStats& stats) {
    if (!scan_.has_value()) scan_.emplace(view_, &part_.segment->file(), job_.scorer);
    const uint64_t estimated = scan_->estimated(), scored = scan_->scored();
    ASSIGN_OR_RETURN(const std::span<const ScoredNode> nodes,
                     scan_->Score(first, last, beyond, job_.context));
    stats.distances += scan_->estimated() - estimated;
    stats.rescored += scan_->scored() - scored;
    for (const auto& [node, score] : nodes) {
      if (!sink.CouldEnter(score)) continue;
      for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
        if (IsLive(row)) Offer(row, score, sink);
      }
    }
    return absl::OkStatus();
  }

  // Fills `found_` with the live matching rows of the nodes [first, last).
  void FindMatches(uint32_t first, uint32_t last) {
    const std::span<const uint32_t> node_rows = view_.node_rows;
    found_.clear();
    const uint32_t begin = node_rows[first], end = node_rows[last];
    matcher_->MatchBlock(begin, end, matched_);
    uint32_t node = first;
    for (uint32_t row = matched_.Next(begin); row < end; row = matched_.Next(row + 1)) {
      if (!IsLive(row)) continue;
      while (node + 1 < last && node_rows[node + 1] <= row) ++node;
      found_.push_back({node, row});
    }
  }

  // `score`: of the node, once it is known.
  absl::Status OfferScored(uint32_t node, uint32_t row, std::optional<double>& score,
                           RankSink& sink, uint64_t& rescored) {
    if (!score.has_value()) {
      ASSIGN_OR_RETURN(score, Score(node));
      ++rescored;
    }
    Offer(row, score, sink);
    return absl::OkStatus();
  }

  const IndexSnapshot::Sealed& part_;
  const size_t number_;
  const SegmentView& view_;
  const ShardQuery& query_;
  const RankJob& job_;
  const std::shared_ptr<const PartMatcher> matcher_;  // null: no filter; shared by copies
  PartCells cells_;
  MatchedRows matched_;
  std::vector<Found> found_;
  std::optional<NodeScan> scan_;  // of all nodes, once it has begun
};

}  // namespace ordinate
