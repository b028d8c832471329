#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

/// Resolves columns; keys must be scalars. INVALID_ARGUMENT naming the culprit and its field,
/// order_by[i].column.
absl::StatusOr<std::vector<SortKey>> BindSortKeys(std::vector<SortKey> keys, const TableDef& table);

/// A row as the order sees it. Rows without a score (NULL vector) come after all that have one.
struct RankedRow {
  std::optional<double> score;
  std::vector<Value> keys;  // parallel to the sort keys, then the carried columns
  RowId id = 0;
  uint64_t version = 0;
  uint64_t place = 0;  // a note of the shard's to itself, where it found the row; 0: none
};

/// How the score and the keys share the order (contract 2.5).
enum class TieForm : uint8_t {
  kTies = 0,     // the keys decide between equal scores
  kBucket = 1,   // scores are compared as floor(score / width), then the keys, then the score
  kWithinK = 2,  // the `n` nearest, ordered by the keys
};
std::string_view TieFormName(TieForm form);  // "TIES", "BUCKET", "WITHIN_K"
struct TieRule {
  TieForm form = TieForm::kTies;
  double width = 0;  // kBucket: finite, > 0
  uint64_t n = 0;    // kWithinK: 1 to kMaxLimit + kMaxOffset

  bool operator==(const TieRule&) const = default;
};

/// The one total order (contract 2.2), used by heap, merge and paging: score in its direction or,
/// with a bucket width, its bucket; then the keys, then the score, then row id ascending.
/// Immutable, thread-safe.
class RowOrder {
 public:
  /// `bucket_width` 0: scores are compared as they are.
  RowOrder(bool score_descending, std::vector<SortKey> keys, double bucket_width = 0)
      : score_descending_(score_descending), bucket_width_(bucket_width), keys_(std::move(keys)) {}

  /// The order in which the n nearest of WITHIN_K come: the keys, then the score, then row id.
  static RowOrder KeysFirst(bool score_descending, std::vector<SortKey> keys) {
    RowOrder order(score_descending, std::move(keys));
    order.keys_first_ = true;
    return order;
  }

  bool score_descending() const { return score_descending_; }
  const std::vector<SortKey>& keys() const { return keys_; }

  /// Has ReadKeys add this column to a row's keys, where it is not compared.
  void Carry(uint32_t column_position) { carried_.push_back(column_position); }

  /// True when a row of score `a` comes before every row of score `b`, whatever their keys.
  bool ScoreBefore(double a, double b) const {
    if (bucket_width_ > 0) {
      a = std::floor(a / bucket_width_);
      b = std::floor(b / bucket_width_);
    }
    return score_descending_ ? a > b : a < b;
  }

  /// Strict weak order; total over rows with distinct ids.
  bool operator()(const RankedRow& a, const RankedRow& b) const;

  /// Fills `row.keys` from the cells.
  void ReadKeys(const CellSource& cells, RankedRow& row) const;

 private:
  bool score_descending_;
  double bucket_width_;
  bool keys_first_ = false;
  std::vector<SortKey> keys_;
  std::vector<uint32_t> carried_;
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
