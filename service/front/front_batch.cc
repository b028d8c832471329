#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <utility>

#include "engine/query/rank_sink.h"
#include "engine/shard/answer_size.h"
#include "service/front/bound_query.h"
#include "service/front/front.h"
#include "service/front/gather.h"

namespace ordinate {
namespace {

// Of one call to a shard: questions, and rows that they ask for all in all.
constexpr size_t kMostTogether = 128;
constexpr uint64_t kMostRowsTogether = 200'000;

}  // namespace

/// The questions of one QueryBatch on their way.
class Front::Batch {
 public:
  Batch(Front& front, std::span<const absl::StatusOr<QueryRequest>> requests,
        const CallContext& context)
      : front_(front),
        requests_(requests),
        context_(context),
        nanos_(requests.size()),
        bound_(requests.size()),
        answers_(requests.size()),
        results_(requests.size()) {}

  std::vector<absl::StatusOr<QueryResult>> Run() {
    ForEach(requests_.size(), [this](size_t i) {
      const int64_t started = front_.NowNanos();
      bound_[i] = requests_[i].ok() ? front_.Bind(*requests_[i], /*hold=*/false, context_)
                                    : absl::StatusOr<BoundQuery>(requests_[i].status());
      nanos_[i] += front_.NowNanos() - started;
    });
    std::vector<bool> answered(requests_.size());
    for (const std::vector<size_t>& together : Groups()) {
      if (!context_.Check().ok()) break;
      AskTogether(together);
      ForEach(together.size(), [&](size_t at) { Answer(together[at]); });
      for (const size_t i : together) answered[i] = true;
    }
    ForEach(requests_.size(), [&](size_t i) {
      if (!answered[i]) Answer(i);
    });
    return std::move(results_);
  }

 private:
  void ForEach(size_t count, const std::function<void(size_t)>& body) {
    Executor* const executor = front_.options_.executor;
    if (executor != nullptr) return executor->ParallelFor(count, body);
    for (size_t i = 0; i < count; ++i) body(i);
  }

  // Whether the shards are asked for it once, together with others.
  bool Shares(size_t i) const {
    if (!bound_[i].ok() || requests_[i]->analyze) return false;
    const BoundQuery& bound = *bound_[i];
    return bound.query.plan.path == Path::kExact && bound.query.plan.index_id != 0 &&
           !bound.group_position.has_value() && !bound.paged && !bound.FetchesLate() &&
           bound.snapshot_ids.empty();
  }

  // Questions of one table each.
  std::vector<std::vector<size_t>> Groups() const {
    std::map<uint32_t, std::vector<size_t>> by_table;
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (Shares(i)) by_table[bound_[i]->table.id].push_back(i);
    }
    std::vector<std::vector<size_t>> groups;
    for (const auto& [table, numbers] : by_table) {
      uint64_t rows = kMostRowsTogether;  // of the last group
      for (const size_t i : numbers) {
        rows += bound_[i]->query.plan.k;
        if (rows > kMostRowsTogether || groups.back().size() == kMostTogether) {
          groups.emplace_back();
          rows = bound_[i]->query.plan.k;
        }
        groups.back().push_back(i);
      }
    }
    std::erase_if(groups, [](const std::vector<size_t>& group) { return group.size() < 2; });
    return groups;
  }

  void AskTogether(const std::vector<size_t>& numbers) {
    const int64_t started = front_.NowNanos();
    std::vector<ShardQuery> queries;
    for (const size_t i : numbers) queries.push_back(bound_[i]->query);
    using Results = std::vector<absl::StatusOr<ShardQueryResult>>;
    std::vector<absl::StatusOr<Results>> by_shard = GatherEach<Results>(
        front_.shards_.size(), Spread::kParallel, front_.options_.executor,
        [&](size_t shard, ShardClient::Done<Results> done) {
          front_.shards_[shard]->QueryTogether(bound_[numbers.front()]->table, queries, context_,
                                               std::move(done));
        });
    for (size_t at = 0; at < numbers.size(); ++at) {
      for (absl::StatusOr<Results>& results : by_shard) {
        answers_[numbers[at]].push_back(results.ok() ? std::move((*results)[at])
                                                     : results.status());
      }
      nanos_[numbers[at]] += (front_.NowNanos() - started) / static_cast<int64_t>(numbers.size());
    }
  }

  void Answer(size_t i) {
    if (!requests_[i].ok()) {
      results_[i] = requests_[i].status();
      return;
    }
    const int64_t started = front_.NowNanos();
    results_[i] = ResultOf(i);
    nanos_[i] += front_.NowNanos() - started;
    if (results_[i].ok()) {
      uint64_t own = 0;
      for (const Row& row : results_[i]->rows) own += RoughBytes(row);
      for (const RankedRow& row : results_[i]->ranked) own += KeyBytes(row);  // of groups
      const absl::Status fits = CheckAnswerBytes(bytes_ += own, front_.options_.max_answer_bytes);
      if (!fits.ok()) {
        results_[i] = fits;
        bytes_ -= own;  // there is room for a smaller one
      }
    }
    front_.Tell(*requests_[i], nanos_[i], results_[i]);
  }

  absl::StatusOr<QueryResult> ResultOf(size_t i) {
    if (!bound_[i].ok()) return bound_[i].status();
    absl::Status failed;
    std::vector<ShardQueryResult> answers;
    for (absl::StatusOr<ShardQueryResult>& answer : answers_[i]) {
      failed.Update(answer.status());
      if (answer.ok()) answers.push_back(*std::move(answer));
    }
    // The index stopped answering since the question was bound, or there was no room for its rows
    // beside those of the others: it is asked again by itself.
    if (answers_[i].empty() || absl::IsAborted(failed)) {
      return front_.AnswerBound(*requests_[i], *std::move(bound_[i]), context_);
    }
    if (!failed.ok()) return failed;
    BoundQuery& bound = *bound_[i];
    auto ranking = front_.Merge(bound.query, std::move(answers), bound.query.plan.k);
    if (!ranking.ok()) return ranking.status();
    Cut(bound, *ranking);
    return front_.Finish(bound, *std::move(ranking), /*more=*/false);
  }

  Front& front_;
  const std::span<const absl::StatusOr<QueryRequest>> requests_;
  const CallContext& context_;
  // By request.
  std::vector<int64_t> nanos_;  // what it took; of shared work, its part
  std::vector<absl::StatusOr<BoundQuery>> bound_;
  std::vector<std::vector<absl::StatusOr<ShardQueryResult>>> answers_;  // by shard; empty: alone
  std::vector<absl::StatusOr<QueryResult>> results_;
  std::atomic<uint64_t> bytes_{0};  // of all answers
};

std::vector<absl::StatusOr<QueryResult>> Front::QueryBatch(
    std::span<const absl::StatusOr<QueryRequest>> requests, const CallContext& context) {
  return Batch(*this, requests, context).Run();
}

}  // namespace ordinate
