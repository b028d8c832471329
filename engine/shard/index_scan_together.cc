// The EXACT path of several questions that share the scan of each segment.
#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "engine/search/batch_scan.h"
#include "engine/search/query_tiles.h"
#include "engine/shard/rank.h"
#include "engine/shard/sealed_reader.h"

namespace ordinate {
namespace {

// Of a query that shares scans: it keeps some times as many candidates.
constexpr uint64_t kMostShared = 4'096;
// Fewer questions are scanned for sooner one by one.
constexpr size_t kFewestShared = 3;

// Whether the rows with the k best scores, and those that tie with them, are all that the answer
// can need.
bool NeedsBestScoresOnly(const ShardQuery& query) {
  const Plan& plan = query.plan;
  const bool best_first = plan.score_descending == HigherIsBetter(plan.metric);
  const bool open_end =
      plan.score_descending ? !plan.range.max.has_value() : !plan.range.min.has_value();
  return best_first && open_end && plan.k >= 1 && plan.k <= kMostShared &&
         plan.ties.form != TieForm::kBucket && !query.filter.has_value() &&
         !query.after.has_value() && !query.groups.has_value();
}

/// A question's part of a shared scan.
class JobTarget final : public ScanTarget {
 public:
  JobTarget(const IndexSnapshot::Sealed& part, size_t number, RankJob& job)
      : view_(part.segment->view()), job_(job), reader_(part, number, job) {}

  bool Accepts(uint32_t node) const override {
    for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
      if (reader_.IsLive(row) && job_.query.exclude != view_.row_ids[row]) return true;
    }
    return false;
  }

  std::optional<double> FirstBeyond() const override {
    return ordinate::FirstBeyond(job_, job_.sink);
  }

  void Offer(uint32_t node, double score) override {
    if (!job_.sink.CouldEnter(score)) return;
    for (uint32_t row = view_.node_rows[node]; row < view_.node_rows[node + 1]; ++row) {
      if (reader_.IsLive(row)) reader_.Offer(row, score, job_.sink);
    }
  }

  void OfferNullRows() { reader_.OfferNullRows(job_.sink); }

 private:
  const SegmentView& view_;
  RankJob& job_;
  SealedReader reader_;
};

/// The jobs that are still without an error, by their numbers.
class JobList {
 public:
  explicit JobList(std::span<RankJob* const> jobs) : jobs_(jobs), statuses_(jobs.size()) {}

  /// Calls body(job) for each of `numbers`, over the executor.
  void ForEach(std::span<const size_t> numbers, const std::function<absl::Status(RankJob&)>& body) {
    const auto one = [&](size_t i) {
      absl::Status& status = statuses_[numbers[i]];
      if (status.ok()) status = body(*jobs_[numbers[i]]);
    };
    if (Executor* executor = ExecutorOf(); executor != nullptr) {
      executor->ParallelFor(numbers.size(), one);
    } else {
      for (size_t i = 0; i < numbers.size(); ++i) one(i);
    }
  }

  /// One pass over the segment's vectors for all of `numbers`.
  void ScanTogether(const IndexSnapshot::Sealed& part, size_t segment,
                    std::span<const size_t> numbers) {
    std::deque<JobTarget> targets;
    std::vector<ScanQuery> queries;
    for (const size_t i : numbers) {
      JobTarget& target = targets.emplace_back(part, segment, *jobs_[i]);
      if (jobs_[i]->query.include_null_vectors) target.OfferNullRows();
      queries.push_back({&jobs_[i]->scorer, static_cast<size_t>(jobs_[i]->query.plan.k), &target});
    }
    const absl::Status status = ScanForMany(part.segment->view(), &part.segment->file(), queries,
                                            ExecutorOf(), jobs_[numbers.front()]->context);
    for (size_t i = 0; i < numbers.size(); ++i) {
      statuses_[numbers[i]].Update(status);
      jobs_[numbers[i]]->result.stats.distances += part.segment->view().nodes;
      jobs_[numbers[i]]->result.stats.rescored += queries[i].rescored;
    }
  }

  /// Which of the jobs may share a scan of the segment (true) or may not.
  std::vector<size_t> Those(const SegmentView& view, bool shared) const {
    std::vector<size_t> numbers;
    for (size_t i = 0; i < jobs_.size(); ++i) {
      const ShardQuery& query = jobs_[i]->query;
      const bool shares = NeedsBestScoresOnly(query) && !query.analyze &&
                          query.plan.metric == view.metric && QueryTiles::Fits(view, query.vector);
      if (statuses_[i].ok() && shares == shared) numbers.push_back(i);
    }
    return numbers;
  }
  std::vector<size_t> All() const {
    std::vector<size_t> numbers(jobs_.size());
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
    return numbers;
  }
  std::vector<absl::Status> TakeStatuses() { return std::move(statuses_); }

 private:
  // Null: a scan stays on this thread.
  Executor* ExecutorOf() const {
    Executor* const executor = jobs_.front()->source.executor;
    return executor != nullptr && executor->threads() > 1 ? executor : nullptr;
  }

  const std::span<RankJob* const> jobs_;
  std::vector<absl::Status> statuses_;
};

}  // namespace

std::vector<absl::Status> ExactFromIndex(const IndexSnapshot& index,
                                         std::span<RankJob* const> jobs) {
  if (jobs.empty()) return {};
  JobList list(jobs);
  for (size_t segment = 0; segment < index.sealed.size(); ++segment) {
    const IndexSnapshot::Sealed& part = index.sealed[segment];
    std::vector<size_t> shared = list.Those(part.segment->view(), true);
    std::vector<size_t> alone = list.Those(part.segment->view(), false);
    if (shared.size() < kFewestShared) {
      alone.insert(alone.end(), shared.begin(), shared.end());
      shared.clear();
    }
    if (!shared.empty()) list.ScanTogether(part, segment, shared);
    list.ForEach(alone, [&](RankJob& job) { return ScanSealed(index, segment, job); });
  }
  list.ForEach(list.All(), [&](RankJob& job) { return ScanTail(index, job); });
  return list.TakeStatuses();
}

}  // namespace ordinate
