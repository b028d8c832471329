#include "service/front/near_names.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "storage/base/text.h"
#include "storage/model/schema.h"

namespace ordinate {
namespace {

constexpr size_t kMostEdits = 2;
constexpr size_t kMostNames = 3;

// Levenshtein distance, letters in any case. REQUIRES: both short.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      const size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string QuotedName(std::string_view name) {
  const bool cut = name.size() > kMaxNameLength;
  return Concat("'", absl::CHexEscape(AbslView(name.substr(0, kMaxNameLength))), cut ? "..." : "",
                "'");
}

std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& known) {
  std::vector<std::pair<size_t, std::string_view>> near;
  for (const std::string_view candidate : known) {
    const size_t longer = std::max(name.size(), candidate.size());
    const size_t shorter = std::min(name.size(), candidate.size());
    if (longer - shorter > kMostEdits || longer > kMaxNameLength) continue;
    const size_t edits = Edits(name, candidate);
    if (edits <= kMostEdits && edits < longer) near.emplace_back(edits, candidate);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMostNames) near.resize(kMostNames);
  std::string text;
  for (const auto& [edits, candidate] : near) {
    text += Concat(text.empty() ? "; did you mean " : " or ", "'", candidate, "'");
  }
  return text.empty() ? text : text + "?";
}

}  // namespace ordinate
