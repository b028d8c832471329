#pragma once

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Whether a status is INVALID_ARGUMENT with `part` in its message.
MATCHER_P(Refuses, part, "") {
  *result_listener << arg;
  return absl::IsInvalidArgument(arg) && std::string(arg.message()).find(part) != std::string::npos;
}

/// A table with a column of every type.
inline TableDef Everything() {
  TableDef table{.id = 7, .name = "all", .key = {0, 1}};
  table.columns = {{1, "id", ColumnRole::kKey, DataType::kUint64, false},
                   {2, "part", ColumnRole::kKey, DataType::kString, false},
                   {3, "flag", ColumnRole::kAttribute, DataType::kBool},
                   {4, "count", ColumnRole::kAttribute, DataType::kInt64},
                   {5, "price", ColumnRole::kAttribute, DataType::kDouble},
                   {6, "name", ColumnRole::kAttribute, DataType::kString},
                   {7, "at", ColumnRole::kAttribute, DataType::kTimestamp},
                   {8, "vec", ColumnRole::kVector, DataType::kVector},
                   {9, "blob", ColumnRole::kPayload, DataType::kBytes},
                   {10, "doc", ColumnRole::kPayload, DataType::kJson}};
  return table;
}

}  // namespace ordinate
