#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "engine/query/column_lookup.h"
#include "engine/query/settings.h"
#include "service/statement/translate.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

absl::Status Refuse(const std::string& problem) { return absl::InvalidArgumentError(problem); }

bool IsPayload(DataType type) { return type == DataType::kBytes || type == DataType::kJson; }

absl::StatusOr<ColumnDef> ToColumn(const ColumnDeclaration& declared) {
  if (declared.payload && !IsPayload(declared.type)) {
    return Refuse(Concat("column ", Quoted(declared.name), " is of type ",
                         DataTypeName(declared.type), "; only BYTES and JSON are PAYLOAD"));
  }
  ColumnDef column;
  column.name = declared.name;
  column.type = declared.type;
  column.dim = declared.dim;
  column.nullable = !declared.not_null;
  if (declared.type == DataType::kVector) {
    column.role = ColumnRole::kVector;
  } else if (IsPayload(declared.type)) {
    column.role = ColumnRole::kPayload;
  }
  return column;
}

absl::StatusOr<double> RealOf(const Option& option) {
  if (const auto* real = std::get_if<double>(&option.value.value)) return *real;
  if (const auto* whole = std::get_if<int64_t>(&option.value.value)) {
    return static_cast<double>(*whole);
  }
  return Refuse(Concat("option ", option.name, " is ", ToString(View(option.value.value)),
                       "; expected a number"));
}

absl::StatusOr<uint32_t> CountOf(const Option& option) {
  const auto* whole = std::get_if<int64_t>(&option.value.value);
  if (whole != nullptr && *whole >= 0 && *whole <= UINT32_MAX) {
    return static_cast<uint32_t>(*whole);
  }
  return Refuse(Concat("option ", option.name, " is ", ToString(View(option.value.value)),
                       "; expected a whole number up to ", UINT32_MAX));
}

// The names of the key columns, in key order.
absl::StatusOr<std::vector<std::string>> KeyOf(const CreateTable& create) {
  std::vector<std::string> key;
  for (const ColumnDeclaration& column : create.columns) {
    if (column.primary_key) key.push_back(column.name);
  }
  if (key.size() > 1 || (!key.empty() && !create.key.empty())) {
    return Refuse(Concat("table ", Quoted(create.table),
                         " has more than one PRIMARY KEY; expected one, or PRIMARY KEY (a, b) for "
                         "a key of several columns"));
  }
  return key.empty() ? create.key : key;
}

}  // namespace

absl::StatusOr<TableDef> ToTable(const CreateTable& create) {
  TableDef table;
  table.name = create.table;
  for (const ColumnDeclaration& declared : create.columns) {
    ASSIGN_OR_RETURN(table.columns.emplace_back(), ToColumn(declared));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> key, KeyOf(create));
  for (const std::string& name : key) {
    const auto position = table.FindColumn(name);
    if (!position.has_value()) {
      return Refuse(Concat("PRIMARY KEY names column ", Quoted(name), ", which table ",
                           Quoted(table.name), " does not have"));
    }
    table.key.push_back(*position);
    table.columns[*position].role = ColumnRole::kKey;
    table.columns[*position].nullable = false;
  }
  return table;
}

absl::StatusOr<ColumnDef> ToColumn(const AddColumn& add) {
  if (add.column.primary_key) {
    return Refuse(Concat("column ", Quoted(add.column.name),
                         " is PRIMARY KEY; the key of a table never changes"));
  }
  return ToColumn(add.column);
}

absl::StatusOr<NewIndex> ToIndex(const CreateIndex& create) {
  NewIndex made{.table = create.table, .column = create.column};
  made.index.name = create.index;
  made.index.m = 0;
  made.index.ef_build = 0;
  if (create.engine.has_value()) made.index.engine = *create.engine;
  ASSIGN_OR_RETURN(made.given, ReadOptions(create.options, OptionUse::kCreate, made.index));
  RETURN_IF_ERROR(CheckOptionsApply(made.given, made.index.engine));
  return made;
}

absl::Status CheckOptionsApply(const std::set<IndexOption>& given, Engine engine) {
  if (engine != Engine::kFlat) return absl::OkStatus();
  for (const IndexOption option :
       {IndexOption::kM, IndexOption::kEfBuild, IndexOption::kEfSearch}) {
    if (!given.contains(option)) continue;
    return Refuse(
        Concat("option ", OptionName(option), " does not apply to FLAT, which has no graph"));
  }
  return absl::OkStatus();
}

absl::StatusOr<IndexChange> ToChange(const AlterIndex& alter) {
  IndexChange change{.index = alter.index};
  std::vector<Option> options = alter.options;
  if (alter.mode.has_value()) {
    const std::string mode(FreshnessModeName(*alter.mode));
    options.insert(options.begin(), Option{"mode", Literal{mode}});
  }
  ASSIGN_OR_RETURN(change.given, ReadOptions(options, OptionUse::kAlter, change.values));
  return change;
}

absl::StatusOr<std::optional<RebuildGate>> ToGate(const RebuildIndex& rebuild) {
  if (rebuild.gate.empty()) return std::nullopt;
  RebuildGate gate;
  std::set<std::string> given;
  for (const Option& option : rebuild.gate) {
    const std::string name = absl::AsciiStrToLower(option.name);
    if (!given.insert(name).second) return Refuse(Concat("option ", name, " is given twice"));
    if (name == "min_recall") {
      ASSIGN_OR_RETURN(gate.min_recall, RealOf(option));
    } else if (name == "k") {
      ASSIGN_OR_RETURN(gate.k, CountOf(option));
    } else if (name == "samples") {
      ASSIGN_OR_RETURN(gate.samples, CountOf(option));
    } else {
      return Refuse(Concat("REBUILD has no option ", Quoted(option.name),
                           "; expected min_recall, k or samples"));
    }
  }
  if (given.contains("min_recall")) return gate;
  return Refuse("option min_recall is missing; expected the least recall@k, above 0, up to 1");
}

IndexDef Apply(const IndexChange& change, IndexDef current) {
  CopyOptions(change.given, change.values, current);
  return current;
}

absl::StatusOr<std::map<std::string, std::string>> ToSettings(const Set& set) {
  Settings checked;
  RETURN_IF_ERROR(ApplySetting(checked, set.name, set.value));
  return std::map<std::string, std::string>{{set.name, set.value}};
}

}  // namespace ordinate::statement
