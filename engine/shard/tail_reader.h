#pragma once

#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "engine/search/node_distance.h"
#include "engine/search/query_tiles.h"
#include "engine/segment/index_snapshot.h"
#include "engine/shard/rank.h"
#include "storage/base/status_macros.h"

namespace ordinate {

/// The tail as a query sees it.
class TailReader {
 public:
  TailReader(const IndexSnapshot& index, RankJob& job, SegmentStats& stats)
      : index_(index), tail_(index.tail), job_(job), stats_(stats) {}

  /// Offers the live matching rows, but for such as no answer can have: what comes after sealed
  /// segments is mostly of that kind, and an estimate of its distance says so.
  absl::Status OfferAll() {
    for (uint32_t first = 0; first < tail_.size; first += Tail::kChunkRows) {
      RETURN_IF_ERROR(job_.context.Check());
      const uint32_t last = std::min(tail_.size, first + Tail::kChunkRows);
      const std::optional<double> beyond = FirstBeyond(job_, job_.sink);
      if (beyond.has_value() && Estimates()) {
        RETURN_IF_ERROR(OfferNearer(first, last, *beyond));
        continue;
      }
      for (uint32_t slot = first; slot < last; ++slot) OfferRow(slot);
    }
    return absl::OkStatus();
  }

 private:
  struct Estimator {
    PreparedQuery query;
    BestScore best;
  };

  // Whether f32 can say how far the vectors are.
  bool Estimates() {
    if (estimator_.has_value()) return true;
    const SegmentView vectors = VectorsOf(*tail_.chunks[0]);
    if (job_.scorer.metric() != vectors.metric || !QueryTiles::Fits(vectors, job_.scorer.query())) {
      return false;
    }
    auto query = PreparedQuery::Create(vectors.metric, vectors.dim, job_.scorer.query());
    if (!query.ok()) return false;
    const BestScore best(vectors, *query, job_.scorer.query());
    estimator_.emplace(Estimator{*std::move(query), best});
    return true;
  }

  absl::Status OfferNearer(uint32_t first, uint32_t last, double beyond) {
    for (uint32_t slot = first; slot < last; ++slot) {
      if (!tail_.IsLive(slot)) continue;
      ++job_.result.stats.tail_rows;
      if (job_.query.include_null_vectors && tail_.Row(slot).row_class == RowClass::kNull) {
        OfferMatch(slot, std::nullopt);
      }
    }
    const Tail::Chunk& chunk = *tail_.chunks[first / Tail::kChunkRows];
    const SegmentView vectors = VectorsOf(chunk);
    const float from = estimator_->best.DistanceFrom(beyond);
    RETURN_IF_ERROR(
        NodeDistance(vectors, estimator_->query, nullptr).ScoreRange(0, last - first, distances_));
    stats_.distances += last - first;
    for (uint32_t slot = first; slot < last; ++slot) {
      if (!(distances_[slot - first] >= from) && tail_.Row(slot).row_class == RowClass::kVector) {
        OfferVector(slot);
      }
    }
    return absl::OkStatus();
  }

  void OfferVector(uint32_t slot) {
    if (!tail_.IsLive(slot)) return;
    const double score = job_.scorer.Score(tail_.Row(slot).vector.data());
    ++stats_.rescored;
    if (job_.sink.CouldEnter(score)) OfferMatch(slot, score);
  }

  void OfferRow(uint32_t slot) {
    if (!tail_.IsLive(slot)) return;
    const TailRow& row = tail_.Row(slot);
    ++job_.result.stats.tail_rows;
    if (row.row_class == RowClass::kInvalid) return;
    if (row.row_class == RowClass::kNull && !job_.query.include_null_vectors) return;
    if (!IsMatch(row)) return;
    std::optional<double> score;
    if (row.row_class == RowClass::kVector) {
      score = job_.scorer.Score(row.vector.data());
      ++stats_.rescored;
    }
    Offer(slot, score);
  }

  void OfferMatch(uint32_t slot, std::optional<double> score) {
    if (IsMatch(tail_.Row(slot))) Offer(slot, score);
  }

  bool IsMatch(const TailRow& row) {
    cells_.MoveTo(row);
    return !job_.query.filter.has_value() || Matches(*job_.query.filter, cells_);
  }

  // REQUIRES: the cells are at the row.
  void Offer(uint32_t slot, std::optional<double> score) {
    const TailRow& row = tail_.Row(slot);
    if (!IsWanted(job_.query, row.id, score) || !job_.sink.CouldEnter(score)) return;
    RankedRow ranked;
    ranked.score = score;
    ranked.id = row.id;
    ranked.version = row.version;
    ranked.place = SealedPlace{index_.sealed.size(), slot}.Note();
    job_.order.ReadKeys(cells_, ranked);
    job_.sink.Offer(std::move(ranked));
  }

  // A chunk's vectors as those of a segment: what is asked of it reads no more of one.
  SegmentView VectorsOf(const Tail::Chunk& chunk) const {
    SegmentView view;
    view.metric = index_.definition.metric;
    view.dim = index_.definition.dim;
    view.stride = chunk.stride;
    view.nodes = Tail::kChunkRows;
    view.vectors = {chunk.VectorAt(0), size_t{Tail::kChunkRows} * chunk.stride};
    view.longest = tail_.longest;
    view.inverse_norms = chunk.inverse_norms;
    view.norms_fit = tail_.norms_fit;
    return view;
  }

  const IndexSnapshot& index_;
  const Tail::View& tail_;
  RankJob& job_;
  SegmentStats& stats_;
  TailCells cells_;
  std::optional<Estimator> estimator_;
  float distances_[Tail::kChunkRows];
};

}  // namespace ordinate
