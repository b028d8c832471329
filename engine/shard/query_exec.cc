#include "engine/shard/query_exec.h"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "engine/query/top_groups.h"
#include "engine/query/top_rows.h"
#include "engine/shard/answer_size.h"
#include "engine/shard/check_reads.h"
#include "engine/shard/rank.h"
#include "storage/base/status_macros.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

// Rows of questions asked together may take this part of what one answer may.
constexpr uint64_t kShareOfTogether = 4;

/// The plan's index as published; null: the rows themselves are read.
absl::StatusOr<const IndexSnapshot*> FindIndex(const QuerySource& source, const Plan& plan) {
  if (plan.index_id == 0) return nullptr;
  const PublishedIndex* published = source.snapshot->FindIndex(plan.index_id);
  if (published != nullptr && published->snapshot != nullptr) {
    return published->For(plan.lag_policy);
  }
  if (plan.path == Path::kExact) return nullptr;
  return absl::AbortedError(published == nullptr ? "it was dropped" : published->problem);
}

/// What the answer shows.
uint64_t VisibleSeq(const QuerySource& source, const Plan& plan, const IndexSnapshot* index) {
  const uint64_t newest = source.snapshot->seq;
  if (plan.index_id == 0 || plan.lag_policy == LagPolicy::kScanTail) return newest;
  if (index != nullptr) return index->seq;
  const PublishedIndex* published = source.snapshot->FindIndex(plan.index_id);
  if (published == nullptr) return newest;
  // One that was found damaged shows by the rows what it showed: their versions stay while it does.
  if (published->snapshot != nullptr) return published->snapshot->seq;
  return published->RowsSeq(plan.lag_policy, newest);
}

std::unique_ptr<RankSink> MakeSink(const ShardQuery& query, const RowOrder& order) {
  if (query.groups.has_value()) {
    if (query.groups->values.empty()) return std::make_unique<BestGroups>(order, query.plan.k);
    return std::make_unique<GroupRows>(order, query.groups->values, query.groups->rows);
  }
  const RankedRow* after = query.after.has_value() ? &*query.after : nullptr;
  return std::make_unique<TopRows>(order, query.plan.k, after);
}

absl::Status Rank(const IndexSnapshot* index, RankJob& job) {
  if (index == nullptr) return ExactFromRows(job);
  RETURN_IF_ERROR(job.query.plan.path == Path::kAnn ? AnnFromIndex(*index, job)
                                                    : ExactFromIndex(*index, job));
  return index->unfed_after.has_value() ? ExactFromUnfed(*index, job) : absl::OkStatus();
}

std::vector<ShardFetch::Ref> RefsOf(const std::vector<RankedRow>& ranked) {
  std::vector<ShardFetch::Ref> refs;
  refs.reserve(ranked.size());
  for (const RankedRow& row : ranked) refs.push_back({row.id, row.version, row.place});
  return refs;
}

RowOrder OrderOf(const ShardQuery& query) {
  RowOrder order = SelectionOrder(query.plan, query.order_by);
  if (query.groups.has_value()) order.Carry(query.groups->column_position);
  return order;
}

/// One question on its way to its answer. Borrows everything.
class Execution {
 public:
  /// `max_key_bytes`: of the sort keys of rows being ranked. `from_rows`: whatever the index.
  Execution(const QuerySource& source, const ShardQuery& query, uint64_t max_key_bytes,
            const CallContext& context, bool from_rows = false)
      : source_(source),
        query_(query),
        context_(context),
        index_(from_rows ? nullptr : FindIndex(source, query.plan)),
        order_(OrderOf(query)),
        sink_(MakeSink(query, order_)),
        scorer_(query.plan.metric, query.vector),
        started_(source.clock->MonotonicNanos()),
        job_{source, query, order_, scorer_, context, *sink_, result_} {
    sink_->Limit(max_key_bytes);
  }
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// Null: none, or there is an error that Finish tells.
  const IndexSnapshot* index() const { return index_.ok() ? *index_ : nullptr; }
  const ShardQuery& query() const { return query_; }
  RankJob& job() { return job_; }

  absl::Status RankAlone() { return index_.ok() ? Rank(*index_, job_) : absl::OkStatus(); }

