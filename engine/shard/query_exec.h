#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/order.h"
#include "engine/query/top_rows.h"
#include "engine/shard/answer_size.h"
#include "engine/shard/shard_client.h"
#include "engine/shard/shard_snapshot.h"
#include "storage/base/context.h"
#include "storage/base/executor.h"

namespace ordinate {

/// What a question is answered from on one shard. Borrowed for the call.
struct QuerySource {
  const TableDef* table = nullptr;
  const RowStore* rows = nullptr;
  const ShardSnapshot* snapshot = nullptr;
  Executor* executor = nullptr;  // splits large scans
  uint64_t max_answer_bytes = kMaxAnswerBytes;
};

struct QueryOutcome {
  absl::StatusOr<ShardQueryResult> result;
  bool index_damaged = false;  // DATA_LOSS is of the index's file, not of the row store
};

/// Executes `query` on one published snapshot: candidates by its plan's path, each scored exactly,
/// ordered, cut at plan.k, and its columns fetched from the same versions. ABORTED when the plan's
/// index does not answer here.
QueryOutcome ExecuteQuery(const QuerySource& source, const ShardQuery& query,
                          const CallContext& context);

/// Scores from an index's snapshot: `ExactFromIndex` every live matching row, `AnnFromIndex` the w
/// nearest nodes of each sealed segment and the whole tail.
absl::Status ExactFromIndex(const IndexSnapshot& index, const ShardQuery& query,
                            const RowOrder& order, Executor* executor, const CallContext& context,
                            TopRows& top, ShardQueryStats& stats);
absl::Status AnnFromIndex(const IndexSnapshot& index, const ShardQuery& query,
                          const RowOrder& order, const CallContext& context, TopRows& top,
                          ShardQueryStats& stats);

/// Scores every live matching row read from the row store, as of `snapshot`.
absl::Status ExactFromRows(const QuerySource& source, const ShardQuery& query,
                           const RowOrder& order, const CallContext& context, TopRows& top,
                           ShardQueryStats& stats);

/// Adds what the filter's sampling and the planner need to know of an index.
void SampleFilter(const IndexSnapshot& index, const Filter& filter, ShardProbe& probe);

}  // namespace ordinate
