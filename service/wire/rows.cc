#include "service/wire/rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "service/wire/enums.h"
#include "service/wire/values.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

absl::Status InCell(const absl::Status& status, size_t row, std::string_view column) {
  const std::string message = Concat("row ", row, ", ", MessageOf(status));
  return InField(WithMessage(status, message), Concat("rows[", row, "].cells[\"", column, "\"]"));
}

absl::StatusOr<OnInvalid> OnInvalidFromProto(v1::OnInvalid proto) {
  switch (proto) {
    case v1::ON_INVALID_UNSPECIFIED:
    case v1::ON_INVALID_ERROR:
      return OnInvalid::kError;
    case v1::ON_INVALID_NULL:
      return OnInvalid::kNull;
    default:
      return EnumRefusal("on_invalid", proto, "ERROR, NULL");
  }
}

// The unknown column name that comes first by bytes, so that the message does not depend on the
// order of a hash map.
absl::Status UnknownColumn(const v1::Row& proto, const TableDef& table, size_t row) {
  std::string unknown;
  for (const auto& [name, value] : proto.cells()) {
    if (table.FindColumn(name).has_value()) continue;
    if (unknown.empty() || name < unknown) unknown = name;
  }
  const std::string shown = absl::CHexEscape(unknown.substr(0, kMaxNameLength));
  const auto status =
      absl::InvalidArgumentError(Concat("table '", table.name, "' has no column '", shown, "'"));
  return InCell(status, row, shown);
}

absl::StatusOr<UpsertInput::InputRow> InputRowFromProto(const v1::Row& proto, const TableDef& table,
                                                        size_t row, OnInvalid on_invalid) {
  UpsertInput::InputRow input;
  input.row_id = proto.row_id();
  input.cells.resize(table.columns.size());
  size_t found = 0;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnDef& column = table.columns[i];
    const auto cell = proto.cells().find(column.name);
    if (cell == proto.cells().end()) continue;
    ++found;
    input.columns.push_back(static_cast<uint32_t>(i));
    auto value = ValueFromProto(cell->second, column);
    const bool vector = column.type == DataType::kVector && cell->second.has_vector_value();
    if (!value.ok() && vector && on_invalid == OnInvalid::kNull) value = Value(Vector());
    if (!value.ok()) {
      return InCell(value.status(), row, column.name);
    }
    input.cells[i] = *std::move(value);
  }
  if (found != proto.cells().size()) return UnknownColumn(proto, table, row);
  return input;
}

absl::StatusOr<KeyInput> KeyFromProto(const v1::RowKey& proto, const TableDef& table) {
  KeyInput key;
  switch (proto.key_case()) {
    case v1::RowKey::kRowId:
      key.row_id = proto.row_id();
      return key;
    case v1::RowKey::KEY_NOT_SET:
      return absl::InvalidArgumentError("it has neither cells nor row_id; set one");
    case v1::RowKey::kCells:
      break;
  }
  if (table.key.empty()) {
    return InField(
        absl::InvalidArgumentError(Concat("found cells, but table '", table.name,
                                          "' has no primary key; address rows by row_id")),
        "cells");
  }
  const auto& values = proto.cells().values();
  if (static_cast<size_t>(values.size()) != table.key.size()) {
    return InField(absl::InvalidArgumentError(Concat("found ", values.size(), " cells, expected ",
                                                     table.key.size(), ": one per key column")),
                   "cells.values");
  }
  for (size_t i = 0; i < table.key.size(); ++i) {
    const ColumnDef& column = table.columns[table.key[i]];
    auto value = ValueFromProto(values[static_cast<int>(i)], column);
    if (value.ok() && IsNull(*value)) {
      value = absl::InvalidArgumentError(
          Concat("column '", column.name, "': found NULL, expected a key value"));
    }
    if (!value.ok()) return InField(value.status(), Concat("cells.values[", i, "]"));
    key.cells.push_back(*std::move(value));
  }
  return key;
}

absl::StatusOr<WriteCondition> ConditionFromProto(const v1::RowCondition& proto) {
  switch (proto.condition_case()) {
    case v1::RowCondition::kVersion:
      if (proto.version() == 0) {
        return absl::InvalidArgumentError(
            "version is 0, which no row has; expected Row.version of an answer, or exists = false");
      }
      return WriteCondition{WriteCondition::Kind::kVersion, proto.version()};
    case v1::RowCondition::kExists:
      return WriteCondition{
          proto.exists() ? WriteCondition::Kind::kExists : WriteCondition::Kind::kAbsent, 0};
    case v1::RowCondition::CONDITION_NOT_SET:
      break;
  }
  return WriteCondition();
}

// Conditions into the `inputs` they are about, which the request calls `what`.
template <typename Input>
absl::Status ReadConditions(const google::protobuf::RepeatedPtrField<v1::RowCondition>& protos,
                            std::string_view what, std::vector<Input>& inputs) {
  if (protos.empty()) return absl::OkStatus();
  if (static_cast<size_t>(protos.size()) != inputs.size()) {
    return InField(absl::InvalidArgumentError(Concat("the request has ", protos.size(),
                                                     " conditions for ", inputs.size(), " ", what,
                                                     "; expected one each, or none")),
                   "conditions");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto condition = ConditionFromProto(protos[static_cast<int>(i)]);
    if (!condition.ok()) {
      const std::string message = Concat("condition ", i, ": ", MessageOf(condition.status()));
      return InField(WithMessage(condition.status(), message),
                     Concat("conditions[", i, "].version"));
    }
    inputs[i].condition = *condition;
  }
  return absl::OkStatus();
}

