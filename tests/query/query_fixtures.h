#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/model/schema.h"

namespace ordinate {

/// A table with one column of every role and scalar type. Positions: 0 id, 1 flag, 2 n, 3 price,
/// 4 name, 5 at, 6 v (dim 3), 7 w (any dim), 8 blob.
inline TableDef EveryTypeTable() {
  TableDef table;
  table.id = 7;
  table.name = "things";
  const auto add = [&table](std::string name, ColumnRole role, DataType type, uint32_t dim = 0) {
    const auto id = static_cast<uint32_t>(table.columns.size() + 1);
    table.columns.push_back({id, std::move(name), role, type, role != ColumnRole::kKey, dim});
  };
  add("id", ColumnRole::kKey, DataType::kUint64);
  add("flag", ColumnRole::kAttribute, DataType::kBool);
  add("n", ColumnRole::kAttribute, DataType::kInt64);
  add("price", ColumnRole::kAttribute, DataType::kDouble);
  add("name", ColumnRole::kAttribute, DataType::kString);
  add("at", ColumnRole::kAttribute, DataType::kTimestamp);
  add("v", ColumnRole::kVector, DataType::kVector, 3);
  add("w", ColumnRole::kVector, DataType::kVector);
  add("blob", ColumnRole::kPayload, DataType::kBytes);
  table.key = {0};
  return table;
}

}  // namespace ordinate
