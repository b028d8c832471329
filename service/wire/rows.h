#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "ordinate/v1/row_service.pb.h"
#include "service/front/front.h"
#include "storage/model/schema.h"

namespace ordinate {

/// INVALID_ARGUMENT names row, column, what was found and what was expected. With on_invalid NULL
/// a vector that cannot be read becomes an empty one, which the front turns into NULL.
absl::StatusOr<UpsertInput> UpsertFromProto(const v1::UpsertRequest& proto, const TableDef& table);
/// The same; each row names the columns it has cells for.
absl::StatusOr<UpsertInput> UpdateFromProto(const v1::UpdateRequest& proto, const TableDef& table);
void UpdateResultToProto(const UpdateResult& result, v1::UpdateResponse* proto);
void UpsertResultToProto(const UpsertResult& result, v1::UpsertResponse* proto);

/// Keys by cells or row id. INVALID_ARGUMENT names the key's position and what is wrong.
absl::StatusOr<std::vector<KeyInput>> KeysFromProto(
    const google::protobuf::RepeatedPtrField<v1::RowKey>& protos, const TableDef& table);
/// The same, with their conditions.
absl::StatusOr<std::vector<KeyInput>> KeysFromProto(const v1::DeleteRequest& proto,
                                                    const TableDef& table);
void DeleteResultToProto(const DeleteResult& result, v1::DeleteResponse* proto);

/// `columns`: positions in the table that the row's cells hold, as in RowsResult. NULL cells are
/// left out.
void RowToProto(const Row& row, std::span<const uint32_t> columns, const TableDef& table,
                v1::Row* proto);
void GetResultToProto(const RowsResult& result, const TableDef& table, v1::GetResponse* proto);
void ScanResultToProto(const RowsResult& result, const TableDef& table, v1::ScanResponse* proto);

void TokenToProto(const SeqByShard& token, v1::Token* proto);
SeqByShard TokenFromProto(const v1::Token& proto);

}  // namespace ordinate
