#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/request.h"
#include "service/statement/output.h"
#include "service/statement/statement.h"
#include "service/statement/translate.h"

namespace ordinate::statement {

// What the kinds of SELECT share.

/// The names by which columns of a source in FROM are qualified.
class SourceNames {
 public:
  SourceNames(std::string_view name, const std::string& alias) : names_{std::string(name)} {
    if (!alias.empty()) names_.push_back(alias);
  }
  bool Has(std::string_view qualifier) const;
  /// INVALID_ARGUMENT with the names there are. No qualifier is fine.
  absl::Status Check(std::string_view qualifier) const;
  absl::Status Check(const std::set<std::string>& qualifiers) const;

 private:
  std::vector<std::string> names_;
};

/// The name of an answer's column: the alias, else a name for the score.
std::string NameOf(const SelectItem& item, const Score& score);

/// INVALID_ARGUMENT for ROW: only the score that orders the answer takes it.
absl::StatusOr<ScalarScore> ToScalar(const Score& score);

/// Whether both have one value, whatever their forms and qualifiers.
bool IsSameScore(const Score& a, const Score& b);

/// The sort keys, with an item's alias replaced by the item.
std::vector<OrderItem> ResolveAliases(const Select& select);

/// ASC, DESC and NULLS alone: what a sort key that is no score takes.
absl::Status CheckPlainKey(const OrderItem& item);
/// SQL's default is last when ascending, first when descending.
bool NullsFirst(const OrderItem& item);

/// The bounds that the scores' values set to the score itself, strict ones by the next number.
ScoreRange RangeOf(const std::vector<ScoreBound>& bounds);

/// SELECT from a table function.
absl::StatusOr<FunctionSelect> ToFunctionSelect(const Select& select);

}  // namespace ordinate::statement
