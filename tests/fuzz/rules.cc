#include "tests/fuzz/rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "service/statement/parser.h"
#include "service/statement/show_create.h"
#include "service/statement/translate.h"
#include "service/wire/status.h"
#include "service/wire/utf8.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::fuzz {
namespace {

constexpr size_t kMostTextMessage = 2'000;
constexpr size_t kMostMetadata = 8'192;  // what peers take by default

// Reads `prefix` and a number off the front of `text`.
bool TakeNumber(std::string_view& text, std::string_view prefix, uint64_t& number) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
  return true;
}

// Bytes of the line, counted from 1, its end not among them; -1: there is no such line.
int64_t LineBytes(std::string_view text, uint64_t line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return -1;
    text.remove_prefix(end + 1);
  }
  return static_cast<int64_t>(line == 0 ? 0 : std::min(text.find('\n'), text.size()));
}

bool IsExpectedCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

bool IsOfType(const Value& cell, DataType type) {
  switch (type) {
    case DataType::kBool:
      return std::holds_alternative<bool>(cell);
    case DataType::kInt64:
      return std::holds_alternative<int64_t>(cell);
    case DataType::kUint64:
      return std::holds_alternative<uint64_t>(cell);
    case DataType::kDouble:
      return std::holds_alternative<double>(cell);
    case DataType::kTimestamp:
      return std::holds_alternative<Timestamp>(cell);
    case DataType::kVector:
      return std::holds_alternative<Vector>(cell);
    case DataType::kString:
    case DataType::kBytes:
    case DataType::kJson:
      return std::holds_alternative<std::string>(cell);
  }
  return false;
}

TableDef WithoutIds(TableDef table) {
  table.id = 0;
  for (ColumnDef& column : table.columns) column.id = 0;
  return table;
}

IndexDef WithoutIds(IndexDef index) {
  index.id = index.table_id = index.column_id = 0;
  return index;
}

}  // namespace

absl::Status Rule(bool holds, std::string_view rule, std::string_view found) {
  if (holds) return absl::OkStatus();
  return absl::InternalError(Concat("broken rule: ", rule, found.empty() ? "" : ": ", found));
}

absl::Status CheckTextRefusal(const absl::Status& status, std::string_view what,
                              std::string_view text) {
  const std::string shown = status.ToString();
  std::string_view message = MessageOf(status);
  RETURN_IF_ERROR(
      Rule(absl::IsInvalidArgument(status), "a refused text is INVALID_ARGUMENT", shown));
  RETURN_IF_ERROR(
      Rule(message.size() <= kMostTextMessage, "a message has 2,000 bytes at most", shown));
  const std::string prefix = Concat(what, ": ");
  RETURN_IF_ERROR(Rule(message.starts_with(prefix) && message.size() > prefix.size(),
                       "a message says what it is about", shown));
  message.remove_prefix(prefix.size());
  uint64_t line = 0, column = 0;
  if (!TakeNumber(message, "line ", line)) {
    return Rule(message.find(", the most allowed") != std::string_view::npos,
                "only an error about a limit has no place", shown);
  }
  RETURN_IF_ERROR(Rule(
      TakeNumber(message, ", column ", column) && message.starts_with(": ") && message.size() > 2,
      "a line comes with a column and what is there", shown));
  const int64_t bytes = line == 0 ? -1 : LineBytes(text, line);
  return Rule(bytes >= 0 && column >= 1 && column <= static_cast<uint64_t>(bytes) + 1,
              "an error stands in the text", shown);
}

absl::Status CheckCell(const Value& cell, DataType type) {
  return Rule(IsNull(cell) || IsOfType(cell, type), "a cell is of its column's type",
              Concat(ToString(View(cell)), " as ", DataTypeName(type)));
}

