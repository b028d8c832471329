#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/parity/oracle.h"
#include "tests/support/node.h"

namespace ordinate {

/// Columns of the test table: id (key), grp STRING, price INT64, weight DOUBLE, v VECTOR(dim).
inline TableDef ParityTable(uint32_t dim) {
  TableDef table;
  table.name = "items";
  table.columns = {
      {0, "id", ColumnRole::kKey, DataType::kInt64, false, 0},
      {0, "grp", ColumnRole::kAttribute, DataType::kString, true, 0},
      {0, "price", ColumnRole::kAttribute, DataType::kInt64, true, 0},
      {0, "weight", ColumnRole::kAttribute, DataType::kDouble, true, 0},
      {0, "v", ColumnRole::kVector, DataType::kVector, true, dim},
  };
  table.key = {0};
  return table;
}

inline Vector RandomVector(std::mt19937_64& random, uint32_t dim) {
  std::normal_distribution<float> normal;
  Vector vector(dim);
  for (float& x : vector) x = normal(random);
  return vector;
}

/// Rows with 30 % duplicate vectors, NULLs in every nullable column, zero vectors, few distinct
/// secondary keys, so that every rule of the order decides somewhere.
inline std::vector<OracleRow> RandomRows(uint64_t seed, size_t count, uint32_t dim) {
  std::mt19937_64 random(seed);
  const auto chance = [&](double p) { return std::uniform_real_distribution<>()(random) < p; };
  std::vector<OracleRow> rows;
  for (size_t i = 0; i < count; ++i) {
    OracleRow row;
    const auto id = static_cast<int64_t>(random() % 1'000'000'007 * 1'000 + i);
    row.id = static_cast<RowId>(id);
    Value vector;
    if (!chance(0.05)) {
      if (i > 0 && chance(0.3)) {
        vector = rows[random() % i].cells[4];
      } else if (chance(0.01)) {
        vector = Vector(dim, 0.0f);
      } else {
        vector = RandomVector(random, dim);
      }
    }
    row.cells = {id, chance(0.1) ? Value() : Value("g" + std::to_string(random() % 5)),
                 chance(0.1) ? Value() : Value(static_cast<int64_t>(random() % 20)),
                 chance(0.1) ? Value() : Value(static_cast<double>(random() % 7) / 2),
                 std::move(vector)};
    rows.push_back(std::move(row));
  }
  return rows;
}

inline void LoadRows(Front& front, const std::string& table, const std::vector<OracleRow>& rows) {
  const CallContext context;
  for (size_t begin = 0; begin < rows.size(); begin += 500) {
    UpsertInput input;
    input.table = table;
    for (size_t i = begin; i < std::min(rows.size(), begin + 500); ++i) {
      input.rows.push_back({rows[i].cells, 0});
    }
    const auto result = front.Upsert(std::move(input), context);
    ASSERT_TRUE(result.ok()) << result.status();
  }
}

}  // namespace ordinate
