#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "engine/query/filter.h"
#include "engine/segment/sealed_segment.h"

namespace ordinate {

/// A filter compiled for the captured columns of one segment. NOT is pushed down to the leaves, so
/// all above them are AND and OR, in which unknown counts as false: a tree matches a row when, and
/// only when, the filter is true for it.
struct MatchNode {
  /// Ordered by cost: the children of AND and OR are sorted by it.
  enum class Op : uint8_t {
    kNever,
    kAlways,
    kPresent,      // not NULL; negated: NULL
    kRange,        // first_rank <= rank <= first_rank + span
    kEqual,        // STRING = text
    kPrefix,       // STRING begins with text
    kLess,         // STRING < text
    kLessOrEqual,  // STRING <= text
    kRankIn,       // rank in ranks
    kTextIn,       // STRING in texts
    kAnd,
    kOr,
  };

  Op op = Op::kNever;
  /// Of a test of a column: matches where the test fails. Rows with NULL match neither way.
  bool negated = false;
  const CapturedColumn* column = nullptr;
  uint64_t first_rank = 0, span = 0;
  std::string_view text;  // the filter's
  absl::flat_hash_set<uint64_t> ranks;
  absl::flat_hash_set<std::string_view> texts;
  std::vector<MatchNode> children;
  /// Whether a row matches this node, by a function for its op and the column's type; RowMatcher's.
  bool (*matches)(const MatchNode& node, uint32_t row) = nullptr;
};

/// REQUIRES: `filter` came from BindFilter for the table that `segment` is bound to; both outlive
/// the result.
MatchNode CompileFilter(const Filter& filter, const SealedSegment& segment);

}  // namespace ordinate
