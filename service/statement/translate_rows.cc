#include <algorithm>
#include <optional>
#include <span>

#include "engine/query/column_lookup.h"
#include "nlohmann/json.hpp"
#include "service/statement/parser.h"
#include "service/statement/translate.h"
#include "service/wire/utf8.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

constexpr std::string_view kRowId = "__row_id";

absl::Status Refuse(const std::string& problem) { return absl::InvalidArgumentError(problem); }

std::string_view KindOf(const Literal& literal) {
  if (literal.bytes) return "bytes";
  if (std::holds_alternative<bool>(literal.value)) return "a truth value";
  if (std::holds_alternative<std::string>(literal.value)) return "a string";
  if (std::holds_alternative<Timestamp>(literal.value)) return "a timestamp";
  return "a number";
}

bool IsNumber(const Value& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<uint64_t>(value) ||
         std::holds_alternative<double>(value);
}

// ---- numbers, exactly or not at all

// REQUIRES: `Number` holds `value`, if it does, after a cast that is defined.
template <typename Number>
std::optional<Value> IfExact(const Value& value, Number cast) {
  if (CompareScalars(View(value), ValueView(cast)) != 0) return std::nullopt;
  return Value(cast);
}

// A double has integers of 64 bits in [low, 2 * 2^(bits - 1)) only.
template <typename Int>
std::optional<Value> ToInteger(const Value& value, double low, double end) {
  if (const auto* d = std::get_if<double>(&value)) {
    if (!(*d >= low && *d < end)) return std::nullopt;
    return IfExact(value, static_cast<Int>(*d));
  }
  if (const auto* i = std::get_if<int64_t>(&value)) return IfExact(value, static_cast<Int>(*i));
  return IfExact(value, static_cast<Int>(std::get<uint64_t>(value)));
}

std::optional<Value> ToDouble(const Value& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) {
    return IfExact(value, static_cast<double>(*i));
  }
  if (const auto* u = std::get_if<uint64_t>(&value)) {
    return IfExact(value, static_cast<double>(*u));
  }
  return value;
}

std::optional<Value> ToNumber(const Value& value, DataType type) {
  if (!IsNumber(value)) return std::nullopt;
  if (type == DataType::kInt64) return ToInteger<int64_t>(value, -0x1p63, 0x1p63);
  if (type == DataType::kUint64) return ToInteger<uint64_t>(value, 0, 0x1p64);
  return ToDouble(value);
}

// ---- cells

absl::StatusOr<Value> ToText(const std::string& text, DataType type) {
  if (type == DataType::kVector) {
    ASSIGN_OR_RETURN(Vector vector, ParseVector(text));
    return Value(std::move(vector));
  }
  if (!IsUtf8(text)) return Refuse("the text is not valid UTF-8");
  if (type == DataType::kJson && !nlohmann::json::accept(text)) {
    return Refuse("the text is not valid JSON");
  }
  return Value(text);
}

std::string_view Expected(DataType type) {
  switch (type) {
    case DataType::kBool:
      return "TRUE or FALSE";
    case DataType::kTimestamp:
      return "TIMESTAMP '...'";
    case DataType::kVector:
      return "a vector such as '[0.1, 0.2]'";
    case DataType::kBytes:
      return "x'...'";
    case DataType::kString:
    case DataType::kJson:
      return "a string";
    default:
      return "a number";
  }
}

absl::StatusOr<Value> ToCell(const Literal& literal, DataType type) {
  const Value& value = literal.value;
  if (IsNull(value)) return Value();
  const bool text = std::holds_alternative<std::string>(value) && !literal.bytes;
  switch (type) {
    case DataType::kBool:
      if (std::holds_alternative<bool>(value)) return value;
      break;
    case DataType::kTimestamp:
      if (std::holds_alternative<Timestamp>(value)) return value;
      break;
    case DataType::kBytes:
      if (literal.bytes) return value;
      break;
    case DataType::kString:
    case DataType::kJson:
    case DataType::kVector:
      if (text) return ToText(std::get<std::string>(value), type);
      break;
    default:
      if (!IsNumber(value)) break;
      if (std::optional<Value> number = ToNumber(value, type)) return *std::move(number);
      return Refuse(Concat("found ", ToString(View(value)), ", which ", DataTypeName(type),
                           " cannot hold exactly"));
  }
  return Refuse(Concat("found ", KindOf(literal), ", expected ", Expected(type)));
}

// ---- rows

