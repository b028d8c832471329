#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "engine/query/rank_sink.h"
#include "engine/search/exact_score.h"
#include "engine/shard/query_exec.h"

namespace ordinate {

/// One question being ranked on one snapshot: every row of interest is scored exactly and offered
/// to `sink`. Borrowed for the call; one thread but for the forks of a parallel scan.
struct RankJob {
  const QuerySource& source;
  const ShardQuery& query;
  const RowOrder& order;
  const ExactScorer& scorer;
  const CallContext& context;
  RankSink& sink;
  ShardQueryResult& result;  // what ranking says of itself goes there; not the rows
};

/// RankedRow::place of a row found in an index of the snapshot.
struct SealedPlace {
  uint64_t segment = 0;  // its number in IndexSnapshot::sealed; their number: the tail
  uint32_t row = 0;      // or slot

  uint64_t Note() const { return (segment + 1) << 32 | row; }
  /// Of no note: a segment that no snapshot has.
  static SealedPlace From(uint64_t note) { return {(note >> 32) - 1, static_cast<uint32_t>(note)}; }
};

/// Whether the answer may have the row, its filter aside: not excluded, its score within the range.
inline bool IsWanted(const ShardQuery& query, RowId id, const std::optional<double>& score) {
  if (query.exclude == id) return false;
  return !query.plan.range.bounded() || (score.has_value() && query.plan.range.Contains(*score));
}

/// A score from which on, itself included, no row can be part of what `sink` keeps for the job, by
/// the metric the best first; nullopt: none is known, or the worst come first.
std::optional<double> FirstBeyond(const RankJob& job, const RankSink& sink);

/// Every live matching row of the index.
absl::Status ExactFromIndex(const IndexSnapshot& index, RankJob& job);
/// As ExactFromIndex for each of the jobs, all of one source and context; a segment is scanned once
/// for those whose answer needs no more than scores. The i-th status is the i-th job's.
std::vector<absl::Status> ExactFromIndex(const IndexSnapshot& index,
                                         std::span<RankJob* const> jobs);
/// Its parts: all nodes of the `number`th segment, in blocks over the executor when there are
/// several; and the tail.
absl::Status ScanSealed(const IndexSnapshot& index, size_t number, RankJob& job);
absl::Status ScanTail(const IndexSnapshot& index, RankJob& job);
/// The plan's W nearest nodes of each sealed segment, and the whole tail.
absl::Status AnnFromIndex(const IndexSnapshot& index, RankJob& job);
/// Every live matching row read from the row store.
absl::Status ExactFromRows(RankJob& job);
/// Those of them that the index has not been fed with. REQUIRES: unfed_after.
absl::Status ExactFromUnfed(const IndexSnapshot& index, RankJob& job);

}  // namespace ordinate
