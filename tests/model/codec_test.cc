#include <bit>
#include <limits>
#include <random>

#include "gtest/gtest.h"
#include "storage/model/row_codec.h"
#include "tests/model/tables.h"

namespace ordinate {
namespace {

TEST(RowCodec, RoundTripsEveryTypeAndNull) {
  const TableDef table = WideTable();
  std::vector<Value> cells = WideCells();
  EXPECT_EQ(*DecodeCells(table, EncodeCells(cells)), cells);
  for (size_t i = 1; i < cells.size(); ++i) cells[i] = Value();
  EXPECT_EQ(*DecodeCells(table, EncodeCells(cells)), cells);
}

TEST(RowCodec, IntegersOfEveryLength) {
  const TableDef table = WideTable();
  for (int shift = 0; shift < 64; ++shift) {
    for (const uint64_t number : {uint64_t{1} << shift, (uint64_t{1} << shift) - 1}) {
      std::vector<Value> cells = WideCells();
      cells[0] = number;
      cells[2] = static_cast<int64_t>(~number);
      EXPECT_EQ(*DecodeCells(table, EncodeCells(cells)), cells) << number;
    }
  }
}

TEST(RowCodec, DoublesKeepTypeAndBits) {
  const std::vector<double> numbers = {1.0,
                                       -3.0,
                                       0.0,
                                       -0.0,
                                       0x1p63,
                                       -0x1p64,
                                       std::numeric_limits<double>::infinity(),
                                       std::bit_cast<double>(0xfff8000000000001)};
  for (const double number : numbers) {
    std::vector<Value> cells = WideCells();
    cells[3] = number;
    const auto decoded = DecodeCells(WideTable(), EncodeCells(cells));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(std::bit_cast<uint64_t>(std::get<double>((*decoded)[3])),
              std::bit_cast<uint64_t>(number));
  }
}

// contract 1.1: columns added later read NULL in older rows.
TEST(RowCodec, MissingColumnsReadNull) {
  TableDef table = WideTable();
  const std::string bytes = EncodeCells(WideCells());
  table.columns.push_back({.id = 11, .name = "late"});
  std::vector<Value> expected = WideCells();
  expected.emplace_back();
  EXPECT_EQ(*DecodeCells(table, bytes), expected);
}

// And a definition from before leaves out what it does not know, of whatever type.
TEST(RowCodec, ColumnsBeyondTheTableAreLeftOut) {
  const TableDef table = WideTable();
  std::vector<Value> cells = WideCells();
  const std::vector<Value> more = {Value(), true,         int64_t{-1}, uint64_t{1},
                                   0.5,     Timestamp{3}, Vector{1},   std::string("x")};
  cells.insert(cells.end(), more.begin(), more.end());
  EXPECT_EQ(*DecodeCells(table, EncodeCells(cells)), WideCells());
  cells.resize(kMaxColumns + 1);
  EXPECT_TRUE(absl::IsDataLoss(DecodeCells(table, EncodeCells(cells)).status()));
}

TEST(RowCodec, RefusesOtherTypesThanTheTables) {
  const TableDef table = WideTable();
  const auto refused = [&](size_t column, Value cell) {
    std::vector<Value> cells = WideCells();
    cells[column] = std::move(cell);
    return absl::IsDataLoss(DecodeCells(table, EncodeCells(cells)).status());
  };
  EXPECT_TRUE(refused(0, Value()));  // a key is never NULL
  EXPECT_TRUE(refused(0, int64_t{-1}));
  EXPECT_TRUE(refused(1, int64_t{1}));
  EXPECT_TRUE(refused(2, uint64_t{1} << 63));
  EXPECT_TRUE(refused(2, 1.0));
  EXPECT_TRUE(refused(4, Vector{1}));
  EXPECT_TRUE(refused(5, int64_t{1}));
  EXPECT_TRUE(refused(6, Vector{1}));  // another dim
  EXPECT_TRUE(refused(6, std::string("x")));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCells(table, EncodeCells({})).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCells(table, EncodeCells(WideCells()) + '\xc0').status()));
}

TEST(RowCodec, EveryTruncationIsDataLoss) {
  const std::string bytes = EncodeCells(WideCells());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeCells(WideTable(), bytes.substr(0, size)).status())) << size;
  }
}

TEST(RowCodec, EveryFlipDecodesOrIsDataLoss) {
  const std::string bytes = EncodeCells(WideCells());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto cells = DecodeCells(WideTable(), flipped);
    if (cells.ok()) {
      EXPECT_EQ(cells->size(), WideTable().columns.size()) << bit;
    } else {
      EXPECT_TRUE(absl::IsDataLoss(cells.status())) << cells.status();
    }
  }
}

TEST(RowCodec, RandomBytesNeverHarm) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (!bytes.empty() && round % 2 == 0) bytes[0] = '\x9a';  // an array of 10
    const auto cells = DecodeCells(WideTable(), bytes);
    EXPECT_TRUE(cells.ok() || absl::IsDataLoss(cells.status())) << cells.status();
  }
  // Counts far beyond the bytes there are.
  for (const char* head :
       {"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff"}) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeCells(WideTable(), std::string(head, 5)).status()));
  }
}

}  // namespace
}  // namespace ordinate
