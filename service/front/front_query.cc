#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "engine/query/rank_sink.h"
#include "engine/query/shortfall.h"
#include "engine/shard/answer_size.h"
#include "service/front/bound_query.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

void AddStats(const ShardQueryStats& shard, ShardQueryStats& total) {
  total.nodes_visited += shard.nodes_visited;
  total.distances += shard.distances;
  total.candidates += shard.candidates;
  total.rescored += shard.rescored;
  total.tail_rows += shard.tail_rows;
}

}  // namespace

absl::StatusOr<Front::Ranking> Front::Rank(const BoundQuery& bound, const ShardQuery& query,
                                           uint64_t most, const CallContext& context) const {
  const Spread spread = query.plan.path == Path::kExact ? Spread::kParallel : Spread::kInline;
  RETURN_IF_ERROR(context.Check());
  auto each = GatherEach<ShardQueryResult>(
      shards_.size(), spread, options_.executor,
      [&](size_t shard, ShardClient::Done<ShardQueryResult> done) {
        if (bound.snapshot_ids.empty()) {
          shards_[shard]->Query(bound.table, query, context, std::move(done));
          return;
        }
        ShardQuery pinned = query;
        pinned.snapshot_id = bound.snapshot_ids[shard];
        shards_[shard]->Query(bound.table, pinned, context, std::move(done));
      });
  std::vector<ShardQueryResult> answers;
  absl::Status failed;
  for (auto& answer : each) {
    failed.Update(answer.status());
    answers.push_back(answer.ok() ? *std::move(answer) : ShardQueryResult());
  }
  if (failed.ok()) return Merge(query, std::move(answers), most);
  // What the other shards began to hold for this question, nobody asks for.
  for (size_t shard = 0; shard < answers.size() && bound.snapshot_ids.empty(); ++shard) {
    const uint64_t held = answers[shard].snapshot_id;
    if (held != 0) shards_[shard]->ReleaseSnapshot(held);
  }
  return failed;
}

absl::StatusOr<Front::Ranking> Front::Merge(const ShardQuery& query,
                                            std::vector<ShardQueryResult> answers,
                                            uint64_t most) const {
  Ranking ranking;
  std::vector<std::vector<RankedRow>> lists;
  for (uint32_t shard = 0; shard < answers.size(); ++shard) {
    ShardQueryResult& answer = answers[shard];
    ranking.visible_seq[shard] = answer.visible_seq;
    if (answer.generation != 0) ranking.generations[shard] = answer.generation;
    ranking.bounds.push_back(answer.bound);
    ranking.ties_proven &= answer.bound_proven;
    ranking.gave_up |= answer.gave_up;
    ranking.w_used = std::max(ranking.w_used, answer.w_used);
    if (query.hold != HoldFor::kNothing) ranking.snapshot_ids.push_back(answer.snapshot_id);
    AddStats(answer.stats, ranking.stats);
    ranking.shard_stats.push_back(std::move(answer.stats));
    lists.push_back(std::move(answer.ranked));
  }
  const RowOrder order = SelectionOrder(query.plan, query.order_by);
  uint64_t bytes = 0;
  for (const MergedRef& ref : MergeSorted(order, lists, 0, most)) {
    ranking.rows.push_back(std::move(lists[ref.list][ref.position]));
    ranking.shards.push_back(ref.list);
    ranking.cells.push_back(std::move(answers[ref.list].rows[ref.position]));
    bytes += RoughBytes(ranking.cells.back()) + KeyBytes(ranking.rows.back());
    RETURN_IF_ERROR(CheckAnswerBytes(bytes, options_.max_answer_bytes));
  }
  return ranking;
}

