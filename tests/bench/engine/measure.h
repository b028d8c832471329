#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/engine/cache.h"
#include "tests/bench/engine/contender.h"
#include "tests/bench/engine/results.h"

namespace ordinate::bench {

/// What a round is timed by: time passed, or processor time of the searching thread, which tells
/// more on a machine that others use too.
enum class ClockKind { kWall, kCpu };

struct MeasureOptions {
  BuildParams build;
  uint32_t k = 10;
  uint32_t rescore = 2;
  uint32_t rounds = 9;
  uint32_t scan_threads = 1;  // of an exact scan for a batch
  ClockKind clock = ClockKind::kWall;
  std::vector<uint32_t> efs;
  /// Graphs mapped from files are also served with memory for this part of the file; 0: not.
  double memory_share = 0;
};

/// Builds or finds every contender's index over the set, opens them, and measures them in turn:
/// recall and distances over all queries first, then `rounds` rounds in which every contender at
/// every ef searches the same slice of the queries. Exact ones scan for fewer queries.
absl::StatusOr<DataSetResult> Measure(const DataSet& set,
                                      const std::vector<std::unique_ptr<Contender>>& contenders,
                                      const MeasureOptions& options, Cache& cache);

}  // namespace ordinate::bench