// Where each value of a row goes.
struct Target {
  std::vector<uint32_t> positions;  // kMaxColumns: the row id
};

absl::StatusOr<Target> TargetOf(const Insert& insert, const TableDef& table) {
  Target target;
  if (insert.columns.empty()) {
    for (uint32_t i = 0; i < table.columns.size(); ++i) target.positions.push_back(i);
    return target;
  }
  for (const std::string& name : insert.columns) {
    std::optional<uint32_t> position = table.FindColumn(name);
    if (!position.has_value() && name == kRowId && table.key.empty()) position = kMaxColumns;
    if (!position.has_value()) {
      return Refuse(
          Concat("table ", Quoted(table.name), " has no column ", Quoted(name), " to insert into"));
    }
    const auto end = target.positions.end();
    if (std::find(target.positions.begin(), end, *position) != end) {
      return Refuse(Concat("column ", Quoted(name), " is named twice"));
    }
    target.positions.push_back(*position);
  }
  return target;
}

absl::StatusOr<UpsertInput::InputRow> ToRow(const std::vector<Literal>& values,
                                            const Target& target, const TableDef& table,
                                            size_t number) {
  if (values.size() != target.positions.size()) {
    return Refuse(Concat("row ", number, " has ", values.size(), " values, expected ",
                         target.positions.size(), ": one per column"));
  }
  UpsertInput::InputRow row;
  row.cells.resize(table.columns.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t position = target.positions[i];
    const bool is_id = position == kMaxColumns;
    const std::string_view name = is_id ? kRowId : std::string_view(table.columns[position].name);
    auto cell = ToCell(values[i], is_id ? DataType::kUint64 : table.columns[position].type);
    if (!cell.ok()) {
      return Refuse(Concat("row ", number, ", column '", name, "': ", MessageOf(cell.status())));
    }
    if (!is_id) {
      row.cells[position] = *std::move(cell);
    } else if (!IsNull(*cell)) {
      row.row_id = std::get<uint64_t>(*cell);
    }
  }
  return row;
}

// ---- keys

// `column = x` or `column IN (x, ...)`.
bool IsEquality(const Filter& filter) {
  return filter.kind == Filter::Kind::kIn ||
         (filter.kind == Filter::Kind::kCompare && filter.op == CompareOp::kEq);
}

// The values of a column of that type that an equality allows, each once; nullopt: not all of its
// literals are such values.
std::optional<std::vector<Value>> ValuesOf(const Filter& equality, DataType type) {
  std::vector<Value> values;
  for (const Value& literal : equality.literals) {
    absl::StatusOr<Value> value = ToCell(Literal{literal}, type);
    if (!value.ok() || IsNull(*value)) return std::nullopt;
    values.push_back(*std::move(value));
  }
  const auto order = [](const Value& a, const Value& b) {
    return CompareScalars(View(a), View(b));
  };
  std::sort(values.begin(), values.end(),
            [&](const Value& a, const Value& b) { return order(a, b) < 0; });
  values.erase(std::unique(values.begin(), values.end(),
                           [&](const Value& a, const Value& b) { return order(a, b) == 0; }),
               values.end());
  return values;
}

// `keys` times `values`, unless that is more than one request takes.
bool Extend(std::vector<KeyInput>& keys, const std::vector<Value>& values) {
  if (keys.size() * values.size() > kMaxKeysPerRead) return false;
  std::vector<KeyInput> extended;
  extended.reserve(keys.size() * values.size());
  for (const KeyInput& key : keys) {
    for (const Value& value : values) extended.emplace_back(key).cells.push_back(value);
  }
  keys = std::move(extended);
  return true;
}

std::optional<std::vector<KeyInput>> RowIdsOf(const Filter& filter) {
  if (!IsEquality(filter) || filter.column != kRowId) return std::nullopt;
  const auto ids = ValuesOf(filter, DataType::kUint64);
  if (!ids.has_value() || ids->size() > kMaxKeysPerRead) return std::nullopt;
  std::vector<KeyInput> keys;
  for (const Value& id : *ids) keys.push_back({.cells = {}, .row_id = std::get<uint64_t>(id)});
  return keys;
}

