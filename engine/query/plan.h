#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/request.h"
#include "engine/query/settings.h"

namespace ordinate {

/// Why a path was taken (contract 3.5). Names and numbers are part of the API.
enum class Reason : uint8_t {
  kIndexMatch = 1,
  kNoIndex = 2,
  kMetricMismatch = 3,
  kDimMismatch = 4,
  kIndexNotReady = 5,
  kDirection = 6,
  kSmallTable = 7,
  kSelectiveFilter = 8,
  kTiesNotClosed = 9,
  kWNearRowCount = 10,
  kForced = 11,
  kUnderfilled = 12,
  kGroups = 13,
  kNoLimit = 14,
};
/// "INDEX_MATCH" and so on: the enum's name in the API, the metric label.
std::string_view ReasonName(Reason reason);
std::string_view PathName(Path path);  // "ANN", "EXACT"

enum class FilterStrategy : uint8_t { kNone = 0, kScanMatching = 1, kInGraph = 2, kLargerW = 3 };
std::string_view FilterStrategyName(FilterStrategy strategy);

/// How a question is answered: the value that EXPLAIN shows, the shards execute, the log prints.
struct Plan {
  Path path = Path::kExact;
  Reason reason = Reason::kNoIndex;
  std::string sentence;
  std::string index;              // empty: the rows themselves
  uint32_t index_id = 0;          // 0: none
  Engine engine = Engine::kFlat;  // meaningful with an index
  Metric metric = Metric::kL2;
  bool score_descending = false;
  uint32_t ef_search = 0;
  double alpha = 0;
  uint64_t w = 0;
  uint64_t k = 0;       // rows to find: limit + offset, or the n of WITHIN_K
  uint64_t before = 0;  // rows of earlier pages, which a preselection finds again
  TieRule ties;
  ScoreRange range;
  std::string group_by;  // column; empty: rows, not groups
  FilterStrategy filter_strategy = FilterStrategy::kNone;
  double selectivity = 1;
  std::optional<double> nearby_selectivity;  // among the rows nearest to the vector, where tried
  uint32_t shards = 0;
  LagPolicy lag_policy = LagPolicy::kScanTail;
  std::map<uint32_t, uint64_t> generation_by_shard;
  std::vector<std::string> warnings;

  /// The share of rows near the vector that may match. Where fewer do than elsewhere, a search that
  /// expects as many finds out at little cost.
  double ShareNearby() const { return std::max(nearby_selectivity.value_or(0), selectivity); }
};

/// The order in which rows are selected: 2.2 with the plan's buckets. The n of WITHIN_K are
/// selected by plain 2.2. `keys`: bound.
RowOrder SelectionOrder(const Plan& plan, std::vector<SortKey> keys);

/// The stable text form: one fact per line, starting with ANN or EXACT (contract 4.3).
std::string PlanText(const Plan& plan);

/// What one shard knows of the table and, where asked, of one index and filter, at one moment.
struct ShardProbe {
  uint64_t table_rows = 0;
  bool index_usable = false;  // has a published generation that answers
  std::string index_problem;  // why not
  uint64_t generation = 0;
  uint64_t index_rows = 0;  // live rows with a vector the index answers with, tail included
  uint64_t tail_rows = 0;
  uint64_t sampled = 0;         // rows that a sample of them, tried by the filter, stands for
  uint64_t sample_matched = 0;  // of those, matching by that
  uint64_t nearby = 0;          // nodes nearest to the vector it was tried on; 0: it was not
  uint64_t nearby_matched = 0;  // of those, matching
  uint64_t snapshot_id = 0;     // when it was to be held
};

/// Whether the request asks for the nearest rows first, under the metric.
bool IsNearestFirst(const QueryRequest& request, Metric metric);

/// Whether it matters to the plan how many of the rows nearest to the vector match: the sample of
/// all rows alone would have them scanned, at a cost beside which that of finding out is small.
bool WantsNearbySample(const ShardProbe& probe);

/// Which index a question resolves to, before any shard is asked (contract 1.3, 3.5).
struct IndexChoice {
  const IndexDef* index = nullptr;   // null: none
  Reason reason = Reason::kNoIndex;  // why none, when null
  Metric metric = Metric::kL2;
  std::vector<std::string> warnings;
};

/// `candidates`: the table's indexes in resolution order. NOT_FOUND: the named index is not among
/// them or on another column; its metric or dim may differ from the request's: then there is no
/// index and the reason says why. INVALID_ARGUMENT: dim against the column's, zero vector under
/// COSINE.
absl::StatusOr<IndexChoice> ChooseIndex(const QueryRequest& request, const TableDef& table,
                                        const std::vector<const IndexDef*>& candidates);

/// The most rows an index preselects on one shard.
inline constexpr uint64_t kMaxW = 1'000'000;

/// Checks the vector (finite, not empty, dim), limit, offset, W and the number of sort keys and
/// columns. INVALID_ARGUMENT names limit and value; NOT_FOUND: the column.
absl::Status ValidateQuery(const QueryRequest& request, const TableDef& table);

/// INVALID_ARGUMENT: an index that answers would preselect more than kMaxW rows on a shard.
/// `settings`: the server's with the request's applied.
absl::Status CheckW(const QueryRequest& request, const Settings& settings);

/// What becomes of rows that `index` has not applied: as asked, else by its mode. Null: kScanTail,
/// as the rows themselves are read.
LagPolicy ResolveLagPolicy(const Freshness& freshness, const IndexDef* index);

/// The plan: pure, so the same inputs always give the same plan. `settings`: the server's with the
/// request's applied. `probes`: by shard number. `before`: rows on earlier pages. REQUIRES:
/// ValidateQuery took the request.
Plan MakePlan(const QueryRequest& request, const IndexChoice& choice, const Settings& settings,
              const std::vector<ShardProbe>& probes, uint64_t before = 0);

/// Whether a shard whose index stops answering while the plan is executed may be asked once more,
/// after FallBack(kIndexNotReady).
bool CanDoWithoutIndex(const Plan& plan);

/// The plan that answers after `plan` fell short while running: EXACT, for `reason`. After
/// kIndexNotReady a shard whose index does not answer reads the rows themselves, as one with an
/// EXACT plan does from the start; the others show what their index shows.
Plan FallBack(const Plan& plan, Reason reason);

/// The plan that answers with every matching row (contract 3.3): EXACT, for kNoLimit unless the
/// caller forced it.
Plan WithoutLimit(const Plan& plan);

/// `plan` with a larger W, to go on after it fell short; nullopt: scanning every row costs less by
/// now. `m` of the index. REQUIRES: plan.path is kAnn.
std::optional<Plan> WithLargerW(const Plan& plan, uint32_t m,
                                const std::vector<ShardProbe>& probes);

}  // namespace ordinate