absl::StatusOr<Front::Ranking> Front::RankToTheEnd(BoundQuery& bound, ShardQuery& query,
                                                   const CallContext& context) const {
  const RowOrder order = SelectionOrder(query.plan, query.order_by);
  ShardQueryStats spent;
  while (true) {
    absl::StatusOr<Ranking> ranking = Rank(bound, query, query.plan.k, context);
    if (absl::IsAborted(ranking.status()) && CanDoWithoutIndex(query.plan)) {
      // The index stopped answering since the shards were asked: dropped, or found damaged.
      query.plan = FallBack(query.plan, Reason::kIndexNotReady);
      continue;
    }
    if (!ranking.ok()) return ranking;
    AddStats(spent, ranking->stats);
    if (query.hold != HoldFor::kNothing) bound.snapshot_ids = ranking->snapshot_ids;
    if (query.plan.path != Path::kAnn) return ranking;
    const Preselected found{ranking->rows, ranking->bounds, bound.index_rows(),
                            query.filter.has_value(), ranking->gave_up};
    const Shortfall shortfall = Judge(query.plan, order, found);
    if (shortfall == Shortfall::kNone) return ranking;
    spent = ranking->stats;
    std::optional<Plan> larger;
    if (!found.gave_up) larger = WithLargerW(query.plan, bound.index_m, bound.probes);
    query.plan =
        larger.has_value() ? *std::move(larger) : FallBack(query.plan, ReasonFor(shortfall));
  }
}

void Front::Release(const std::vector<uint64_t>& snapshot_ids) const {
  for (size_t shard = 0; shard < snapshot_ids.size(); ++shard) {
    shards_[shard]->ReleaseSnapshot(snapshot_ids[shard]);
  }
}

absl::Status Front::FetchCells(const BoundQuery& bound, const std::vector<uint64_t>& snapshot_ids,
                               Ranking& ranking, const CallContext& context) const {
  std::vector<ShardFetch> fetches(shards_.size());
  std::vector<std::vector<size_t>> places(shards_.size());
  for (size_t i = 0; i < ranking.rows.size(); ++i) {
    const uint32_t shard = ranking.shards[i];
    const RankedRow& row = ranking.rows[i];
    fetches[shard].rows.push_back({row.id, row.version, row.place});
    places[shard].push_back(i);
  }
  for (size_t shard = 0; shard < fetches.size(); ++shard) {
    fetches[shard].table_id = bound.table.id;
    fetches[shard].index_id = bound.query.plan.index_id;
    fetches[shard].snapshot_id = snapshot_ids[shard];
    fetches[shard].columns = bound.query.columns;
  }
  ASSIGN_OR_RETURN(
      std::vector<std::vector<Row>> answers,
      Gather<std::vector<Row>>(shards_.size(), Spread::kParallel, options_.executor, context,
                               [&](size_t shard, ShardClient::Done<std::vector<Row>> done) {
                                 shards_[shard]->Fetch(bound.table, fetches[shard], context,
                                                       std::move(done));
                               }));
  ranking.cells.assign(ranking.rows.size(), Row{});
  uint64_t bytes = 0;
  for (size_t shard = 0; shard < answers.size(); ++shard) {
    for (size_t i = 0; i < answers[shard].size(); ++i) {
      bytes += RoughBytes(answers[shard][i]);
      RETURN_IF_ERROR(CheckAnswerBytes(bytes, options_.max_answer_bytes));
      ranking.cells[places[shard][i]] = std::move(answers[shard][i]);
    }
  }
  return absl::OkStatus();
}

void Front::Cut(const BoundQuery& bound, Ranking& ranking) {
  std::vector<size_t> kept(ranking.rows.size());
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  const Plan& plan = bound.query.plan;
  if (plan.ties.form == TieForm::kWithinK) {
    const RowOrder order = RowOrder::KeysFirst(plan.score_descending, bound.query.order_by);
    if (bound.after.has_value()) {
      std::erase_if(kept, [&](size_t i) { return !order(*bound.after, ranking.rows[i]); });
    }
    std::sort(kept.begin(), kept.end(),
              [&](size_t a, size_t b) { return order(ranking.rows[a], ranking.rows[b]); });
  }
  const size_t first = std::min<size_t>(bound.offset, kept.size());
  const size_t last = std::min<size_t>(first + bound.limit, kept.size());
  Ranking cut;
  for (size_t i = first; i < last; ++i) {
    cut.rows.push_back(std::move(ranking.rows[kept[i]]));
    cut.shards.push_back(ranking.shards[kept[i]]);
    cut.cells.push_back(std::move(ranking.cells[kept[i]]));
  }
  ranking.rows = std::move(cut.rows);
  ranking.shards = std::move(cut.shards);
  ranking.cells = std::move(cut.cells);
}

