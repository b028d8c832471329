#include "engine/query/top_groups.h"

#include <algorithm>
#include <utility>

namespace ordinate {

bool GroupLess::operator()(const Value& a, const Value& b) const {
  if (IsNull(a) || IsNull(b)) return IsNull(a) && !IsNull(b);
  return CompareScalars(View(a), View(b)) < 0;
}

const Value& GroupOf(const RankedRow& row) { return row.keys.back(); }

bool BestGroups::CouldEnter(const std::optional<double>& score) const {
  if (budget_.over) return false;
  if (ranking_.size() < limit_) return true;
  const std::optional<double>& worst = ranking_.rbegin()->score;
  if (!worst.has_value()) return true;
  return score.has_value() && !order_.ScoreBefore(*worst, *score);
}

void BestGroups::Offer(RankedRow row) {
  if (budget_.over) return;
  const auto known = by_group_.find(GroupOf(row));
  if (known != by_group_.end()) {
    if (!order_(row, *known->second)) return;
    budget_.Refund(*known->second);
    ranking_.erase(known->second);
    known->second = ranking_.insert(std::move(row)).first;
    if (!budget_.Charge(*known->second)) Drop();
    return;
  }
  if (ranking_.size() == limit_) {
    const auto worst = std::prev(ranking_.end());
    if (!order_(row, *worst)) return;
    budget_.Refund(*worst);
    by_group_.erase(GroupOf(*worst));
    ranking_.erase(worst);
  }
  const auto entered = ranking_.insert(std::move(row)).first;
  by_group_.emplace(GroupOf(*entered), entered);
  if (!budget_.Charge(*entered)) Drop();
}

void BestGroups::Drop() {
  by_group_.clear();
  ranking_.clear();
}

std::unique_ptr<RankSink> BestGroups::Fork() const {
  auto fork = std::make_unique<BestGroups>(order_, limit_);
  fork->Limit(budget_.most);
  return fork;
}

std::vector<RankedRow> BestGroups::Take() {
  std::vector<RankedRow> rows(ranking_.begin(), ranking_.end());
  Drop();
  budget_.used = 0;
  return rows;
}

GroupRows::GroupRows(const RowOrder& order, std::span<const Value> groups, size_t rows)
    : order_(order), groups_(groups), rows_(rows) {
  tops_.reserve(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    position_.emplace(groups[i], i);
    tops_.emplace_back(order, rows, nullptr, &budget_);
  }
}

bool GroupRows::CouldEnter(const std::optional<double>&) const { return !budget_.over; }

void GroupRows::Offer(RankedRow row) {
  const auto found = position_.find(GroupOf(row));
  if (found == position_.end()) return;
  TopRows& top = tops_[found->second];
  if (top.CouldEnter(row.score)) top.Offer(std::move(row));
}

std::unique_ptr<RankSink> GroupRows::Fork() const {
  auto fork = std::make_unique<GroupRows>(order_, groups_, rows_);
  fork->Limit(budget_.most);
  return fork;
}

std::vector<RankedRow> GroupRows::Take() {
  std::vector<RankedRow> rows;
  for (TopRows& top : tops_) {
    for (RankedRow& row : top.Take()) rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(),
            [this](const RankedRow& a, const RankedRow& b) { return order_(a, b); });
  return rows;
}

}  // namespace ordinate
