#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/query/request.h"
#include "tests/parity/dataset.h"

namespace ordinate {

/// ParityTable with every type that can be a sort key: also seen TIMESTAMP and active BOOL.
inline TableDef FormsTable(uint32_t dim) {
  TableDef table = ParityTable(dim);
  table.columns.push_back({0, "seen", ColumnRole::kAttribute, DataType::kTimestamp, true, 0});
  table.columns.push_back({0, "active", ColumnRole::kAttribute, DataType::kBool, true, 0});
  return table;
}

/// So many vectors, those of the first rows, have crowds of copies.
inline constexpr size_t kCrowds = 256;

/// Rows of it: 30 % duplicate vectors, half of them copies of a few, so that both pairs and crowds
/// tie; NULL vectors, and zero vectors, few, as L2 has them first; in every other column NULLs and
/// few distinct values, among them NaN, both zeros, strings whose bytes order them unlike their
/// letters, and times before 1970.
inline std::vector<OracleRow> FormsRows(uint64_t seed, size_t count, uint32_t dim) {
  std::mt19937_64 random(seed);
  const auto chance = [&](double p) { return std::uniform_real_distribution<>()(random) < p; };
  const std::vector<Value> groups = {"g1", "g10", "g2", "G2", "", "\xc3\xa9t\xc3\xa9"};
  const std::vector<Value> weights = {std::nan(""), -0.0, 0.0, 0.5, 1.5, -2.25, 1e300};
  const auto one_of = [&](const std::vector<Value>& values) {
    return values[random() % values.size()];
  };
  std::vector<OracleRow> rows;
  for (size_t i = 0; i < count; ++i) {
    OracleRow row;
    const auto id = static_cast<int64_t>(random() % 1'000'000'007 * 1'000'000 + i);
    row.id = static_cast<RowId>(id);
    Value vector = RandomVector(random, dim);
    if (chance(0.05)) {
      vector = Value();
    } else if (i % 3'000 == 1'000) {
      vector = Vector(dim, 0.0f);
    } else if (i > 0 && chance(0.3 / 0.95)) {
      vector = rows[random() % (chance(0.5) ? std::min(i, kCrowds) : i)].cells[4];
    }
    const Timestamp seen{(static_cast<int64_t>(random() % 12) - 6) * 86'400'000'000};
    row.cells = {id,
                 chance(0.1) ? Value() : one_of(groups),
                 chance(0.1) ? Value() : Value(static_cast<int64_t>(random() % 20) - 3),
                 chance(0.1) ? Value() : one_of(weights),
                 std::move(vector),
                 chance(0.1) ? Value() : Value(seen),
                 chance(0.1) ? Value() : Value(random() % 2 == 0)};
    rows.push_back(std::move(row));
  }
  return rows;
}

/// `count` different columns of it, in any direction, NULLs at either end.
inline std::vector<SortKey> RandomKeys(std::mt19937_64& random, size_t count) {
  std::vector<std::string> columns = {"grp", "price", "weight", "seen", "active"};
  std::vector<SortKey> keys;
  while (keys.size() < count) {
    const auto column = columns.begin() + static_cast<ptrdiff_t>(random() % columns.size());
    keys.push_back({*column, random() % 2 == 0, random() % 2 == 0});
    columns.erase(column);
  }
  return keys;
}

}  // namespace ordinate
