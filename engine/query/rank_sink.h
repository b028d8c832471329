#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/query/order.h"

namespace ordinate {

/// What a kept row's sort keys take, which may be long texts.
inline uint64_t KeyBytes(const RankedRow& row) {
  uint64_t bytes = row.keys.size() * sizeof(Value);
  for (const Value& key : row.keys) {
    if (const auto* text = std::get_if<std::string>(&key)) bytes += text->size();
  }
  return bytes;
}

/// Bytes that the sort keys of kept rows take, and may take.
struct KeyBudget {
  uint64_t most = std::numeric_limits<uint64_t>::max();
  uint64_t used = 0;
  bool over = false;  // it did not suffice; from then on nothing is kept

  bool Charge(const RankedRow& row) {
    used += KeyBytes(row);
    over |= used > most;
    return !over;
  }
  void Refund(const RankedRow& row) { used -= KeyBytes(row); }
};

/// Where scored rows go: keeps the ones an answer needs, in bounded memory. One thread at a time;
/// a parallel scan gives each task a fork and joins them.
class RankSink {
 public:
  virtual ~RankSink() = default;
  /// The keys of kept rows may take so many bytes (of a fork: it alone).
  void Limit(uint64_t bytes) { budget_.most = bytes; }
  /// They would take more: what Take returns is not the answer.
  bool over_limit() const { return budget_.over; }
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
    budget_.over |= fork.budget_.over;
    for (RankedRow& row : fork.Take()) {
      if (CouldEnter(row.score)) Offer(std::move(row));
    }
  }

 protected:
  KeyBudget budget_;
};

}  // namespace ordinate
