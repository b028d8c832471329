#include "service/front/projection.h"

#include <numeric>
#include <string_view>

#include "service/front/near_names.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr size_t kShownColumns = 20;

absl::Status UnknownColumn(const TableDef& table, const std::string& name, size_t number) {
  std::vector<std::string_view> known;
  for (const ColumnDef& column : table.columns) known.push_back(column.name);
  std::string hint = DidYouMean(name, known);
  if (hint.empty()) {
    hint = "; its columns are ";
    for (size_t i = 0; i < known.size() && i < kShownColumns; ++i) {
      hint += Concat(i == 0 ? "" : ", ", known[i]);
    }
    if (known.size() > kShownColumns) hint += ", ...";
  }
  return InField(absl::InvalidArgumentError(Concat("columns: table '", table.name,
                                                   "' has no column ", QuotedName(name), hint)),
                 Concat("columns[", number, "]"));
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> ResolveColumns(const TableDef& table,
                                                     const std::vector<std::string>& names,
                                                     DefaultColumns when_empty) {
  if (names.empty() && when_empty == DefaultColumns::kKey) return table.key;
  std::vector<uint32_t> positions;
  std::vector<bool> taken(table.columns.size(), false);
  const auto take = [&](uint32_t position) {
    if (!taken[position]) positions.push_back(position);
    taken[position] = true;
  };
  const auto take_all = [&] {
    for (uint32_t i = 0; i < table.columns.size(); ++i) take(i);
  };
  if (names.empty()) take_all();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "*") {
      take_all();
      continue;
    }
    const auto position = table.FindColumn(names[i]);
    if (!position.has_value()) return UnknownColumn(table, names[i], i);
    take(*position);
  }
  return positions;
}

}  // namespace ordinate
