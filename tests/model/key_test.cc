#include "storage/model/key.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace ordinate {
namespace {

TableDef KeyTable(std::vector<DataType> types) {
  TableDef table{.name = "t"};
  for (size_t i = 0; i < types.size(); ++i) {
    table.columns.push_back({.id = static_cast<uint32_t>(i + 1),
                             .name = std::string(1, static_cast<char>('a' + i)),
                             .role = ColumnRole::kKey,
                             .type = types[i],
                             .nullable = false});
    table.key.push_back(static_cast<uint32_t>(i));
  }
  return table;
}

TEST(EncodeKey, DocumentedBytes) {
  const TableDef table = KeyTable({DataType::kInt64, DataType::kUint64, DataType::kString});
  EXPECT_EQ(EncodeKey(table, {int64_t{-2}, uint64_t{0x0102}, std::string("hi")}),
            std::string("\x02\xfe\xff\xff\xff\xff\xff\xff\xff"
                        "\x03\x02\x01\0\0\0\0\0\0"
                        "\x05\x02\0\0\0\0\0\0\0hi",
                        9 + 9 + 11));
}

TEST(EncodeKey, DifferentKeysDiffer) {
  const TableDef table = KeyTable({DataType::kString, DataType::kString});
  EXPECT_NE(EncodeKey(table, {std::string("ab"), std::string("c")}),
            EncodeKey(table, {std::string("a"), std::string("bc")}));
}

TEST(EncodeKey, FollowsKeyOrder) {
  TableDef table = KeyTable({DataType::kInt64, DataType::kString});
  table.key = {1, 0};
  EXPECT_EQ(EncodeKey(table, {int64_t{1}, std::string("x")})[0], '\x05');
}

TEST(PreferredRowId, IntegralKeyIsTheIdBitForBit) {
  EXPECT_EQ(PreferredRowId(KeyTable({DataType::kInt64}), {int64_t{-1}}, DefaultKeyHash),
            UINT64_MAX);
  EXPECT_EQ(PreferredRowId(KeyTable({DataType::kUint64}), {uint64_t{5}}, DefaultKeyHash), 5u);
}

TEST(PreferredRowId, HashedKeysUseTheHash) {
  const TableDef table = KeyTable({DataType::kString});
  const std::vector<Value> cells = {std::string("key")};
  EXPECT_EQ(PreferredRowId(table, cells, DefaultKeyHash), DefaultKeyHash(EncodeKey(table, cells)));
  EXPECT_EQ(PreferredRowId(table, cells, [](std::string_view) { return uint64_t{9}; }), 9u);
}

// The hash is part of the data's layout: XXH3-64 of no bytes, as its authors publish it.
TEST(DefaultKeyHash, IsXxh3) { EXPECT_EQ(DefaultKeyHash(""), 0x2d06800538d394c2u); }

// The placement of rows is part of the data's layout.
TEST(ShardOf, SpreadsAndNeverChanges) {
  std::vector<int> rows(8);
  for (RowId id = 0; id < 8000; ++id) ++rows[ShardOf(id, 8)];
  for (const int count : rows) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(ShardOf(1, 1), 0u);
  EXPECT_EQ(ShardOf(1, 1u << 31), 0x5692161d100b05e5u % (1u << 31));
}

// contract 1.2
TEST(DisplacedRowId, StaysOnTheShardAndNeverRepeats) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const uint32_t shards : {1u, 2u, 7u, 64u}) {
    const RowId preferred = random();
    std::set<RowId> ids = {preferred};
    for (uint32_t attempt = 1; attempt <= 20; ++attempt) {
      const RowId id = DisplacedRowId(preferred, attempt, shards);
      EXPECT_EQ(ShardOf(id, shards), ShardOf(preferred, shards));
      EXPECT_TRUE(ids.insert(id).second) << id << " twice, attempt " << attempt;
      EXPECT_EQ(id, DisplacedRowId(preferred, attempt, shards));
    }
  }
}

}  // namespace
}  // namespace ordinate
