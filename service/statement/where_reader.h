#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "service/statement/statement.h"

namespace ordinate::statement {

/// Takes a WHERE clause apart, token by token: the bounds on the score, which are conjuncts of the
/// whole clause, and the text of the rest, which ParseFilter reads. Bytes count from the
/// beginning of the statement's text.
class WhereReader {
 public:
  void Begin(size_t byte);

  void AddComment(size_t byte, size_t size);
  void AddQualifier(size_t byte, size_t size, std::string name);
  void AddAnd(size_t byte);
  void AddBetween();
  void AddParenthesis(bool open);
  void AddOther() { last_ = Last::kOther; }
  /// INVALID_ARGUMENT, a message without a place, where a bound cannot stand.
  absl::Status AddOr();
  absl::Status AddBound(size_t byte, size_t size, ScoreBound bound);

  /// The clause ends at `end` of the statement `text`. INVALID_ARGUMENT with its place.
  absl::StatusOr<Where> End(std::string_view text, size_t end);

 private:
  // What the clause's last token at top level was.
  enum class Last { kNothing, kAnd, kFirstBound, kBound, kOther };

  absl::StatusOr<Filter> ReadFilter(std::string_view text, size_t end) const;

  bool active_ = false;
  size_t begin_ = 0;
  Last last_ = Last::kNothing;
  size_t and_ = 0;                                 // where the last AND at top level begins
  size_t depth_ = 0;                               // of parentheses
  bool between_ = false;                           // the next AND belongs to a BETWEEN
  bool has_or_ = false;                            // at top level
  std::vector<std::pair<size_t, size_t>> erased_;  // begin and end of what is no filter text
  Where where_;
};

}  // namespace ordinate::statement
