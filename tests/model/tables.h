#pragma once

#include "storage/model/schema.h"

namespace ordinate {

/// A table with a column of every type; its key is `id`.
inline TableDef WideTable() {
  TableDef table{.id = 7, .name = "wide"};
  const auto add = [&](const char* name, ColumnRole role, DataType type, uint32_t dim = 0) {
    table.columns.push_back({.id = static_cast<uint32_t>(table.columns.size() + 1),
                             .name = name,
                             .role = role,
                             .type = type,
                             .nullable = role != ColumnRole::kKey,
                             .dim = dim});
  };
  add("id", ColumnRole::kKey, DataType::kUint64);
  add("flag", ColumnRole::kAttribute, DataType::kBool);
  add("count", ColumnRole::kAttribute, DataType::kInt64);
  add("ratio", ColumnRole::kAttribute, DataType::kDouble);
  add("label", ColumnRole::kAttribute, DataType::kString);
  add("made", ColumnRole::kAttribute, DataType::kTimestamp);
  add("vec", ColumnRole::kVector, DataType::kVector, 3);
  add("any", ColumnRole::kVector, DataType::kVector);
  add("blob", ColumnRole::kPayload, DataType::kBytes);
  add("doc", ColumnRole::kPayload, DataType::kJson);
  table.key = {0};
  return table;
}

inline std::vector<Value> WideCells() {
  return {uint64_t{1} << 63,
          true,
          int64_t{-5},
          0.1,
          std::string("äb"),
          Timestamp{-1},
          Vector{1, -2, 3},
          Vector{},
          std::string("\0\xff", 2),
          std::string("{}")};
}

}  // namespace ordinate
