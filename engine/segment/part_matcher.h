#pragma once

#include <cstdint>
#include <optional>

#include "engine/query/filter.h"
#include "engine/segment/index_snapshot.h"
#include "engine/segment/row_matcher.h"

namespace ordinate {

/// Tells which rows of a segment a filter is true for, in the versions that the index shows: as
/// sealed, or as revised since. Whether a row is masked, it does not look at. Immutable,
/// thread-safe.
class PartMatcher {
 public:
  /// REQUIRES: `filter` came from BindFilter for the table that the segment is bound to; both
  /// outlive the matcher.
  PartMatcher(const Filter& filter, const IndexSnapshot::Sealed& part);

  /// REQUIRES: row < the segment's rows.
  bool Matches(uint32_t row) const {
    const uint32_t slot = part_.revised.Get(row);
    return slot == RowSlots::kNone ? as_sealed_.Matches(row) : MatchesRevised(slot);
  }
  /// See RowMatcher.
  void Prefetch(uint32_t row) const { as_sealed_.Prefetch(row); }
  /// See RowMatcher.
  void MatchBlock(uint32_t first, uint32_t last, MatchedRows& matched) const;

 private:
  bool MatchesRevised(uint32_t slot) const;

  const Filter& filter_;
  const IndexSnapshot::Sealed& part_;
  const RowMatcher as_sealed_;
  std::optional<RowMatcher> of_file_;  // of the revised rows that are in a file
};

}  // namespace ordinate
