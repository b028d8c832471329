#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/shard/answer_size.h"
#include "engine/shard/shard_client.h"
#include "engine/shard/shard_snapshot.h"
#include "storage/base/clock.h"
#include "storage/base/context.h"
#include "storage/base/executor.h"

namespace ordinate {

/// What a question is answered from on one shard. Borrowed for the call.
struct QuerySource {
  const TableDef* table = nullptr;
  const RowStore* rows = nullptr;
  const ShardSnapshot* snapshot = nullptr;
  Executor* executor = nullptr;  // splits large scans
  const Clock* clock = nullptr;
  uint64_t max_answer_bytes = kMaxAnswerBytes;
};

struct QueryOutcome {
  absl::StatusOr<ShardQueryResult> result = absl::UnknownError("not executed");
  bool index_damaged = false;  // DATA_LOSS is of the index's file, not of the row store
};

/// Executes `query` on one published snapshot: candidates by its plan's path, scored exactly,
/// ordered, cut at plan.k, and its columns fetched from the same versions. Where the plan's index
/// does not answer here, the rows do under an EXACT plan, and it is ABORTED under an ANN plan.
QueryOutcome ExecuteQuery(const QuerySource& source, const ShardQuery& query,
                          const CallContext& context);

/// As ExecuteQuery, from the rows themselves, though the index may seem to answer.
absl::StatusOr<ShardQueryResult> ExecuteByRows(const QuerySource& source, const ShardQuery& query,
                                               const CallContext& context);

/// As ExecuteQuery for each of `queries`; those on the EXACT path of one index share its scan.
/// Parallel to `queries`.
std::vector<QueryOutcome> ExecuteQueries(const QuerySource& source,
                                         std::span<const ShardQuery> queries,
                                         const CallContext& context);

/// `columns` of rows ranked on the source's snapshot by index `index_id` (0: none), in the order of
/// `refs`. RESOURCE_EXHAUSTED: they are larger than an answer may be.
absl::StatusOr<std::vector<Row>> FetchColumns(const QuerySource& source, uint32_t index_id,
                                              const std::vector<ShardFetch::Ref>& refs,
                                              const std::vector<uint32_t>& columns,
                                              const CallContext& context);

}  // namespace ordinate
