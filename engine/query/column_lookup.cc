#include "engine/query/column_lookup.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr size_t kShownColumns = 20;

bool IsScalar(const ColumnDef& column) {
  return column.role == ColumnRole::kKey || column.role == ColumnRole::kAttribute;
}

std::string_view RoleNoun(ColumnRole role) {
  switch (role) {
    case ColumnRole::kKey:
      return "a key";
    case ColumnRole::kAttribute:
      return "an attribute";
    case ColumnRole::kVector:
      return "a vector";
    case ColumnRole::kPayload:
      return "a payload";
  }
  return "of an unknown kind";
}

template <typename Wanted>
std::string KnownColumns(const TableDef& table, Wanted wanted) {
  std::string names;
  size_t shown = 0;
  for (const ColumnDef& column : table.columns) {
    if (!wanted(column)) continue;
    if (shown == kShownColumns) return names + ", ...";
    names += Concat(shown++ == 0 ? "" : ", ", column.name);
  }
  return shown == 0 ? "none" : names;
}

}  // namespace

std::string Quoted(std::string_view text) {
  const bool cut = text.size() > kMaxNameLength;
  return Concat("\"", absl::CEscape(AbslView(text.substr(0, kMaxNameLength))), cut ? "..." : "",
                "\"");
}

absl::StatusOr<uint32_t> FindScalarColumn(const TableDef& table, std::string_view name,
                                          std::string_view what) {
  const std::optional<uint32_t> position = table.FindColumn(name);
  if (!position) {
    return absl::InvalidArgumentError(
        Concat(what, ": table ", Quoted(table.name), " has no column ", Quoted(name),
               "; expected one of its key and attribute columns: ", KnownColumns(table, IsScalar)));
  }
  const ColumnDef& column = table.columns[*position];
  if (!IsScalar(column)) {
    return absl::InvalidArgumentError(
        Concat(what, ": column ", Quoted(name), " is ", RoleNoun(column.role),
               "; expected one of the key and attribute columns: ", KnownColumns(table, IsScalar)));
  }
  return *position;
}

absl::StatusOr<uint32_t> FindVectorColumn(const TableDef& table, std::string_view name) {
  const auto is_vector = [](const ColumnDef& c) { return c.role == ColumnRole::kVector; };
  const std::optional<uint32_t> position = table.FindColumn(name);
  if (!position) {
    return absl::NotFoundError(Concat("table ", Quoted(table.name), " has no column ", Quoted(name),
                                      "; its vector columns: ", KnownColumns(table, is_vector)));
  }
  const ColumnDef& column = table.columns[*position];
  if (!is_vector(column)) {
    return InField(
        absl::InvalidArgumentError(Concat("column ", Quoted(name), " is ", RoleNoun(column.role),
                                          " of type ", DataTypeName(column.type),
                                          "; expected a vector: ", KnownColumns(table, is_vector))),
        "column");
  }
  return *position;
}

}  // namespace ordinate
