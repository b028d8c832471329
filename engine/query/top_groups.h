#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/query/rank_sink.h"
#include "engine/query/top_rows.h"

namespace ordinate {

/// Total order of group values: NULL first, then as CompareScalars.
struct GroupLess {
  bool operator()(const Value& a, const Value& b) const;
};

/// The value a row is grouped by: RowOrder's last carried column.
const Value& GroupOf(const RankedRow& row);

/// Finds the best `limit` groups: keeps the best row of each. A group is among the final ones only
/// if it is among the best whenever its best row is offered, so no more than `limit` are
/// remembered.
class BestGroups final : public RankSink {
 public:
  /// REQUIRES: limit >= 1; `order` carries the group's column and outlives this.
  BestGroups(const RowOrder& order, size_t limit) : order_(order), limit_(limit) {}

  bool CouldEnter(const std::optional<double>& score) const override;
  void Offer(RankedRow row) override;
  std::unique_ptr<RankSink> Fork() const override;
  /// The best row of each group, in order.
  std::vector<RankedRow> Take() override;

 private:
  void Drop();
  struct Before {
    const RowOrder* order;
    bool operator()(const RankedRow& a, const RankedRow& b) const { return (*order)(a, b); }
  };
  using Ranking = std::set<RankedRow, Before>;

  const RowOrder& order_;
  const size_t limit_;
  Ranking ranking_{Before{&order_}};
  std::map<Value, Ranking::const_iterator, GroupLess> by_group_;
};

/// Keeps the best `rows` rows of each of some known groups.
class GroupRows final : public RankSink {
 public:
  /// `order` carries the group's column; it and `groups` outlive this. REQUIRES: rows >= 1.
  GroupRows(const RowOrder& order, std::span<const Value> groups, size_t rows);

  bool CouldEnter(const std::optional<double>& score) const override;
  void Offer(RankedRow row) override;
  std::unique_ptr<RankSink> Fork() const override;
  /// The rows of all groups, in one order.
  std::vector<RankedRow> Take() override;

 private:
  const RowOrder& order_;
  const std::span<const Value> groups_;
  const size_t rows_;
  std::map<Value, size_t, GroupLess> position_;
  std::vector<TopRows> tops_;  // parallel to groups_
};

}  // namespace ordinate
