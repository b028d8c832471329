#include "service/front/row_address.h"

#include <utility>

#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr size_t kShownKeyBytes = 64;

absl::Status CheckKeyCell(const Value& cell, const ColumnDef& column) {
  if (!IsNull(cell) && HoldsType(cell, column.type)) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat("column '", column.name, "': found ",
                                           IsNull(cell) ? "NULL" : "a value of another type",
                                           ", expected ", DataTypeName(column.type)));
}

absl::StatusOr<RowAddress> AddressOf(const TableDef& table, const KeyInput& key, KeyHash hash) {
  if (key.cells.empty()) return RowAddress{.preferred_id = key.row_id};
  if (table.key.empty()) {
    return absl::InvalidArgumentError(Concat("found key cells, but table '", table.name,
                                             "' has no primary key; address by row id"));
  }
  if (key.cells.size() != table.key.size()) {
    return absl::InvalidArgumentError(
        Concat("found ", key.cells.size(), " key cells, expected ", table.key.size()));
  }
  std::vector<Value> cells(table.columns.size());
  for (size_t i = 0; i < table.key.size(); ++i) {
    RETURN_IF_ERROR(CheckKeyCell(key.cells[i], table.columns[table.key[i]]));
    cells[table.key[i]] = key.cells[i];
  }
  return AddressOfCells(table, cells, hash);
}

}  // namespace

bool HoldsType(const Value& value, DataType type) {
  switch (type) {
    case DataType::kBool:
      return std::holds_alternative<bool>(value);
    case DataType::kInt64:
      return std::holds_alternative<int64_t>(value);
    case DataType::kUint64:
      return std::holds_alternative<uint64_t>(value);
    case DataType::kDouble:
      return std::holds_alternative<double>(value);
    case DataType::kString:
    case DataType::kBytes:
    case DataType::kJson:
      return std::holds_alternative<std::string>(value);
    case DataType::kTimestamp:
      return std::holds_alternative<Timestamp>(value);
    case DataType::kVector:
      return std::holds_alternative<Vector>(value);
  }
  return false;
}

RowAddress AddressOfCells(const TableDef& table, const std::vector<Value>& cells, KeyHash hash) {
  RowAddress address{.preferred_id = PreferredRowId(table, cells, hash)};
  if (table.flavour() == RowIdFlavour::kPkHashed) address.key = EncodeKey(table, cells);
  return address;
}

absl::StatusOr<std::vector<RowAddress>> AddressesOf(const TableDef& table,
                                                    const std::vector<KeyInput>& keys,
                                                    KeyHash hash) {
  RETURN_IF_ERROR(CheckCount("keys", keys.size(), kMaxKeysPerRead));
  std::vector<RowAddress> addresses;
  addresses.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    auto address = AddressOf(table, keys[i], hash);
    if (!address.ok()) {
      const absl::Status& status = address.status();
      return InField(WithMessage(status, Concat("key ", i, ": ", MessageOf(status))),
                     Concat("keys[", i, "]"));
    }
    addresses.push_back(*std::move(address));
  }
  return addresses;
}

std::string KeyText(const TableDef& table, const std::vector<Value>& cells) {
  std::string text;
  for (const uint32_t position : table.key) {
    std::string value = ToString(View(cells[position]));
    if (value.size() > kShownKeyBytes) value = value.substr(0, kShownKeyBytes) + "...";
    text += Concat(text.empty() ? "" : ", ", table.columns[position].name, " = ", value);
  }
  return text;
}

absl::Status CheckCount(std::string_view field, size_t found, size_t most) {
  if (found >= 1 && found <= most) return absl::OkStatus();
  return InField(absl::InvalidArgumentError(
                     Concat("the request has ", found, " ", field, "; the range is 1 to ", most)),
                 field);
}

}  // namespace ordinate