// Rows of an upsert or update, each with the columns it names.
template <typename Request>
absl::StatusOr<UpsertInput> RowsFromProto(const Request& proto, const TableDef& table) {
  UpsertInput input;
  input.table = proto.table();
  input.request_id = proto.request_id();
  ASSIGN_OR_RETURN(input.on_invalid, OnInvalidFromProto(proto.on_invalid()));
  if (static_cast<size_t>(proto.rows_size()) > kMaxRowsPerWrite) {
    return InField(absl::InvalidArgumentError(Concat("the request has ", proto.rows_size(),
                                                     " rows; the most is ", kMaxRowsPerWrite)),
                   "rows");
  }
  input.rows.reserve(static_cast<size_t>(proto.rows_size()));
  for (int i = 0; i < proto.rows_size(); ++i) {
    ASSIGN_OR_RETURN(auto row, InputRowFromProto(proto.rows(i), table, static_cast<size_t>(i),
                                                 input.on_invalid));
    input.rows.push_back(std::move(row));
  }
  RETURN_IF_ERROR(ReadConditions(proto.conditions(), "rows", input.rows));
  return input;
}

template <typename Response>
void AddRows(const RowsResult& result, const TableDef& table, Response* proto) {
  proto->mutable_rows()->Reserve(static_cast<int>(result.rows.size()));
  for (const Row& row : result.rows) RowToProto(row, result.columns, table, proto->add_rows());
}

}  // namespace

absl::StatusOr<UpsertInput> UpsertFromProto(const v1::UpsertRequest& proto, const TableDef& table) {
  ASSIGN_OR_RETURN(UpsertInput input, RowsFromProto(proto, table));
  for (UpsertInput::InputRow& row : input.rows) row.columns.clear();  // columns left out are NULL
  return input;
}

absl::StatusOr<UpsertInput> UpdateFromProto(const v1::UpdateRequest& proto, const TableDef& table) {
  return RowsFromProto(proto, table);
}

void UpdateResultToProto(const UpdateResult& result, v1::UpdateResponse* proto) {
  TokenToProto(result.token, proto->mutable_token());
  proto->set_updated(result.updated);
  proto->mutable_missing_rows()->Assign(result.missing_rows.begin(), result.missing_rows.end());
  proto->mutable_nulled_rows()->Assign(result.nulled_rows.begin(), result.nulled_rows.end());
  for (const std::string& notice : result.notices) proto->add_notices(notice);
}

void UpsertResultToProto(const UpsertResult& result, v1::UpsertResponse* proto) {
  TokenToProto(result.token, proto->mutable_token());
  proto->mutable_row_ids()->Assign(result.row_ids.begin(), result.row_ids.end());
  proto->mutable_nulled_rows()->Assign(result.nulled_rows.begin(), result.nulled_rows.end());
  for (const std::string& notice : result.notices) proto->add_notices(notice);
}

absl::StatusOr<std::vector<KeyInput>> KeysFromProto(
    const google::protobuf::RepeatedPtrField<v1::RowKey>& protos, const TableDef& table) {
  if (static_cast<size_t>(protos.size()) > kMaxKeysPerRead) {
    return InField(absl::InvalidArgumentError(Concat("the request has ", protos.size(),
                                                     " keys; the most is ", kMaxKeysPerRead)),
                   "keys");
  }
  std::vector<KeyInput> keys;
  keys.reserve(static_cast<size_t>(protos.size()));
  for (int i = 0; i < protos.size(); ++i) {
    auto key = KeyFromProto(protos[i], table);
    if (!key.ok()) {
      const std::string message = Concat("key ", i, ", ", MessageOf(key.status()));
      return UnderField(WithMessage(key.status(), message), Concat("keys[", i, "]"));
    }
    keys.push_back(*std::move(key));
  }
  return keys;
}

absl::StatusOr<std::vector<KeyInput>> KeysFromProto(const v1::DeleteRequest& proto,
                                                    const TableDef& table) {
  ASSIGN_OR_RETURN(std::vector<KeyInput> keys, KeysFromProto(proto.keys(), table));
  RETURN_IF_ERROR(ReadConditions(proto.conditions(), "keys", keys));
  return keys;
}

void DeleteResultToProto(const DeleteResult& result, v1::DeleteResponse* proto) {
  TokenToProto(result.token, proto->mutable_token());
  proto->set_deleted(result.deleted);
}

void RowToProto(const Row& row, std::span<const uint32_t> columns, const TableDef& table,
                v1::Row* proto) {
  proto->set_row_id(row.id);
  proto->set_version(row.version);
  const size_t count = std::min(row.cells.size(), columns.size());
  for (size_t i = 0; i < count; ++i) {
    // A position past the end: the table was dropped and made anew since the rows were read.
    if (columns[i] >= table.columns.size() || IsNull(row.cells[i])) continue;
    const ColumnDef& column = table.columns[columns[i]];
    ValueToProto(row.cells[i], column.type, &(*proto->mutable_cells())[column.name]);
  }
}

void GetResultToProto(const RowsResult& result, const TableDef& table, v1::GetResponse* proto) {
  AddRows(result, table, proto);
}

void ScanResultToProto(const RowsResult& result, const TableDef& table, v1::ScanResponse* proto) {
  AddRows(result, table, proto);
  proto->set_next_page_token(result.next_page_token);
}

void TokenToProto(const SeqByShard& token, v1::Token* proto) {
  for (const auto& [shard, seq] : token) (*proto->mutable_seq_by_shard())[shard] = seq;
}

SeqByShard TokenFromProto(const v1::Token& proto) {
  return SeqByShard(proto.seq_by_shard().begin(), proto.seq_by_shard().end());
}

}  // namespace ordinate