absl::StatusOr<QueryResult> Front::Answer(const QueryRequest& request, const CallContext& context) {
  ASSIGN_OR_RETURN(BoundQuery bound, Bind(request, /*hold=*/false, context));
  return AnswerBound(request, std::move(bound), context);
}

absl::StatusOr<QueryResult> Front::AnswerBound(const QueryRequest& request, BoundQuery bound,
                                               const CallContext& context) const {
  if (bound.group_position.has_value()) return AnswerGroups(bound, request.analyze, context);
  ShardQuery query = bound.query;
  query.analyze = request.analyze;
  const bool late = bound.FetchesLate();
  query.hold = bound.paged ? HoldFor::kPage : late ? HoldFor::kCall : HoldFor::kNothing;
  // The last page of several may be asked for again, so what a token holds is left to expire.
  bool release = bound.snapshot_ids.empty();
  const absl::Cleanup done = [&] {
    if (release) Release(bound.snapshot_ids);
  };
  if (late) query.columns.clear();
  absl::StatusOr<Ranking> ranked = RankToTheEnd(bound, query, context);
  if (IsLost(bound, ranked.status()) && request.on_lost_snapshot == OnLostSnapshot::kLatest) {
    bound.snapshot_ids.clear();
    ranked = RankToTheEnd(bound, query, context);
  }
  if (!ranked.ok()) return ranked.status();
  Ranking& ranking = *ranked;
  bound.query.plan = query.plan;
  Cut(bound, ranking);
  if (late) RETURN_IF_ERROR(FetchCells(bound, bound.snapshot_ids, ranking, context));
  const bool more = bound.paged && ranking.rows.size() == bound.limit;
  if (more) release = false;
  return Finish(bound, std::move(ranking), more);
}

absl::StatusOr<QueryResult> Front::Finish(const BoundQuery& bound, Ranking ranking,
                                          bool more) const {
  QueryResult result{.plan = bound.query.plan, .columns = bound.query.columns};
  if (bound.query.plan.index_id != 0) result.plan.generation_by_shard = ranking.generations;
  if (more) {
    QueryCursor cursor;
    cursor.rows_before = bound.query.plan.before + bound.offset + ranking.rows.size();
    cursor.last = ranking.rows.back();
    cursor.snapshot_ids = ranking.snapshot_ids;
    cursor.index_id = bound.index_id;
    cursor.lag_policy = bound.lag_policy;
    cursor.like_id = bound.query.exclude.value_or(0);
    cursor.like_vector = bound.like_vector;
    ASSIGN_OR_RETURN(result.next_page_token,
                     MakeQueryToken(bound.table, bound.fingerprint, bound.query.order_by, cursor));
  }
  result.ranked = std::move(ranking.rows);
  for (RankedRow& row : result.ranked) row.keys = {};  // of use no more, and large perhaps
  result.rows = std::move(ranking.cells);
  result.visible_seq = std::move(ranking.visible_seq);
  result.stats = std::move(ranking.stats);
  result.shard_stats = std::move(ranking.shard_stats);
  result.tie_closed = ranking.ties_proven;
  result.w_used = std::max(bound.query.plan.w, ranking.w_used);
  return result;
}

absl::StatusOr<QueryResult> Front::Query(const QueryRequest& request, const CallContext& context) {
  const int64_t started = NowNanos();
  absl::StatusOr<QueryResult> result = Answer(request, context);
  Tell(request, NowNanos() - started, result);
  return result;
}

void Front::Tell(const QueryRequest& request, int64_t nanos,
                 absl::StatusOr<QueryResult>& result) const {
  if (result.ok()) result->server_nanos = nanos;
  if (options_.observer != nullptr && !request.own)
    options_.observer->OnQuery(request, result, nanos);
}

absl::StatusOr<Plan> Front::Explain(const QueryRequest& request, const CallContext& context) {
  ASSIGN_OR_RETURN(BoundQuery bound, Bind(request, /*hold=*/false, context));
  return std::move(bound.query.plan);
}

}  // namespace ordinate
