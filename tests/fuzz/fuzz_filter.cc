#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/filter.h"
#include "engine/segment/row_matcher.h"
#include "ordinate/v1/filter.pb.h"
#include "service/wire/filters.h"
#include "service/wire/utf8.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/rules.h"
#include "tests/fuzz/target.h"
#include "tests/query/query_fixtures.h"
#include "tests/query/random_filters.h"
#include "tests/segment/sealed_rows.h"
#include "tests/support/temp_dir.h"

namespace ordinate::fuzz {
namespace {

constexpr uint32_t kRows = 70;  // more than a word of bits

// Rows of EveryTypeTable(), sealed, with every value that conditions of the corpus speak of.
class Rows {
 public:
  static const Rows& Get() {
    static const Rows rows;
    return rows;
  }
  const TableDef& table() const { return table_; }
  const SealedSegment& segment() const { return *segment_; }

 private:
  Rows() : table_(EveryTypeTable()) {
    RandomFilters random(1);
    std::vector<Cells> rows(kRows);
    for (Cells& row : rows) {
      for (uint32_t position = 0; position < 6; ++position) row.push_back(random.Cell(position));
    }
    TempDir folder;  // the file stays readable once it is open
    segment_ = SealRows(table_, {0, 1, 2, 3, 4, 5}, rows, folder.Sub("rows.vdata"));
    if (segment_ == nullptr) std::abort();
  }

  const TableDef table_;
  std::shared_ptr<const SealedSegment> segment_;
};

// Compiled for a segment, a filter matches the rows that it is true for, asked either way.
absl::Status CheckMatches(const Filter& bound, const Filter& same) {
  const SealedSegment& segment = Rows::Get().segment();
  const RowMatcher matcher(bound, segment);
  MatchedRows matched;
  matcher.MatchBlock(0, kRows, matched);
  SealedCells cells(segment);
  for (uint32_t row = 0; row < kRows; ++row) {
    cells.MoveTo(row);
    const Truth truth = Evaluate(bound, cells);
    const bool is_true = truth == Truth::kTrue;
    if (matcher.Matches(row) == is_true && (matched.Next(row) == row) == is_true &&
        Evaluate(same, cells) == truth) {
      continue;
    }
    return Rule(false, "compiled for rows, for blocks, and read back, a filter means the same",
                Concat("row ", row, ": ", FilterText(bound)));
  }
  return absl::OkStatus();
}

// A tree that was read: it prints, reads, binds and matches.
absl::Status CheckTree(const Filter& filter) {
  const TableDef& table = Rows::Get().table();
  const absl::StatusOr<Filter> bound = BindFilter(filter, table);
  if (!CheckFilterShape(filter).ok())
    return Rule(!bound.ok(), "a filter beyond the limits is refused");
  if (!bound.ok()) {
    return IsUtf8(FilterText(filter)) ? CheckRefusal(bound.status()) : absl::OkStatus();
  }
  RETURN_IF_ERROR(CheckFilterText(filter));
  RETURN_IF_ERROR(CheckFilterText(*bound));
  const absl::StatusOr<Filter> again = BindFilter(*ParseFilter(FilterText(filter)), table);
  RETURN_IF_ERROR(Rule(again.ok(), "a filter read back binds", FilterText(filter)));
  return CheckMatches(*bound, *again);
}

absl::Status CheckText(std::string_view text) {
  const absl::StatusOr<Filter> filter = ParseFilter(text);
  if (!filter.ok()) return CheckTextRefusal(filter.status(), "filter", text);
  RETURN_IF_ERROR(Rule(CheckFilterShape(*filter).ok(), "what reads is within the limits"));
  RETURN_IF_ERROR(CheckFilterText(*filter));
  return CheckTree(*filter);
}

// Whether a part of the tree came as text, which counts for itself when it is read.
bool HasText(const Filter& filter) {
  return filter.from_text || std::any_of(filter.children.begin(), filter.children.end(), &HasText);
}

absl::Status CheckMessage(const v1::Filter& proto) {
  const absl::StatusOr<Filter> filter = FilterFromProto(proto);
  if (!filter.ok()) return CheckRefusal(filter.status());
  RETURN_IF_ERROR(CheckTree(*filter));
  if (!CheckFilterShape(*filter).ok()) {
    return Rule(HasText(*filter), "what is read from a message alone is within the limits");
  }
  v1::Filter again;
  FilterToProto(*filter, &again);
  const absl::StatusOr<Filter> same = FilterFromProto(again);
  RETURN_IF_ERROR(Rule(same.ok(), "the message of a filter reads",
                       Concat(FilterText(*filter), " gives ", same.status().ToString())));
  return Rule(FilterText(*same) == FilterText(*filter), "a filter's message is that filter",
              FilterText(*filter));
}

bool IsMessage(std::string_view input, v1::Filter& proto) {
  return ReadMessage(input, proto) && proto.form_case() != v1::Filter::FORM_NOT_SET;
}

}  // namespace

absl::Status RunFilter(std::string_view input) {
  RETURN_IF_ERROR(CheckText(input));
  v1::Filter proto;
  return ReadMessage(input, proto) ? CheckMessage(proto) : absl::OkStatus();
}

std::string MutateFilter(std::string_view input, size_t most_bytes, uint32_t seed) {
  Random random(seed);
  v1::Filter proto;
  if (IsMessage(input, proto)) {
    MutateMessage(proto, random);
  } else if (random.OneIn(10) && IsUtf8(input)) {
    proto.Clear();
    proto.set_text(std::string(input));
  } else {
    return MutateText(input, most_bytes, random);
  }
  std::string changed = proto.SerializeAsString();
  return changed.size() <= most_bytes ? changed : std::string(input.substr(0, most_bytes));
}

}  // namespace ordinate::fuzz
