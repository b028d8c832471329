#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/engine/contender.h"

namespace ordinate::bench {

/// The exact scores of each query's k best rows (contract 2.3), best first.
struct GroundTruth {
  uint32_t k = 0;
  std::vector<double> scores;  // queries × k

  /// Of the query's k best.
  double Worst(uint32_t query, uint32_t of_k) const { return scores[size_t{query} * k + of_k - 1]; }
};

/// By a scan of everything, over `threads`. REQUIRES: 1 <= k <= set.rows().
absl::StatusOr<GroundTruth> ScanForTruth(const DataSet& set, uint32_t k, uint32_t threads,
                                         const Progress& progress);

/// The part of the wanted hits that were found: those of `rows`, each counted once, whose exact
/// score is no worse than that of the k-th best, so that equal rows stand in for one another.
/// `rows` holds k rows (or kNoRow) for each query from `first_query` on.
double Recall(const DataSet& set, const GroundTruth& truth, uint32_t k, uint32_t first_query,
              std::span<const uint32_t> rows);

}  // namespace ordinate::bench
