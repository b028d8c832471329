#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/filter.h"
#include "storage/model/schema.h"

namespace ordinate {

/// A secondary sort key. `column_position` is set by BindSortKeys.
struct SortKey {
  std::string column;
  bool descending = false;
  bool nulls_first =
      false;  // resolved: SQL's default is last when ascending, first when descending
  uint32_t column_position = 0;
};

inline constexpr size_t kMaxSortKeys = 16;

/// Resolves columns; keys must be scalars. INVALID_ARGUMENT naming the culprit.
absl::StatusOr<std::vector<SortKey>> BindSortKeys(std::vector<SortKey> keys, const TableDef& table);

/// A row as the order sees it. Rows without a score (NULL vector) come after all that have one.
struct RankedRow {
  std::optional<double> score;
  std::vector<Value> keys;  // parallel to the sort keys
  RowId id = 0;
  uint64_t version = 0;
};

/// The one total order (contract 2.2), used by heap, merge and paging: score in its direction,
/// then the keys, then row id ascending. Immutable, thread-safe.
class RowOrder {
 public:
  RowOrder(bool score_descending, std::vector<SortKey> keys)
      : score_descending_(score_descending), keys_(std::move(keys)) {}

  bool score_descending() const { return score_descending_; }
  const std::vector<SortKey>& keys() const { return keys_; }

  /// True when score `a` comes strictly before `b`.
  bool ScoreBefore(double a, double b) const { return score_descending_ ? a > b : a < b; }

  /// Strict weak order; total over rows with distinct ids.
  bool operator()(const RankedRow& a, const RankedRow& b) const;

  /// Fills `row.keys` from the cells.
  void ReadKeys(const CellSource& cells, RankedRow& row) const;

 private:
  bool score_descending_;
  std::vector<SortKey> keys_;
};

/// Keeps the best `limit` rows offered, in bounded memory (a heap of at most `limit`).
class TopRows {
 public:
  /// `order` must outlive this. REQUIRES: limit >= 1.
  TopRows(const RowOrder& order, size_t limit) : order_(order), limit_(limit) {}

  /// Whether a row with this score could still enter: false lets a scan skip reading its keys.
  bool CouldEnter(const std::optional<double>& score) const;
  void Offer(RankedRow row);
  size_t size() const { return heap_.size(); }
  /// The rows in order; leaves this empty.
  std::vector<RankedRow> Take();

 private:
  const RowOrder& order_;
  const size_t limit_;
  std::vector<RankedRow> heap_;  // worst first
};

/// Merges sorted lists of distinct rows into the first `limit` after skipping `offset`. Returns,
/// per output row, which list and which position in it. Pure; knows nothing of transport.
struct MergedRef {
  uint32_t list = 0;
  uint32_t position = 0;
};
std::vector<MergedRef> MergeSorted(const RowOrder& order,
                                   std::span<const std::vector<RankedRow>> lists, size_t offset,
                                   size_t limit);

}  // namespace ordinate
