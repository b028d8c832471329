#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/query/order.h"

namespace ordinate {

/// Where scored rows go: keeps the ones an answer needs, in bounded memory. One thread at a time;
/// a parallel scan gives each task a fork and joins them.
class RankSink {
 public:
  virtual ~RankSink() = default;
  /// Whether a row with this score could still be kept: false lets a scan skip reading its keys.
  virtual bool CouldEnter(const std::optional<double>& score) const = 0;
  /// Whether no row with this score or a worse one could be kept any more.
  virtual bool IsBeyond(double /*score*/) const { return false; }
  /// A score for which, and for every worse one, IsBeyond is true; nullopt: none is known.
  virtual std::optional<double> FirstBeyond() const { return std::nullopt; }
  virtual void Offer(RankedRow row) = 0;
  /// An empty sink of the same kind. It must not outlive this one.
  virtual std::unique_ptr<RankSink> Fork() const = 0;
  /// What was kept, in the answer's order; leaves this empty.
  virtual std::vector<RankedRow> Take() = 0;

  void Join(RankSink& fork) {
    for (RankedRow& row : fork.Take()) {
      if (CouldEnter(row.score)) Offer(std::move(row));
    }
  }
};

}  // namespace ordinate
