#include "service/statement/show_create.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "service/statement/index_options.h"
#include "service/statement/parser.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

std::string ColumnText(const ColumnDef& column, bool is_key) {
  std::string text = Concat(NameText(column.name), " ", DataTypeName(column.type));
  if (column.dim != 0) text += Concat("(", column.dim, ")");
  if (column.role == ColumnRole::kPayload) text += " PAYLOAD";
  if (is_key) return text + " PRIMARY KEY";
  if (!column.nullable && column.role != ColumnRole::kKey) text += " NOT NULL";
  return text;
}

// Options that say something: a mode's own ones where they are not the defaults, m and its like
// where the index has them.
std::vector<IndexOption> OptionsOf(const IndexDef& index) {
  using enum IndexOption;
  const IndexDef defaults;
  std::vector<IndexOption> options = {kMetric};
  if (index.dim != 0) options.push_back(kDim);
  options.push_back(kMode);
  const bool graph = index.engine == Engine::kHnsw;
  if (graph && index.m != 0) options.push_back(kM);
  if (graph && index.ef_build != 0) options.push_back(kEfBuild);
  if (graph && index.ef_search != 0) options.push_back(kEfSearch);
  options.push_back(kDimPolicy);
  options.push_back(kQuantization);
  const bool batched = index.mode == FreshnessMode::kBatched;
  if (batched || index.batch_rows != defaults.batch_rows) options.push_back(kBatchRows);
  if (batched || index.batch_interval_micros != defaults.batch_interval_micros) {
    options.push_back(kBatchInterval);
  }
  if (index.mode == FreshnessMode::kAsync || index.max_lag_rows != defaults.max_lag_rows) {
    options.push_back(kMaxLagRows);
  }
  if (index.rebuild_interval_micros != 0) options.push_back(kRebuildInterval);
  return options;
}

}  // namespace

std::string ShowCreateText(const TableDef& table) {
  std::string text = Concat("CREATE TABLE ", NameText(table.name), " (");
  const bool inline_key = table.key.size() == 1;
  std::string_view separator = "\n  ";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    text += Concat(separator, ColumnText(table.columns[i], inline_key && table.key[0] == i));
    separator = ",\n  ";
  }
  if (table.key.size() > 1) {
    text += Concat(separator, "PRIMARY KEY (");
    separator = "";
    for (const uint32_t position : table.key) {
      text += Concat(separator, NameText(table.columns[position].name));
      separator = ", ";
    }
    text += ")";
  }
  return text + "\n)";
}

std::string ShowCreateText(const IndexDef& index, const TableDef& table) {
  const auto column =
      std::find_if(table.columns.begin(), table.columns.end(),
                   [&](const ColumnDef& candidate) { return candidate.id == index.column_id; });
  std::string text = Concat("CREATE VECTOR INDEX ", NameText(index.name), " ON ",
                            NameText(table.name), "(", NameText(column->name), ") USING ",
                            absl::AsciiStrToLower(AbslView(EngineName(index.engine))), " WITH (");
  std::string_view separator = "";
  for (const IndexOption option : OptionsOf(index)) {
    text += Concat(separator, OptionName(option), " = ", OptionText(option, index));
    separator = ", ";
  }
  return text + ")";
}

}  // namespace ordinate::statement
