#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/query/order.h"
#include "engine/query/plan.h"

namespace ordinate {

/// Why an answer from a preselection is not complete yet.
enum class Shortfall : uint8_t {
  kNone = 0,
  kUnderfilled = 1,  // fewer than min(k, matching rows) were found (contract 3.4)
  kTiesOpen = 2,     // rows that were not preselected may tie with the last one (contract 2.4)
  kFewNearby = 3,    // a search gave up on the filter: nearer rows may have been missed
};

/// The rows an answer is made of, best first, as all shards found them, and what they left out.
struct Preselected {
  std::span<const RankedRow> rows;  // at most plan.k
  /// Per shard: the score no row that was left out is expected to beat; nullopt: none was left out.
  std::vector<std::optional<double>> bounds;
  uint64_t index_rows = 0;  // live rows with a vector, over all shards
  bool filtered = false;
  bool gave_up = false;  // a shard's search did: the next one with a larger W would too
};

/// Whether `found` answers `plan`, whose order is `order`. REQUIRES: plan.path is kAnn.
Shortfall Judge(const Plan& plan, const RowOrder& order, const Preselected& found);

/// Why the EXACT path answers after `shortfall`. REQUIRES: not kNone.
Reason ReasonFor(Shortfall shortfall);

}  // namespace ordinate