  /// `ranked`: what ranking the job said.
  QueryOutcome Finish(const absl::Status& ranked) {
    if (!index_.ok()) return {index_.status()};
    QueryOutcome outcome = Answer(ranked);
    const absl::Status read = *index_ == nullptr ? absl::OkStatus() : CheckReads((*index_)->sealed);
    return read.ok() ? std::move(outcome) : QueryOutcome{read, /*index_damaged=*/true};
  }

 private:
  QueryOutcome Answer(const absl::Status& ranked) {
    if (!ranked.ok()) return {ranked, *index_ != nullptr && absl::IsDataLoss(ranked)};
    if (sink_->over_limit()) {
      return {
          absl::ResourceExhaustedError("the rows to rank take too much memory with their sort "
                                       "keys; ask for fewer rows, or order "
                                       "by shorter columns")};
    }
    result_.visible_seq = VisibleSeq(source_, query_.plan, *index_);
    result_.generation = *index_ == nullptr ? 0 : (*index_)->generation;
    result_.ranked = sink_->Take();
    const int64_t fetching = source_.clock->MonotonicNanos();
    result_.stats.rank_nanos = fetching - started_;
    auto rows = FetchColumns(source_, *index_ == nullptr ? 0 : query_.plan.index_id,
                             RefsOf(result_.ranked), query_.columns, context_);
    if (!rows.ok()) return {rows.status()};
    result_.rows = *std::move(rows);
    result_.stats.fetch_nanos = source_.clock->MonotonicNanos() - fetching;
    return {std::move(result_)};
  }

  const QuerySource& source_;
  const ShardQuery& query_;
  const CallContext& context_;
  const absl::StatusOr<const IndexSnapshot*> index_;
  const RowOrder order_;
  const std::unique_ptr<RankSink> sink_;
  const ExactScorer scorer_;
  const int64_t started_;
  ShardQueryResult result_;
  RankJob job_;
};

/// Questions by the index whose scan they may share; null: those that share none.
std::map<const IndexSnapshot*, std::vector<size_t>> ByIndex(std::deque<Execution>& executions) {
  std::map<const IndexSnapshot*, std::vector<size_t>> by_index;
  for (size_t i = 0; i < executions.size(); ++i) {
    const IndexSnapshot* const index = executions[i].index();
    const bool shares = executions[i].query().plan.path == Path::kExact && index != nullptr &&
                        !index->unfed_after.has_value();
    by_index[shares ? index : nullptr].push_back(i);
  }
  return by_index;
}

}  // namespace

QueryOutcome ExecuteQuery(const QuerySource& source, const ShardQuery& query,
                          const CallContext& context) {
  const uint64_t most = query.max_key_bytes == 0 ? source.max_answer_bytes : query.max_key_bytes;
  Execution execution(source, query, most, context);
  return execution.Finish(execution.RankAlone());
}

absl::StatusOr<ShardQueryResult> ExecuteByRows(const QuerySource& source, const ShardQuery& query,
                                               const CallContext& context) {
  const uint64_t most = query.max_key_bytes == 0 ? source.max_answer_bytes : query.max_key_bytes;
  Execution execution(source, query, most, context, /*from_rows=*/true);
  return execution.Finish(execution.RankAlone()).result;
}

std::vector<QueryOutcome> ExecuteQueries(const QuerySource& source,
                                         std::span<const ShardQuery> queries,
                                         const CallContext& context) {
  std::deque<Execution> executions;
  const uint64_t share = source.max_answer_bytes / kShareOfTogether;
  for (const ShardQuery& query : queries) {
    executions.emplace_back(source, query, share / queries.size(), context);
  }
  const auto for_each = [&](size_t count, const std::function<void(size_t)>& body) {
    if (source.executor != nullptr) return source.executor->ParallelFor(count, body);
    for (size_t i = 0; i < count; ++i) body(i);
  };
  std::vector<absl::Status> ranked(queries.size());
  for (const auto& [index, numbers] : ByIndex(executions)) {
    if (index == nullptr) {
      for_each(numbers.size(), [&, &those = numbers](size_t i) {
        ranked[those[i]] = executions[those[i]].RankAlone();
      });
      continue;
    }
    std::vector<RankJob*> jobs;
    for (const size_t i : numbers) jobs.push_back(&executions[i].job());
    std::vector<absl::Status> statuses = ExactFromIndex(*index, jobs);
    for (size_t i = 0; i < numbers.size(); ++i) ranked[numbers[i]] = std::move(statuses[i]);
  }
  std::vector<QueryOutcome> outcomes(queries.size());
  std::atomic<uint64_t> bytes{0};  // of all rows
  for_each(queries.size(), [&](size_t i) {
    if (bytes > share) {
      outcomes[i] = {absl::AbortedError("the rows of questions asked together take too much")};
      return;
    }
    outcomes[i] = executions[i].Finish(ranked[i]);
    if (absl::IsResourceExhausted(outcomes[i].result.status())) {
      outcomes[i] = {absl::AbortedError("there is no room for its rows beside those of others")};
    }
    if (!outcomes[i].result.ok()) return;
    for (const RankedRow& row : outcomes[i].result->ranked) bytes += KeyBytes(row);
    for (const Row& row : outcomes[i].result->rows) bytes += RoughBytes(row);
  });
  return outcomes;
}