absl::Status CheckRows(const std::vector<Row>& rows, const TableDef& table) {
  for (const Row& row : rows) {
    RETURN_IF_ERROR(Rule(row.cells.size() == table.columns.size(), "a row has a cell per column"));
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const ColumnDef& column = table.columns[i];
      RETURN_IF_ERROR(CheckCell(row.cells[i], column.type));
      RETURN_IF_ERROR(Rule(column.nullable || !IsNull(row.cells[i]), "NOT NULL", column.name));
      const auto* vector = std::get_if<Vector>(&row.cells[i]);
      if (vector == nullptr) continue;
      const bool finite = std::all_of(vector->begin(), vector->end(),
                                      [](float component) { return std::isfinite(component); });
      const bool fits = column.dim == 0 || column.dim == vector->size();
      RETURN_IF_ERROR(Rule(finite && fits && !vector->empty() && vector->size() <= kMaxDim,
                           "a stored vector is finite and fits its column", column.name));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFilterText(const Filter& filter) {
  const std::string text = FilterText(filter);
  const absl::StatusOr<Filter> again = ParseFilter(text);
  RETURN_IF_ERROR(Rule(again.ok(), "the text of a filter reads",
                       Concat(text, " gives ", again.status().ToString())));
  return Rule(FilterText(*again) == text, "the text of a filter reads as that filter",
              Concat(text, " reads as ", FilterText(*again)));
}

absl::Status CheckShowCreate(const TableDef& table) {
  const std::string text = statement::ShowCreateText(table);
  const auto parsed = statement::ParseStatement(text);
  RETURN_IF_ERROR(Rule(parsed.ok() && std::holds_alternative<statement::CreateTable>(*parsed),
                       "SHOW CREATE TABLE reads", text));
  const auto again = statement::ToTable(std::get<statement::CreateTable>(*parsed));
  return Rule(again.ok() && WithoutIds(*again) == WithoutIds(table),
              "SHOW CREATE TABLE gives the table back", text);
}

absl::Status CheckShowCreate(const IndexDef& index, const TableDef& table) {
  const std::string text = statement::ShowCreateText(index, table);
  const auto parsed = statement::ParseStatement(text);
  RETURN_IF_ERROR(Rule(parsed.ok() && std::holds_alternative<statement::CreateIndex>(*parsed),
                       "SHOW CREATE VECTOR INDEX reads", text));
  const auto again = statement::ToIndex(std::get<statement::CreateIndex>(*parsed));
  RETURN_IF_ERROR(Rule(again.ok() && again->table == table.name,
                       "SHOW CREATE VECTOR INDEX names the table", text));
  IndexDef made = again->index;
  if (made.engine == Engine::kFlat) {  // it has no graph, and says nothing of one
    made.m = index.m;
    made.ef_build = index.ef_build;
  }
  return Rule(WithoutIds(made) == WithoutIds(index),
              "SHOW CREATE VECTOR INDEX gives the index back", text);
}

absl::Status CheckRefusal(const absl::Status& status) {
  const std::string shown = status.ToString();
  RETURN_IF_ERROR(Rule(IsExpectedCode(status.code()), "the code says what to do", shown));
  RETURN_IF_ERROR(Rule(!status.message().empty(), "an error has a message", shown));
  RETURN_IF_ERROR(Rule(IsUtf8(MessageOf(status)), "a message is UTF-8", shown));
  const auto violations = FieldViolations(status);
  if (absl::IsInvalidArgument(status)) {
    RETURN_IF_ERROR(Rule(!violations.empty(), "INVALID_ARGUMENT names a field", shown));
  }
  for (const FieldViolation& violation : violations) {
    RETURN_IF_ERROR(Rule(!violation.field.empty() && !violation.description.empty(),
                         "a violation has a field and says what is wrong", shown));
    RETURN_IF_ERROR(Rule(IsUtf8(violation.field) && IsUtf8(violation.description),
                         "a violation is UTF-8", shown));
  }
  if (absl::IsNotFound(status)) {
    RETURN_IF_ERROR(Rule(ResourceOf(status).has_value(), "NOT_FOUND names the resource", shown));
  }
  const grpc::Status sent = ToGrpc(status);
  RETURN_IF_ERROR(Rule(sent.error_message().size() + sent.error_details().size() <= kMostMetadata,
                       "an error fits into metadata", shown));
  const absl::Status received = FromGrpc(sent);
  RETURN_IF_ERROR(Rule(
      received.code() == status.code() && FieldViolations(received).empty() == violations.empty(),
      "an error survives the wire", shown));
  return absl::OkStatus();
}

}  // namespace ordinate::fuzz
