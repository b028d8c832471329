#include "engine/query/top_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ordinate {

bool TopRows::CouldEnter(const std::optional<double>& score) const {
  if (budget_.over) return false;
  if (after_ != nullptr) {
    if (score.has_value() && after_->score.has_value() &&
        order_.ScoreBefore(*score, *after_->score)) {
      return false;
    }
    if (score.has_value() && !after_->score.has_value()) return false;
  }
  if (heap_.size() < limit_) return true;
  const std::optional<double>& worst = heap_.front().score;
  if (!worst.has_value()) return true;
  return score.has_value() && !order_.ScoreBefore(*worst, *score);
}

bool TopRows::IsBeyond(double score) const {
  if (heap_.size() < limit_) return false;
  const std::optional<double>& worst = heap_.front().score;
  return worst.has_value() && order_.ScoreBefore(*worst, score);
}

std::optional<double> TopRows::FirstBeyond() const {
  if (heap_.size() < limit_ || !heap_.front().score.has_value()) return std::nullopt;
  const double infinity = std::numeric_limits<double>::infinity();
  const double next =
      std::nextafter(*heap_.front().score, order_.score_descending() ? -infinity : infinity);
  if (!IsBeyond(next)) return std::nullopt;  // it is in the same bucket
  return next;
}

void TopRows::Drop() {
  for (const RankedRow& row : heap_) budget().Refund(row);
  heap_ = {};
}

void TopRows::Offer(RankedRow row) {
  if (budget().over) return Drop();
  if (after_ != nullptr && !order_(*after_, row)) return;
  const auto before = [this](const RankedRow& a, const RankedRow& b) { return order_(a, b); };
  if (heap_.size() == limit_) {
    if (!order_(row, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), before);
    budget().Refund(heap_.back());
    heap_.back() = std::move(row);
  } else {
    heap_.push_back(std::move(row));
  }
  if (!budget().Charge(heap_.back())) return Drop();
  std::push_heap(heap_.begin(), heap_.end(), before);
}

std::unique_ptr<RankSink> TopRows::Fork() const {
  auto fork = std::make_unique<TopRows>(order_, limit_, after_);
  fork->Limit(budget_.most);
  return fork;
}

std::vector<RankedRow> TopRows::Take() {
  std::sort_heap(heap_.begin(), heap_.end(),
                 [this](const RankedRow& a, const RankedRow& b) { return order_(a, b); });
  for (const RankedRow& row : heap_) budget().Refund(row);
  return std::exchange(heap_, {});
}

}  // namespace ordinate
