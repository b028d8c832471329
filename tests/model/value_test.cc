#include "storage/model/value.h"

#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace ordinate {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kUmax = std::numeric_limits<uint64_t>::max();

void ExpectOrder(const Value& a, const Value& b, std::weak_ordering expected) {
  SCOPED_TRACE(ToString(View(a)) + " against " + ToString(View(b)));
  EXPECT_TRUE(CompareScalars(View(a), View(b)) == expected);
  EXPECT_TRUE(CompareScalars(View(b), View(a)) == 0 <=> expected);
}

const auto kLess = std::weak_ordering::less;
const auto kSame = std::weak_ordering::equivalent;

// contract 2.2
TEST(CompareScalars, NumbersByExactValueAcrossTypes) {
  // 2^53 + 1 is no double: rounding through double would make these equal.
  ExpectOrder(0x1p53, (int64_t{1} << 53) + 1, kLess);
  ExpectOrder(0x1p53, (uint64_t{1} << 53) + 1, kLess);
  ExpectOrder((int64_t{1} << 53), 0x1p53, kSame);
  ExpectOrder(kMax, 0x1p63, kLess);
  ExpectOrder(kMax, uint64_t{1} << 63, kLess);
  ExpectOrder(kUmax, 0x1p64, kLess);
  ExpectOrder(uint64_t{1} << 63, 0x1p63, kSame);
  ExpectOrder(kMin, -0x1p63, kSame);
  ExpectOrder(-0x1.0000000000001p63, kMin, kLess);
  ExpectOrder(int64_t{-1}, uint64_t{0}, kLess);
  ExpectOrder(int64_t{-1}, kUmax, kLess);
  ExpectOrder(-0.5, uint64_t{0}, kLess);
  ExpectOrder(-0.5, int64_t{0}, kLess);
  ExpectOrder(int64_t{-1}, -0.5, kLess);
  ExpectOrder(int64_t{3}, 3.5, kLess);
  ExpectOrder(-3.5, int64_t{-3}, kLess);
  ExpectOrder(kMin, -kInf, std::weak_ordering::greater);
  ExpectOrder(kUmax, kInf, kLess);
}

TEST(CompareScalars, NanAboveEverythingAndZerosEqual) {
  ExpectOrder(kNan, kNan, kSame);
  ExpectOrder(kInf, kNan, kLess);
  ExpectOrder(kMax, kNan, kLess);
  ExpectOrder(kUmax, -kNan, kLess);
  ExpectOrder(-0.0, 0.0, kSame);
  ExpectOrder(-0.0, int64_t{0}, kSame);
  ExpectOrder(uint64_t{0}, -0.0, kSame);
}

TEST(CompareScalars, OtherTypes) {
  ExpectOrder(false, true, kLess);
  ExpectOrder(std::string("b"), std::string("\xc3\xa4"), kLess);  // bytes are unsigned
  ExpectOrder(std::string("a"), std::string("ab"), kLess);
  ExpectOrder(std::string("a\0b", 3), std::string("a\0c", 3), kLess);
  ExpectOrder(Timestamp{-1}, Timestamp{0}, kLess);
}

TEST(CompareScalars, IsATotalOrderOnHardNumbers) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<Value> values = {kMin, kMax, kUmax, uint64_t{0}, -0.0, kNan, kInf, -kInf, 0x1p63};
  for (int i = 0; i < 40; ++i) {
    const int shift = static_cast<int>(random() % 64);
    const uint64_t base = (uint64_t{1} << shift) + random() % 3 - 1;
    values.push_back(base);
    values.push_back(static_cast<int64_t>(base));
    values.push_back(static_cast<double>(base));
    values.push_back(-std::nextafter(static_cast<double>(base), 0.0));
  }
  // long double holds every 64-bit integer and every double exactly here.
  static_assert(std::numeric_limits<long double>::digits >= 64);
  const auto exact = [](const Value& value) -> long double {
    if (const auto* i = std::get_if<int64_t>(&value)) return *i;
    if (const auto* u = std::get_if<uint64_t>(&value)) return *u;
    return std::get<double>(value);
  };
  for (const Value& a : values) {
    for (const Value& b : values) {
      const long double x = exact(a), y = exact(b);
      if (std::isnan(x) || std::isnan(y)) continue;
      ExpectOrder(a, b, x < y ? kLess : x > y ? std::weak_ordering::greater : kSame);
    }
  }
}

TEST(IsComparable, NumbersWithNumbersOthersWithTheirOwn) {
  EXPECT_TRUE(IsComparable(DataType::kInt64, 0.5));
  EXPECT_TRUE(IsComparable(DataType::kDouble, kUmax));
  EXPECT_TRUE(IsComparable(DataType::kTimestamp, Timestamp{}));
  EXPECT_FALSE(IsComparable(DataType::kInt64, std::string("1")));
  EXPECT_FALSE(IsComparable(DataType::kBool, int64_t{1}));
  EXPECT_FALSE(IsComparable(DataType::kInt64, std::monostate()));
  EXPECT_FALSE(IsComparable(DataType::kVector, Vector{1}));
  EXPECT_FALSE(IsComparable(DataType::kJson, std::string("{}")));
}

TEST(ValueText, EveryType) {
  EXPECT_EQ(ToString(View(Value())), "NULL");
  EXPECT_EQ(ToString(View(Value(true))), "true");
  EXPECT_EQ(ToString(View(Value(kMin))), "-9223372036854775808");
  EXPECT_EQ(ToString(View(Value(0.1))), "0.1");
  EXPECT_EQ(ToString(View(Value(std::string("a\"\n")))), "\"a\\\"\\n\"");
  EXPECT_EQ(ToString(View(Value(Timestamp{1'500'000}))), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(ToString(View(Value(Vector{1, -2.5}))), "[1, -2.5]");
  EXPECT_EQ(ToString(View(Value(Vector(9, 1.0f)))), "[1, 1, 1, 1, 1, 1, 1, 1, ...]");
}

TEST(ValueView, OwnReturnsWhatViewTook) {
  const auto check = [](const Value& value) { EXPECT_EQ(Own(View(value)), value); };
  check(Value());
  check(true);
  check(int64_t{1});
  check(uint64_t{2});
  check(3.0);
  check(Timestamp{4});
  check(Vector{1, 2});
  check(std::string("text"));
}

}  // namespace
}  // namespace ordinate
