// The kernels that estimate many rows for many queries.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/search/kernels.h"
#include "tests/search/wide_kernels.h"

namespace ordinate {
namespace {

constexpr uint32_t kSeed = 41;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<const Kernels*> Tables() {
  std::vector<const Kernels*> tables = AvailableKernels();
  tables.push_back(&kWideKernels);
  return tables;
}

// Ordinary numbers, or such of all magnitudes whose sums of products f32 holds.
std::vector<float> Numbers(std::mt19937& random, size_t count, bool nasty) {
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> exponent(-70, 50);
  std::vector<float> numbers(count);
  for (float& x : numbers) {
    x = normal(random);
    if (nasty) x = std::ldexp(x, exponent(random));
  }
  return numbers;
}

struct Sum {
  double value = 0, magnitude = 0;
};
Sum SumOf(const std::vector<float>& tiles, size_t query, const float* row, size_t stride) {
  Sum sum;
  const float* const q =
      tiles.data() + query / kTileQueries * stride * kTileQueries + query % kTileQueries;
  for (size_t d = 0; d < stride; ++d) {
    const double product = double{q[d * kTileQueries]} * row[d];
    sum.value += product;
    sum.magnitude += std::abs(product);
  }
  return sum;
}

TEST(TileKernels, DotsAreThoseOfEachRowAndQueryWithinWhatRoundingAllows) {
  std::mt19937 random(kSeed);
  for (const size_t stride : {16u, 32u, 64u, 80u, 128u, 144u, 400u}) {
    for (const size_t count : {1u, 5u, 6u, 11u, 12u, 13u, 31u}) {
      for (const size_t tiles : {1u, 2u, 3u}) {
        const bool nasty = random() % 2 == 0;
        // As many rows more may be fetched.
        const auto rows = Numbers(random, 2 * count * stride, nasty);
        const auto queries = Numbers(random, tiles * stride * kTileQueries, nasty);
        for (const Kernels* kernels : Tables()) {
          SCOPED_TRACE(testing::Message() << kernels->name << " stride " << stride << " rows "
                                          << count << " tiles " << tiles << " seed " << kSeed);
          std::vector<float> sums(tiles * count * kTileQueries + 1, -7);
          kernels->tile_dots(queries.data(), tiles, rows.data(), stride, count, sums.data());
          for (size_t query = 0; query < tiles * kTileQueries; ++query) {
            for (size_t r = 0; r < count; ++r) {
              const Sum sum = SumOf(queries, query, rows.data() + r * stride, stride);
              const double allowed = (64 + stride / 64 + 2) * 0x1p-24 * sum.magnitude + 0x1p-130;
              const size_t place =
                  (query / kTileQueries * count + r) * kTileQueries + query % kTileQueries;
              ASSERT_NEAR(sums[place], sum.value, allowed) << "row " << r << " query " << query;
            }
          }
          EXPECT_EQ(sums.back(), -7);
        }
      }
    }
  }
}

struct Selection {
  std::vector<float> estimates;
  std::vector<uint32_t> rows, queries;
};

Selection Select(const Kernels& kernels, std::vector<float> sums, const float* scale,
                 const float* bias, const std::vector<float>& least) {
  const size_t count = sums.size() / kTileQueries;
  Selection selection{std::move(sums), std::vector<uint32_t>(count), std::vector<uint32_t>(count)};
  const size_t found = kernels.tile_select(selection.estimates.data(), scale, bias, least.data(),
                                           count, selection.rows.data(), selection.queries.data());
  selection.rows.resize(found);
  selection.queries.resize(found);
  return selection;
}

TEST(TileKernels, SelectWhatIsNotLess) {
  for (const Kernels* kernels : Tables()) {
    SCOPED_TRACE(kernels->name);
    std::vector<float> sums(4 * kTileQueries, 1), least(kTileQueries, 2);
    sums[3] = 2;                      // as good: row 0, query 3
    sums[2 * kTileQueries + 15] = 3;  // row 2, query 15
    sums[2 * kTileQueries] = kNan;    // not known to be less
    sums[3 * kTileQueries + 7] = kInfinity;
    least[9] = -kInfinity;  // takes all
    least[10] = kInfinity;
    const Selection selection = Select(*kernels, sums, nullptr, nullptr, least);
    EXPECT_EQ(selection.rows, (std::vector<uint32_t>{0, 1, 2, 3}));
    EXPECT_EQ(selection.queries,
              (std::vector<uint32_t>{1u << 3 | 1u << 9, 1u << 9, 1u << 15 | 1u << 9 | 1,
                                     1u << 7 | 1u << 9}));
    least[9] = 2;
    EXPECT_EQ(Select(*kernels, sums, nullptr, nullptr, least).rows,
              (std::vector<uint32_t>{0, 2, 3}));
  }
}

TEST(TileKernels, SelectScalesAndAddsByRow) {
  std::mt19937 random(kSeed);
  for (const size_t count : {1u, 2u, 7u, 20u}) {
    const auto sums = Numbers(random, count * kTileQueries, false);
    const auto scale = Numbers(random, count, false), bias = Numbers(random, count, false);
    const auto least = Numbers(random, kTileQueries, false);
    for (int with = 0; with < 4; ++with) {
      const float* const by = with % 2 == 0 ? nullptr : scale.data();
      const float* const plus = with / 2 == 0 ? nullptr : bias.data();
      Selection expected;
      for (size_t r = 0; r < count; ++r) {
        uint32_t bits = 0;
        for (int j = 0; j < kTileQueries; ++j) {
          float estimate = sums[r * kTileQueries + static_cast<size_t>(j)];
          if (by != nullptr) estimate *= by[r];
          if (plus != nullptr) estimate += plus[r];
          expected.estimates.push_back(estimate);
          bits |= (estimate < least[static_cast<size_t>(j)] ? 0u : 1u) << j;
        }
        if (bits == 0) continue;
        expected.rows.push_back(static_cast<uint32_t>(r));
        expected.queries.push_back(bits);
      }
      for (const Kernels* kernels : Tables()) {
        SCOPED_TRACE(testing::Message() << kernels->name << " rows " << count << " with " << with);
        const Selection selection = Select(*kernels, sums, by, plus, least);
        EXPECT_EQ(selection.estimates, expected.estimates);
        EXPECT_EQ(selection.rows, expected.rows);
        EXPECT_EQ(selection.queries, expected.queries);
      }
    }
  }
}

TEST(TileKernels, SquaredNormsHaveTheBitsOfDot) {
  std::mt19937 random(kSeed);
  for (const size_t stride : {16u, 48u, 128u}) {
    for (size_t count = 0; count <= 9; ++count) {
      const auto rows = Numbers(random, count * stride, true);
      for (const Kernels* kernels : Tables()) {
        std::vector<float> norms(count);
        kernels->squared_norms(rows.data(), stride, count, norms.data());
        for (size_t r = 0; r < count; ++r) {
          const float* const row = rows.data() + r * stride;
          EXPECT_EQ(std::bit_cast<uint32_t>(norms[r]),
                    std::bit_cast<uint32_t>(kernels->dot(row, row, stride)))
              << kernels->name << " stride " << stride << " row " << r << " of " << count;
        }
      }
    }
  }
}

}  // namespace
}  // namespace ordinate
