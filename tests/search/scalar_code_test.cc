#include "engine/search/scalar_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "engine/search/kernels.h"

namespace ordinate {
namespace {

std::vector<float> RandomVector(uint32_t dim, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(dim);
  for (float& coordinate : x) coordinate = normal(random);
  return x;
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(Rotation, KeepsLengthsAndAnglesInEveryDim) {
  std::mt19937 random(1);
  for (const uint32_t dim : {1u, 2u, 3u, 16u, 17u, 100u, 128u, 384u, 768u, 1000u}) {
    SCOPED_TRACE(testing::Message() << "dim " << dim);
    const Rotation rotation(dim, 7);
    std::vector<float> a = RandomVector(dim, random), b = RandomVector(dim, random);
    const double before = Dot(a, b), length = Dot(a, a);
    rotation.Apply(a);
    rotation.Apply(b);
    EXPECT_NEAR(Dot(a, a), length, 1e-4 * length);
    EXPECT_NEAR(Dot(a, b), before, 1e-4 * length);
  }
}

TEST(Rotation, SpreadsOneCoordinateOverAll) {
  for (const uint32_t dim : {64u, 96u, 768u}) {
    std::vector<float> x(dim, 0.0f);
    x[3] = 1;
    Rotation(dim, 7).Apply(x);
    for (const float coordinate : x) EXPECT_LT(std::abs(coordinate), 0.6f) << "dim " << dim;
  }
}

TEST(Rotation, IsAFunctionOfItsSeed) {
  std::vector<float> a(40, 1.0f), b = a, c = a;
  Rotation(40, 5).Apply(a);
  Rotation(40, 5).Apply(b);
  Rotation(40, 6).Apply(c);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(Rotation, HoldsAtTheEndOfF32) {
  const std::vector<float> small = {1, -1, 0.5, 1, 1, -1, 1, 0.25};
  std::vector<float> expected = small, large = small;
  const Rotation rotation(8, 5);
  rotation.Apply(expected);
  constexpr float kFactor = 0x1p126f;
  for (float& x : large) x *= kFactor;
  rotation.ApplySafely(large);
  for (size_t i = 0; i < large.size(); ++i) {
    const double wanted = std::clamp<double>(double{expected[i]} * kFactor, -FLT_MAX, FLT_MAX);
    EXPECT_EQ(large[i], static_cast<float>(wanted)) << "coordinate " << i;
  }
  std::vector<float> longest(8, FLT_MAX);
  rotation.ApplySafely(longest);
  for (const float x : longest) EXPECT_TRUE(std::isfinite(x));
}

/// Rows, and the codes a coder calibrated on them gives.
struct Coded {
  Coded(Metric metric_, uint32_t dim_, const std::vector<std::vector<float>>& rows_)
      : metric(metric_), dim(dim_), rows(rows_) {
    const uint32_t stride = StrideOf(dim);
    std::vector<float> vectors(rows.size() * stride, 0.0f);
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy(rows[i].begin(), rows[i].end(), vectors.begin() + static_cast<long>(i * stride));
    }
    params = ScalarCoder::Calibrate(metric, dim, vectors, stride, 9);
    const ScalarCoder coder(metric, dim, params.rotation_seed, params.scale, params.centre);
    codes.resize(rows.size() * CodeStrideOf(dim));
    for (size_t i = 0; i < rows.size(); ++i) {
      coder.Encode(rows[i], std::span(codes).subspan(i * CodeStrideOf(dim), CodeStrideOf(dim)));
    }
  }

  /// The kernels' sums times the query's unit.
  std::vector<double> Estimates(const std::vector<float>& query) const {
    const ScalarCoder coder(metric, dim, params.rotation_seed, params.scale, params.centre);
    const ScalarCoder::Query encoded = coder.EncodeQuery(query);
    if (encoded.numbers.empty()) return {};
    std::vector<uint32_t> all(rows.size());
    std::iota(all.begin(), all.end(), 0u);
    std::vector<int32_t> sums(rows.size());
    const Kernels& kernels = BestKernels();
    (metric == Metric::kIp ? kernels.code_dot_rows : kernels.code_l2sq_rows)(
        encoded.numbers.data(), codes.data(), CodeStrideOf(dim), all.data(), all.size(),
        sums.data());
    std::vector<double> estimates;
    for (const int32_t sum : sums) estimates.push_back(sum * double{encoded.unit});
    return estimates;
  }

  Metric metric;
  uint32_t dim;
  std::vector<std::vector<float>> rows;
  ScalarCodeParams params;
  std::vector<uint8_t> codes;
};

std::vector<std::vector<float>> RandomRows(size_t count, uint32_t dim, std::mt19937& random) {
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < count; ++i) {
    rows.push_back(RandomVector(dim, random));
    // Off centre, and of uneven spread: what centre and rotation are for.
    for (uint32_t d = 0; d < dim; ++d) rows.back()[d] = rows.back()[d] * (d < 4 ? 8 : 1) + 3;
  }
  return rows;
}

TEST(ScalarCode, NumbersAreSplitIntoTwoPlanes) {
  std::vector<uint8_t> code(128);
  for (uint32_t dim = 0; dim < 128; ++dim) SetNumberAt(code, dim, static_cast<uint8_t>(dim * 2));
  for (uint32_t dim = 0; dim < 128; ++dim) EXPECT_EQ(NumberAt(code, dim), dim * 2);
  // 1 is 0x02, 33 is 0x42; 65 is 0x82, 97 is 0xc2.
  EXPECT_EQ(code[1], 0x40);
  EXPECT_EQ(code[33], 0xc8);
  EXPECT_EQ(code[64 + 1], 0x22);
  EXPECT_EQ(code[64 + 33], 0x22);
}

// Far rows, even of lengths that f32 cannot square, leave the codes of all others as they were.
TEST(ScalarCoder, OutliersDoNotTakeTheRange) {
  const uint32_t seed = 3;
  std::mt19937 random(seed);
  for (const float scale : {1e3f, 1e20f, 3e37f}) {
    SCOPED_TRACE(testing::Message() << "scale " << scale << " seed " << seed);
    std::vector<std::vector<float>> rows = RandomRows(500, 24, random);
    const ScalarCodeParams before = Coded(Metric::kL2, 24, rows).params;
    for (const size_t i : {10u, 20u, 30u}) {
      for (float& x : rows[i]) x *= i == 20 ? -scale : scale;
    }
    const ScalarCodeParams after = Coded(Metric::kL2, 24, rows).params;
    EXPECT_NEAR(after.scale, before.scale, 0.1f * before.scale);
    for (size_t i = 0; i < 24; ++i) {
      EXPECT_NEAR(after.centre[i], before.centre[i], 5 * before.scale);
    }
  }
}

// Where most rows are alike, the others are no outliers.
TEST(ScalarCoder, ManyRowsAreNoOutliers) {
  const uint32_t seed = 4;
  std::mt19937 random(seed);
  std::vector<std::vector<float>> rows = RandomRows(500, 24, random);
  const ScalarCodeParams before = Coded(Metric::kL2, 24, rows).params;
  const std::vector<float> middle = rows[0];
  for (size_t i = 0; i < 275; ++i) {
    for (size_t d = 0; d < 24; ++d) rows[i][d] = middle[d] + 1e-3f * static_cast<float>(i % 7);
  }
  EXPECT_GT(Coded(Metric::kL2, 24, rows).params.scale, 0.5f * before.scale) << "seed " << seed;
}

TEST(ScalarCoder, EstimatesAreNearTheDistances) {
  const uint32_t seed = 2;
  std::mt19937 random(seed);
  for (const uint32_t dim : {24u, 96u, 128u}) {
    const std::vector<std::vector<float>> rows = RandomRows(500, dim, random);
    const std::vector<float> query = RandomRows(1, dim, random)[0];
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      SCOPED_TRACE(testing::Message()
                   << "dim " << dim << " metric " << MetricName(metric) << " seed " << seed);
      const std::vector<double> estimates = Coded(metric, dim, rows).Estimates(query);
      std::vector<double> truth;
      for (const std::vector<float>& row : rows) {
        const double dot = Dot(query, row), lengths = Dot(query, query) + Dot(row, row);
        truth.push_back(metric == Metric::kIp ? dot
                        : metric == Metric::kL2
                            ? lengths - 2 * dot
                            : 2 - 2 * dot / std::sqrt(Dot(query, query) * Dot(row, row)));
      }
      // Under IP the estimate lacks a term that is the same for every row.
      const double shift = metric == Metric::kIp ? truth[0] - estimates[0] : 0;
      const auto [low, high] = std::minmax_element(truth.begin(), truth.end());
      for (size_t i = 0; i < rows.size(); ++i) {
        EXPECT_NEAR(estimates[i] + shift, truth[i], 0.03 * (*high - *low)) << "row " << i;
      }
    }
  }
}

// Clamped to the codes' range, a query from outside would be near the wrong rows.
TEST(ScalarCoder, QueriesFarFromAllCodes) {
  const uint32_t seed = 3, dim = 32;
  std::mt19937 random(seed);
  std::vector<std::vector<float>> rows(300);
  for (std::vector<float>& row : rows) row = RandomVector(dim, random);
  const Coded coded(Metric::kL2, dim, rows);
  std::vector<float> query = RandomVector(dim, random);
  for (float& coordinate : query) coordinate *= 10;
  const std::vector<double> estimates = coded.Estimates(query);
  ASSERT_EQ(estimates.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const double truth = Dot(query, query) + Dot(rows[i], rows[i]) - 2 * Dot(query, rows[i]);
    EXPECT_NEAR(estimates[i], truth, 0.01 * truth) << "row " << i << " seed " << seed;
  }
  for (float& coordinate : query) coordinate *= 1e6f;
  EXPECT_TRUE(coded.Estimates(query).empty()) << "scored from the vectors";
}

TEST(ScalarCoder, PaddingCountsForNothing) {
  const std::vector<std::vector<float>> rows = {{1, 2, 3}, {4, 5, 6}, {7, 8, 10}};
  const Coded coded(Metric::kL2, 3, rows);
  for (size_t row = 0; row < rows.size(); ++row) {
    for (uint32_t i = 3; i < 64; ++i) {
      EXPECT_EQ(NumberAt(std::span(coded.codes).subspan(row * 64, 64), i), 0);
    }
  }
  EXPECT_LT(coded.Estimates({4, 5, 6})[1], 0.1);
}

TEST(ScalarCoder, TakesWhatCannotBeScaled) {
  const float huge = std::numeric_limits<float>::max();
  const std::vector<std::vector<std::vector<float>>> cases = {
      {{1, 1}, {1, 1}},               // no spread
      {{0, 0}},                       // no length
      {{huge, huge}, {-huge, huge}},  // sums beyond f32
      {},
  };
  for (const auto& rows : cases) {
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      const Coded coded(metric, 2, rows);
      EXPECT_TRUE(std::isfinite(coded.params.scale));
      EXPECT_GT(coded.params.scale, 0);
      for (const std::vector<float>& query : {std::vector<float>{0, 0}, {huge, -huge}, {1, 1}}) {
        const size_t estimates = coded.Estimates(query).size();
        EXPECT_TRUE(estimates == rows.size() || estimates == 0) << estimates;
      }
    }
  }
}

}  // namespace
}  // namespace ordinate