namespace {

// Scores one stored row and offers it. `cells` as decoded.
void OfferStored(const StoredRow& stored, const Row& row, RankJob& job) {
  const ShardQuery& query = job.query;
  const RowCells cells(row);
  const ValueView cell = cells.Cell(query.column_position);
  const auto dim = static_cast<uint32_t>(query.vector.size());
  const RowClass row_class = ClassifyCell(cell, query.plan.metric, dim);
  if (row_class == RowClass::kInvalid) return;
  if (row_class == RowClass::kNull && !query.include_null_vectors) return;
  if (query.filter.has_value() && !Matches(*query.filter, cells)) return;
  RankedRow ranked;
  if (row_class == RowClass::kVector) {
    ranked.score = job.scorer.Score(std::get<std::span<const float>>(cell).data());
    ++job.result.stats.rescored;
  }
  if (!IsWanted(query, stored.id, ranked.score) || !job.sink.CouldEnter(ranked.score)) return;
  ranked.id = stored.id;
  ranked.version = stored.version;
  job.order.ReadKeys(cells, ranked);
  job.sink.Offer(std::move(ranked));
}

}  // namespace

absl::Status ExactFromRows(RankJob& job) {
  const QuerySource& source = job.source;
  const int64_t started = source.clock->MonotonicNanos();
  uint64_t seen = 0;
  const absl::Status status = source.rows->Scan(
      source.snapshot->rows.get(), source.table->id, 0, VisibleSeq(source, job.query.plan, nullptr),
      [&](StoredRow&& stored) -> absl::StatusOr<bool> {
        if (++seen % 256 == 0) RETURN_IF_ERROR(job.context.Check());
        Row row;
        ASSIGN_OR_RETURN(row.cells, DecodeCells(*source.table, stored.cells));
        OfferStored(stored, row, job);
        return true;
      });
  if (job.query.analyze) {
    job.result.stats.segments.push_back({.segment = "rows",
                                         .rescored = job.result.stats.rescored,
                                         .nanos = source.clock->MonotonicNanos() - started});
  }
  return status;
}

// From the change list, which has a row once for each of its versions: the newest counts.
absl::Status ExactFromUnfed(const IndexSnapshot& index, RankJob& job) {
  const QuerySource& source = job.source;
  const RowStore::View* const view = source.snapshot->rows.get();
  const int64_t started = source.clock->MonotonicNanos();
  const uint64_t scored_before = job.result.stats.rescored;
  uint64_t seen = 0;
  const auto offer = [&](const Change& change) -> absl::Status {
    if (++seen % 256 == 0) RETURN_IF_ERROR(job.context.Check());
    if (change.kind == Mutation::Kind::kDelete) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto stored,
                     source.rows->Get(view, source.table->id, change.row_id, source.snapshot->seq));
    if (!stored.has_value() || stored->version != change.seq) return absl::OkStatus();
    Row row;
    ASSIGN_OR_RETURN(row.cells, DecodeCells(*source.table, stored->cells));
    ++job.result.stats.tail_rows;
    OfferStored(*stored, row, job);
    return absl::OkStatus();
  };
  const absl::Status status =
      source.rows->ReadChanges(view, source.table->id, *index.unfed_after, offer);
  if (job.query.analyze) {
    job.result.stats.segments.push_back({.segment = "not applied",
                                         .rescored = job.result.stats.rescored - scored_before,
                                         .nanos = source.clock->MonotonicNanos() - started});
  }
  return status;
}

}  // namespace ordinate
