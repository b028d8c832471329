#include "service/statement/where_reader.h"

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "engine/query/found_token.h"
#include "service/statement/errors.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

constexpr size_t kMaxBounds = 16;

absl::Status Misplaced() {
  return absl::InvalidArgumentError(
      "a bound on a score stands alone or is joined by AND to the other conditions, outside "
      "parentheses, OR and NOT");
}

// Blanks that keep every line and column where it is.
void Erase(std::string& text, size_t begin, size_t end) {
  std::replace_if(
      text.begin() + static_cast<std::ptrdiff_t>(begin),
      text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) { return c != '\n'; }, ' ');
}

}  // namespace

void WhereReader::Begin(size_t byte) {
  *this = WhereReader();
  active_ = true;
  begin_ = byte;
}

void WhereReader::AddComment(size_t byte, size_t size) {
  if (active_) erased_.emplace_back(byte, byte + size);
}

void WhereReader::AddQualifier(size_t byte, size_t size, std::string name) {
  erased_.emplace_back(byte, byte + size);
  where_.qualifiers.insert(std::move(name));
}

void WhereReader::AddAnd(size_t byte) {
  if (depth_ > 0) return;
  if (between_) {
    between_ = false;
    last_ = Last::kOther;
  } else if (last_ == Last::kFirstBound) {
    erased_.emplace_back(byte, byte + 3);
    last_ = Last::kNothing;
  } else {
    and_ = byte;
    last_ = Last::kAnd;
  }
}

void WhereReader::AddBetween() {
  if (depth_ == 0) between_ = true;
  last_ = Last::kOther;
}

void WhereReader::AddParenthesis(bool open) {
  if (open) {
    ++depth_;
  } else if (depth_ > 0) {
    --depth_;
  }
  last_ = Last::kOther;
}

absl::Status WhereReader::AddOr() {
  last_ = Last::kOther;
  if (depth_ > 0) return absl::OkStatus();
  has_or_ = true;
  return where_.bounds.empty() ? absl::OkStatus() : Misplaced();
}

absl::Status WhereReader::AddBound(size_t byte, size_t size, ScoreBound bound) {
  const bool follows_and = last_ == Last::kAnd;
  if (depth_ > 0 || has_or_ || (!follows_and && last_ != Last::kNothing)) return Misplaced();
  if (where_.bounds.size() == kMaxBounds) {
    return absl::InvalidArgumentError(
        Concat("more than ", kMaxBounds, " bounds on the score, the most allowed"));
  }
  erased_.emplace_back(follows_and ? and_ : byte, byte + size);
  last_ = follows_and ? Last::kBound : Last::kFirstBound;
  where_.bounds.push_back(std::move(bound));
  return absl::OkStatus();
}

absl::StatusOr<Where> WhereReader::End(std::string_view text, size_t end) {
  active_ = false;
  // Nothing but bounds: there is no text left for a filter.
  if (last_ != Last::kFirstBound) {
    ASSIGN_OR_RETURN(where_.filter, ReadFilter(text, end));
  }
  return std::move(where_);
}

absl::StatusOr<Filter> WhereReader::ReadFilter(std::string_view text, size_t end) const {
  std::string filter_text(text.substr(0, end));
  Erase(filter_text, 0, begin_);
  for (const auto& [from, to] : erased_) Erase(filter_text, from, to);
  absl::StatusOr<Filter> filter = ParseFilter(filter_text);
  if (filter.ok()) return filter;
  // The filter's end is not the statement's.
  const absl::string_view message =
      absl::StripPrefix(AbslView(MessageOf(filter.status())), "filter: ");
  return absl::InvalidArgumentError(Concat(
      "statement: ",
      absl::StrReplaceAll(message, {{": found the end, ",
                                     Concat(": found ", FoundToken(text.substr(end)), ", ")}})));
}

}  // namespace ordinate::statement
