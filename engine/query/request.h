#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/filter.h"
#include "engine/query/order.h"
#include "storage/model/schema.h"

namespace ordinate {

enum class Path : uint8_t { kAuto = 0, kAnn = 1, kExact = 2 };
enum class Direction : uint8_t { kNearest = 0, kAscending = 1, kDescending = 2 };

inline constexpr uint32_t kMaxLimit = 10'000;
inline constexpr uint32_t kMaxOffset = 100'000;
inline constexpr uint32_t kMaxRowsPerGroup = 1'000;
inline constexpr uint32_t kMaxBatch = 1'000;

/// Bounds on the score, both inclusive: rows outside are no part of the answer.
struct ScoreRange {
  std::optional<double> min;
  std::optional<double> max;

  bool bounded() const { return min.has_value() || max.has_value(); }
  bool Contains(double score) const {
    return (!min.has_value() || score >= *min) && (!max.has_value() || score <= *max);
  }
};

/// The best `limit` groups of rows that share a value of `column` (NULL is one), in the order of
/// their best row, with their best `rows` rows each.
struct GroupBy {
  std::string column;
  uint64_t rows = 1;
};

/// A stored row whose vector is the query vector; the row itself is left out.
struct LikeRow {
  std::vector<Value> key;  // empty: by row id
  RowId row_id = 0;
};

/// What becomes of rows that the index has not applied yet (contract 5.4).
enum class LagPolicy : uint8_t { kScanTail = 1, kSkipTail = 2, kWait = 3, kFail = 4 };
std::string_view LagPolicyName(LagPolicy policy);

/// What a reader asks beyond the promise of the index's mode.
struct Freshness {
  std::optional<LagPolicy> policy;         // unset: by the index's mode
  std::map<uint32_t, uint64_t> min_seq;    // by shard: what the answer has to show
  std::optional<uint64_t> max_lag_rows;    // kFail, of any shard
  std::optional<uint64_t> max_lag_micros;  // kFail; neither: no row may wait

  bool asks() const { return policy.has_value() || !min_seq.empty(); }
};

/// What becomes of a page whose snapshot is gone.
enum class OnLostSnapshot : uint8_t { kError = 0, kLatest = 1 };

/// A question as asked: names not yet resolved, nothing validated.
struct QueryRequest {
  std::string table;
  std::string column;
  Vector vector;
  std::optional<LikeRow> like;  // instead of `vector`
  std::optional<Metric> metric;
  uint64_t limit = 0;
  uint64_t offset = 0;
  Direction direction = Direction::kNearest;
  TieRule ties;
  std::vector<SortKey> order_by;
  ScoreRange range;
  std::optional<Filter> filter;
  std::vector<std::string> columns;  // empty: key columns; "*": all
  std::string index;
  Path path = Path::kAuto;
  std::map<std::string, std::string> settings;
  bool include_null_vectors = false;
  std::optional<GroupBy> group_by;  // `limit` and `offset` count groups
  bool paged = false;               // hold the snapshot and return a token for the next page
  std::string page_token;           // of the page before; implies `paged`
  OnLostSnapshot on_lost_snapshot = OnLostSnapshot::kError;
  Freshness freshness;
  uint64_t preselect = 0;  // W on each shard, instead of alpha * k; 0: alpha * k
  bool analyze = false;    // say what each shard and segment did
  bool own = false;        // the server's own question: no observer is told
};

}  // namespace ordinate
