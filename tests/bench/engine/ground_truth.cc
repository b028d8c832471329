#include "tests/bench/engine/ground_truth.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/search/exact_score.h"
#include "engine/search/flat_search.h"
#include "storage/base/status_macros.h"

namespace ordinate::bench {
namespace {

constexpr uint32_t kRowsPerPart = 512;  // stay in the cache while the queries pass
constexpr uint32_t kQueriesPerTask = 100;

/// The k best scores of one query.
class BestScores {
 public:
  BestScores(uint32_t k, bool descending) : k_(k), descending_(descending) {}

  void Offer(std::span<const double> scores) {
    for (const double score : scores) {
      const double key = descending_ ? -score : score;
      if (heap_.size() == k_) {
        if (key >= heap_.front()) continue;
        std::pop_heap(heap_.begin(), heap_.end());
        heap_.pop_back();
      }
      heap_.push_back(key);
      std::push_heap(heap_.begin(), heap_.end());
    }
  }

  void Write(double* out) {
    std::sort_heap(heap_.begin(), heap_.end());
    for (const double key : heap_) *out++ = descending_ ? -key : key;
  }

 private:
  const uint32_t k_;
  const bool descending_;
  std::vector<double> heap_;  // max-heap of keys, smaller is better
};

absl::Status ScanTask(const DataSet& set, uint32_t first, uint32_t last, GroundTruth& truth) {
  const CallContext context;
  std::vector<ExactScorer> scorers;
  std::vector<BestScores> best;
  for (uint32_t q = first; q < last; ++q) {
    scorers.emplace_back(set.metric, set.query(q));
    best.emplace_back(truth.k, HigherIsBetter(set.metric));
  }
  const VectorBlock block{set.base.data(), set.dim, set.dim};
  std::vector<double> scores(kRowsPerPart);
  for (uint32_t begin = 0; begin < set.rows(); begin += kRowsPerPart) {
    const uint32_t end = std::min(set.rows(), begin + kRowsPerPart);
    for (size_t i = 0; i < scorers.size(); ++i) {
      RETURN_IF_ERROR(ScoreExactly(scorers[i], block, begin, end, context, scores));
      best[i].Offer(std::span(scores).first(end - begin));
    }
  }
  for (size_t i = 0; i < best.size(); ++i) {
    best[i].Write(truth.scores.data() + (first + i) * truth.k);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GroundTruth> ScanForTruth(const DataSet& set, uint32_t k, uint32_t threads,
                                         const Progress& progress) {
  GroundTruth truth{k, std::vector<double>(size_t{set.query_count()} * k)};
  std::atomic<uint32_t> next{0};
  std::vector<absl::Status> statuses(threads);
  const auto work = [&](uint32_t thread) {
    for (uint32_t first = next.fetch_add(kQueriesPerTask); first < set.query_count();
         first = next.fetch_add(kQueriesPerTask)) {
      const uint32_t last = std::min(set.query_count(), first + kQueriesPerTask);
      statuses[thread].Update(ScanTask(set, first, last, truth));
      if (thread == 0) progress(last, set.query_count());
    }
  };
  std::vector<std::thread> others;
  for (uint32_t i = 1; i < threads; ++i) others.emplace_back(work, i);
  work(0);
  for (std::thread& thread : others) thread.join();
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  return truth;
}

double Recall(const DataSet& set, const GroundTruth& truth, uint32_t k, uint32_t first_query,
              std::span<const uint32_t> rows) {
  const size_t queries = rows.size() / k;
  if (queries == 0) return 0;
  const bool descending = HigherIsBetter(set.metric);
  uint64_t found = 0;
  std::vector<uint32_t> distinct;
  for (size_t q = 0; q < queries; ++q) {
    const auto query = static_cast<uint32_t>(first_query + q);
    const ExactScorer scorer(set.metric, set.query(query));
    const double worst = truth.Worst(query, k);
    distinct.assign(rows.begin() + static_cast<ptrdiff_t>(q * k),
                    rows.begin() + static_cast<ptrdiff_t>((q + 1) * k));
    std::ranges::sort(distinct);
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const uint32_t row : distinct) {
      if (row >= set.rows()) continue;
      const double score = scorer.Score(set.row(row).data());
      found += descending ? score >= worst : score <= worst;
    }
  }
  return static_cast<double>(found) / static_cast<double>(queries * k);
}

}  // namespace ordinate::bench
