#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ordinate::cli {

/// Recall over many queries.
struct RecallSummary {
  size_t queries = 0;
  double mean = 0;
  double min = 1;
  double ann_millis = 0;    // mean server time
  double exact_millis = 0;  // mean server time
};

/// The share of `exact` ids that `ann` has too; 1 when `exact` is empty.
double RecallOf(const std::vector<uint64_t>& ann, const std::vector<uint64_t>& exact);

/// Takes one query's result into the means.
void AddQuery(double recall, double ann_millis, double exact_millis, RecallSummary* summary);

}  // namespace ordinate::cli
