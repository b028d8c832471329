#include "storage/base/error_details.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Payloads are text: pairs as two C-escaped parts with a tab between them, one pair a line.
constexpr absl::string_view kFieldViolations = "ordinate/field_violations";
constexpr absl::string_view kPreconditions = "ordinate/preconditions";
constexpr absl::string_view kResource = "ordinate/resource";
constexpr absl::string_view kRetryDelay = "ordinate/retry_delay_millis";

using Pair = std::pair<std::string, std::string>;

std::string PairLine(std::string_view first, std::string_view second) {
  return Concat(absl::CEscape(AbslView(first)), "\t", absl::CEscape(AbslView(second)), "\n");
}

std::optional<std::string> Payload(const absl::Status& status, absl::string_view url) {
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

std::vector<Pair> PairsOf(const std::string& text) {
  std::vector<Pair> pairs;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, '\t');
    Pair pair;
    if (absl::CUnescape(parts.first, &pair.first) && absl::CUnescape(parts.second, &pair.second)) {
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

std::vector<Pair> Pairs(const absl::Status& status, absl::string_view url) {
  return PairsOf(Payload(status, url).value_or(""));
}

}  // namespace

absl::Status WithFieldViolation(absl::Status status, std::string_view field,
                                std::string_view description) {
  std::string text = Payload(status, kFieldViolations).value_or("");
  text += PairLine(field, description);
  status.SetPayload(kFieldViolations, absl::Cord(text));
  return status;
}

absl::Status InField(absl::Status status, std::string_view field) {
  if (!absl::IsInvalidArgument(status) || status.GetPayload(kFieldViolations)) return status;
  const std::string description(MessageOf(status));
  return WithFieldViolation(std::move(status), field, description);
}

absl::Status UnderField(const absl::Status& status, std::string_view parent) {
  const std::vector<FieldViolation> violations = FieldViolations(status);
  if (violations.empty()) return InField(status, parent);
  absl::Status moved = status;
  moved.ErasePayload(kFieldViolations);
  for (const FieldViolation& violation : violations) {
    moved = WithFieldViolation(std::move(moved), Concat(parent, ".", violation.field),
                               violation.description);
  }
  return moved;
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  for (Pair& pair : Pairs(status, kFieldViolations)) {
    violations.push_back({std::move(pair.first), std::move(pair.second)});
  }
  return violations;
}

absl::Status WithResource(absl::Status status, std::string_view type, std::string_view name) {
  status.SetPayload(kResource, absl::Cord(PairLine(type, name)));
  return status;
}

std::optional<ErrorResource> ResourceOf(const absl::Status& status) {
  std::vector<Pair> pairs = Pairs(status, kResource);
  if (pairs.empty()) return std::nullopt;
  return ErrorResource{std::move(pairs[0].first), std::move(pairs[0].second)};
}

absl::Status WithPreconditions(absl::Status status,
                               const std::vector<PreconditionViolation>& violations) {
  std::string text = Payload(status, kPreconditions).value_or("");
  for (const PreconditionViolation& violation : violations) {
    text += PairLine(violation.type, PairLine(violation.subject, violation.description));
  }
  status.SetPayload(kPreconditions, absl::Cord(text));
  return status;
}

std::vector<PreconditionViolation> PreconditionViolations(const absl::Status& status) {
  std::vector<PreconditionViolation> violations;
  for (Pair& outer : Pairs(status, kPreconditions)) {
    const std::vector<Pair> inner = PairsOf(outer.second);
    if (inner.size() != 1) continue;
    violations.push_back({std::move(outer.first), inner[0].first, inner[0].second});
  }
  return violations;
}

absl::Status WithRetryDelay(absl::Status status, uint64_t millis) {
  status.SetPayload(kRetryDelay, absl::Cord(Concat(millis)));
  return status;
}

std::optional<uint64_t> RetryDelayMillis(const absl::Status& status) {
  const auto text = Payload(status, kRetryDelay);
  uint64_t millis = 0;
  if (!text.has_value() || !absl::SimpleAtoi(*text, &millis)) return std::nullopt;
  return millis;
}

absl::Status WithMessage(const absl::Status& status, std::string_view message) {
  absl::Status changed(status.code(), AbslView(message));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { changed.SetPayload(url, payload); });
  return changed;
}

}  // namespace ordinate