std::optional<std::vector<KeyInput>> KeysOf(const Filter& filter, const TableDef& table) {
  if (auto ids = RowIdsOf(filter)) return ids;
  const bool list = filter.kind == Filter::Kind::kAnd;
  const std::span<const Filter> terms =
      list ? std::span<const Filter>(filter.children) : std::span<const Filter>(&filter, 1);
  if (table.key.empty() || terms.size() != table.key.size()) return std::nullopt;
  std::vector<KeyInput> keys(1);
  for (const uint32_t position : table.key) {
    const ColumnDef& column = table.columns[position];
    const auto term = std::find_if(terms.begin(), terms.end(), [&](const Filter& candidate) {
      return IsEquality(candidate) && candidate.column == column.name;
    });
    if (term == terms.end()) return std::nullopt;
    const auto values = ValuesOf(*term, column.type);
    if (!values.has_value() || !Extend(keys, *values)) return std::nullopt;
  }
  return keys;
}

absl::Status CheckWhere(const Where& where, std::string_view word, std::string_view words,
                        const std::string& table) {
  if (!where.bounds.empty()) return Refuse(Concat(word, " takes no bound on a score"));
  for (const std::string& qualifier : where.qualifiers) {
    if (qualifier != table) {
      return Refuse(Concat(words, Quoted(table), " knows no ", Quoted(qualifier)));
    }
  }
  return absl::OkStatus();
}

absl::Status Assign(const Assignment& assignment, const TableDef& table,
                    UpsertInput::InputRow& row) {
  const std::optional<uint32_t> position = table.FindColumn(assignment.column);
  if (!position.has_value()) {
    return Refuse(
        Concat("table ", Quoted(table.name), " has no column ", Quoted(assignment.column)));
  }
  if (table.columns[*position].role == ColumnRole::kKey) {
    return Refuse(Concat("column ", Quoted(assignment.column),
                         " is part of the key, which never changes; delete the row and insert it "
                         "anew"));
  }
  if (std::find(row.columns.begin(), row.columns.end(), *position) != row.columns.end()) {
    return Refuse(Concat("column ", Quoted(assignment.column), " is named twice"));
  }
  auto cell = ToCell(assignment.value, table.columns[*position].type);
  if (!cell.ok()) {
    return Refuse(Concat("column '", assignment.column, "': ", MessageOf(cell.status())));
  }
  row.cells[*position] = *std::move(cell);
  row.columns.push_back(*position);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UpdateRequest> ToUpdate(const Update& statement, const TableDef& table) {
  const Where& where = statement.where;
  RETURN_IF_ERROR(CheckWhere(where, "UPDATE", "UPDATE ", statement.table));
  UpsertInput::InputRow row;
  row.cells.resize(table.columns.size());
  for (const Assignment& assignment : statement.assignments) {
    RETURN_IF_ERROR(Assign(assignment, table, row));
  }
  std::sort(row.columns.begin(), row.columns.end());
  const Filter& filter = where.filter.value();
  const auto keys = KeysOf(filter, table);
  if (!keys.has_value()) return UpdateByFilter{statement.table, std::move(row), filter};
  if (!table.key.empty() && keys->front().cells.empty()) {
    return Refuse(Concat("the rows of table ", Quoted(table.name),
                         " are updated by their key or a condition on columns, not by ", kRowId));
  }
  UpsertInput input{.table = statement.table};
  for (const KeyInput& key : *keys) {
    UpsertInput::InputRow& target = input.rows.emplace_back(row);
    target.row_id = key.row_id;
    for (size_t i = 0; i < table.key.size(); ++i) {
      target.cells[table.key[i]] = key.cells[i];
      target.columns.push_back(table.key[i]);
    }
    std::sort(target.columns.begin(), target.columns.end());
  }
  return input;
}

absl::StatusOr<UpsertInput> ToUpsert(const Insert& insert, const TableDef& table) {
  ASSIGN_OR_RETURN(const Target target, TargetOf(insert, table));
  UpsertInput input{.table = insert.table};
  input.rows.reserve(insert.rows.size());
  for (size_t i = 0; i < insert.rows.size(); ++i) {
    ASSIGN_OR_RETURN(input.rows.emplace_back(), ToRow(insert.rows[i], target, table, i));
  }
  return input;
}

absl::StatusOr<DeleteRequest> ToDelete(const Delete& statement, const TableDef& table) {
  const Where& where = statement.where;
  RETURN_IF_ERROR(CheckWhere(where, "DELETE", "DELETE FROM ", statement.table));
  DeleteRequest request{.table = statement.table};
  if (auto keys = KeysOf(where.filter.value(), table)) {
    request.keys = *std::move(keys);
  } else {
    request.filter = where.filter;
  }
  return request;
}

}  // namespace ordinate::statement
