#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "service/front/front.h"
#include "service/front/query_token.h"

namespace ordinate {

/// A question with every name resolved, and its plan.
struct Front::BoundQuery {
  TableDef table;
  ShardQuery query;  // its plan included; its snapshot is set per shard
  uint64_t limit = 0;
  uint64_t offset = 0;
  std::vector<ShardProbe> probes;  // by shard
  uint32_t index_id = 0;           // 0: none; as the plan's, unless that reads the rows
  LagPolicy lag_policy = LagPolicy::kScanTail;  // of the index
  uint32_t index_m = 0;
  std::vector<uint64_t> snapshot_ids;  // by shard; empty: the current ones
  bool paged = false;
  uint64_t fingerprint = 0;        // when paged
  Vector like_vector;              // of the row that `like` names
  std::optional<RankedRow> after;  // the row the page comes after, in the answer's order
  std::optional<uint32_t> group_position;
  uint64_t group_rows = 0;
  QueryRequest asked;         // of a stream: for the observer
  int64_t started_nanos = 0;  // likewise

  uint64_t index_rows() const {
    uint64_t rows = 0;
    for (const ShardProbe& probe : probes) rows += probe.index_rows;
    return rows;
  }
  /// Whether columns are read only once it is known which of the ranked rows are returned.
  bool FetchesLate() const { return offset > 0 || query.plan.ties.form == TieForm::kWithinK; }
  uint64_t SnapshotOf(size_t shard) const { return snapshot_ids.empty() ? 0 : snapshot_ids[shard]; }
};

/// The rows all shards ranked, merged in the plan's selection order.
struct Front::Ranking {
  std::vector<RankedRow> rows;                // at most plan.k
  std::vector<uint32_t> shards;               // parallel: where the row lives
  std::vector<Row> cells;                     // parallel, if the shards were asked for columns
  std::vector<std::optional<double>> bounds;  // by shard, see ShardQueryResult
  bool ties_proven = true;                    // every shard's bound is
  bool gave_up = false;                       // a shard's search did, see ShardQueryResult
  uint64_t w_used = 0;                        // the most of a shard
  std::vector<uint64_t> snapshot_ids;         // by shard, if held
  SeqByShard visible_seq;
  std::map<uint32_t, uint64_t> generations;
  ShardQueryStats stats;                     // summed
  std::vector<ShardQueryStats> shard_stats;  // by shard
};

}  // namespace ordinate
