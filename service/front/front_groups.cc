// Groups (contract 3.6): first the best row of each of the best groups, then the rows of those.
#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "engine/query/top_groups.h"
#include "service/front/bound_query.h"
#include "service/front/front.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// The groups in the order of their best row. `rows`: in order, over all shards.
std::vector<Value> GroupsOf(const std::vector<RankedRow>& rows, uint64_t offset, uint64_t limit) {
  std::vector<Value> groups;
  std::map<Value, bool, GroupLess> seen;
  for (const RankedRow& row : rows) {
    if (!seen.emplace(GroupOf(row), true).second) continue;
    if (seen.size() > offset + limit) break;
    if (seen.size() > offset) groups.push_back(GroupOf(row));
  }
  return groups;
}

}  // namespace

absl::StatusOr<QueryResult> Front::AnswerGroups(BoundQuery& bound, bool analyze,
                                                const CallContext& context) const {
  ShardQuery query = bound.query;
  query.analyze = analyze;
  query.columns.clear();
  query.hold = HoldFor::kCall;
  query.groups = ShardGroups{.column_position = *bound.group_position};
  // Every shard's best groups come back, so that none is missed: k a shard, not k in all.
  ASSIGN_OR_RETURN(Ranking best, RankGroups(bound, query, query.plan.k * shards_.size(), context));
  const absl::Cleanup done = [&] { Release(best.snapshot_ids); };
  bound.query.plan = query.plan;
  const std::vector<Value> groups = GroupsOf(best.rows, bound.offset, bound.limit);
  BoundQuery pinned = bound;
  pinned.snapshot_ids = best.snapshot_ids;
  Ranking rows;
  rows.visible_seq = best.visible_seq;
  if (!groups.empty()) {
    query.hold = HoldFor::kNothing;
    query.groups->values = groups;
    query.groups->rows = bound.group_rows;
    const uint64_t most = groups.size() * bound.group_rows * shards_.size();
    ASSIGN_OR_RETURN(rows, RankGroups(pinned, query, most, context));
    KeepBestOfGroups(bound, groups, rows);
    RETURN_IF_ERROR(FetchCells(bound, best.snapshot_ids, rows, context));
  }
  std::map<Value, uint32_t, GroupLess> places;
  for (const Value& group : groups) places.emplace(group, static_cast<uint32_t>(places.size()));
  std::vector<uint32_t> numbers;
  for (const RankedRow& row : rows.rows) numbers.push_back(places.at(GroupOf(row)));
  ASSIGN_OR_RETURN(QueryResult result, Finish(bound, std::move(rows), /*more=*/false));
  result.groups = std::move(numbers);
  return result;
}

absl::StatusOr<Front::Ranking> Front::RankGroups(BoundQuery& bound, ShardQuery& query,
                                                 uint64_t most, const CallContext& context) const {
  absl::StatusOr<Ranking> ranking = Rank(bound, query, most, context);
  if (absl::IsAborted(ranking.status()) && CanDoWithoutIndex(query.plan)) {
    query.plan = FallBack(query.plan, Reason::kIndexNotReady);
    ranking = Rank(bound, query, most, context);
  }
  return ranking;
}

void Front::KeepBestOfGroups(const BoundQuery& bound, const std::vector<Value>& groups,
                             Ranking& ranking) {
  std::map<Value, std::vector<size_t>, GroupLess> members;
  for (size_t i = 0; i < ranking.rows.size(); ++i) {
    std::vector<size_t>& group = members[GroupOf(ranking.rows[i])];
    if (group.size() < bound.group_rows) group.push_back(i);
  }
  Ranking kept;
  for (const Value& group : groups) {
    for (const size_t i : members[group]) {
      kept.rows.push_back(std::move(ranking.rows[i]));
      kept.shards.push_back(ranking.shards[i]);
    }
  }
  ranking.rows = std::move(kept.rows);
  ranking.shards = std::move(kept.shards);
}

}  // namespace ordinate
