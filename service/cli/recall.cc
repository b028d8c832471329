#include "service/cli/recall.h"

#include <algorithm>
#include <unordered_set>

namespace ordinate::cli {

double RecallOf(const std::vector<uint64_t>& ann, const std::vector<uint64_t>& exact) {
  if (exact.empty()) return 1;
  const std::unordered_set<uint64_t> found(ann.begin(), ann.end());
  const auto hits = std::count_if(exact.begin(), exact.end(),
                                  [&found](uint64_t id) { return found.contains(id); });
  return static_cast<double>(hits) / static_cast<double>(exact.size());
}

void AddQuery(double recall, double ann_millis, double exact_millis, RecallSummary* summary) {
  const auto n = static_cast<double>(++summary->queries);
  summary->mean += (recall - summary->mean) / n;
  summary->min = std::min(summary->min, recall);
  summary->ann_millis += (ann_millis - summary->ann_millis) / n;
  summary->exact_millis += (exact_millis - summary->exact_millis) / n;
}

}  // namespace ordinate::cli
