#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/query/rank_sink.h"

namespace ordinate {

/// Keeps the best `limit` rows offered, in a heap of at most `limit`.
class TopRows final : public RankSink {
 public:
  /// `after`, when not null: only rows that come strictly after it are kept. `order` and `after`
  /// must outlive this, and so must `shared`, a budget that others charge, too. REQUIRES: limit
  /// >= 1.
  TopRows(const RowOrder& order, size_t limit, const RankedRow* after = nullptr,
          KeyBudget* shared = nullptr)
      : order_(order), limit_(limit), after_(after), shared_(shared) {}

  bool CouldEnter(const std::optional<double>& score) const override;
  bool IsBeyond(double score) const override;
  std::optional<double> FirstBeyond() const override;
  void Offer(RankedRow row) override;
  std::unique_ptr<RankSink> Fork() const override;
  std::vector<RankedRow> Take() override;

  size_t size() const { return heap_.size(); }

 private:
  KeyBudget& budget() { return shared_ == nullptr ? budget_ : *shared_; }
  void Drop();

  const RowOrder& order_;
  const size_t limit_;
  const RankedRow* const after_;
  KeyBudget* const shared_;
  std::vector<RankedRow> heap_;  // worst first
};

}  // namespace ordinate
