#include "engine/search/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/search/node_distance.h"
#include "tests/search/wide_kernels.h"

namespace ordinate {
namespace {

// Every table that can run here, the AVX-512 source among them on any machine.
std::vector<const Kernels*> Tables() {
  std::vector<const Kernels*> tables = AvailableKernels();
  tables.push_back(&kWideKernels);
  return tables;
}

// The documented order, written plainly.
template <typename Real, typename Term>
Real Reference(const std::vector<float>& a, const std::vector<float>& b, Term term) {
  Real lane[16] = {};
  for (size_t i = 0; i < a.size(); ++i) lane[i % 16] += term(Real{a[i]}, Real{b[i]});
  for (int half = 8; half >= 1; half /= 2) {
    for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
  }
  return lane[0];
}

const auto kSquaredDifference = [](auto a, auto b) { return (a - b) * (a - b); };
const auto kProduct = [](auto a, auto b) { return a * b; };

uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }
uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }

struct Pair {
  std::vector<float> a, b;
};

// Ordinary numbers, and those that a different order or rounding would show: denormals, huge and
// tiny magnitudes side by side, zeros of both signs, cancellations.
Pair MakePair(std::mt19937& random, size_t dim, bool nasty) {
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> kind(0, 6), exponent(-149, 127);
  const auto draw = [&] {
    if (!nasty) return normal(random);
    switch (kind(random)) {
      case 0:
        return 0.0f;
      case 1:
        return -0.0f;
      case 2:
        return std::numeric_limits<float>::denorm_min() * static_cast<float>(kind(random));
      case 3:
        return std::numeric_limits<float>::max();
      case 4:
        return -std::numeric_limits<float>::max();
      default:
        return std::ldexp(normal(random), exponent(random) / 2);
    }
  };
  Pair pair{std::vector<float>(dim), std::vector<float>(dim)};
  for (size_t i = 0; i < dim; ++i) {
    pair.a[i] = draw();
    pair.b[i] = kind(random) == 0 ? pair.a[i] : draw();
  }
  return pair;
}

void ExpectExact(const Kernels& kernels, const Pair& pair) {
  const auto& [a, b] = pair;
  const size_t dim = a.size();
  const double l2sq = Reference<double>(a, b, kSquaredDifference);
  const double dot = Reference<double>(a, b, kProduct);
  const double norm = Reference<double>(b, b, kProduct);
  EXPECT_EQ(Bits(kernels.exact_l2sq(a.data(), b.data(), dim)), Bits(l2sq));
  EXPECT_EQ(Bits(kernels.exact_dot(a.data(), b.data(), dim)), Bits(dot));
  const DotAndNorm both = kernels.exact_dot_norm(a.data(), b.data(), dim);
  EXPECT_EQ(Bits(both.dot), Bits(dot));
  EXPECT_EQ(Bits(both.norm), Bits(norm));
}

// What is compared below is every instruction set that Linux says the processor has.
TEST(Kernels, AreThoseOfTheProcessor) {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> words;
  for (std::string word; file >> word;) words.insert(word);
  const auto has = [&](std::initializer_list<const char*> flags) {
    return std::all_of(flags.begin(), flags.end(), [&](const char* f) { return words.count(f); });
  };
  std::vector<std::string> expected = {"baseline"}, names;
  if (has({"avx2", "fma"})) expected.emplace_back("avx2");
  if (has({"avx512f", "avx512bw", "avx512dq", "avx512vl"})) expected.emplace_back("avx512");
  if (has({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"})) {
    expected.emplace_back("avx512vnni");
  }
  for (const Kernels* kernels : AvailableKernels()) names.emplace_back(kernels->name);
  EXPECT_EQ(names, expected);
}

// contract 2.3
TEST(Kernels, ExactSumsHaveTheBitsOfTheDocumentedOrder) {
  const uint32_t seed = 1;
  std::mt19937 random(seed);
  for (size_t dim = 1; dim <= 300; ++dim) {
    for (const bool nasty : {false, true}) {
      const Pair pair = MakePair(random, dim, nasty);
      for (const Kernels* kernels : Tables()) {
        SCOPED_TRACE(testing::Message()
                     << kernels->name << " dim " << dim << " nasty " << nasty << " seed " << seed);
        ExpectExact(*kernels, pair);
      }
    }
  }
}

TEST(Kernels, ExactSumsOfRowsHaveTheBitsOfEach) {
  const uint32_t seed = 6;
  std::mt19937 random(seed);
  for (const size_t dim : {1u, 15u, 16u, 17u, 77u, 128u, 300u}) {
    for (size_t count = 0; count <= 9; ++count) {
      const size_t stride = dim + random() % 20;
      const Pair query = MakePair(random, dim, true);
      std::vector<float> rows(stride * count);
      for (size_t i = 0; i < count; ++i) {
        const Pair pair = MakePair(random, dim, i % 2 == 0);
        std::copy(pair.b.begin(), pair.b.end(), rows.begin() + static_cast<long>(i * stride));
      }
      for (const Kernels* kernels : Tables()) {
        std::vector<double> l2sq(count), dot(count);
        kernels->exact_l2sq_rows(query.a.data(), rows.data(), stride, dim, count, l2sq.data());
        kernels->exact_dot_rows(query.a.data(), rows.data(), stride, dim, count, dot.data());
        for (size_t i = 0; i < count; ++i) {
          SCOPED_TRACE(testing::Message() << kernels->name << " dim " << dim << " row " << i
                                          << " of " << count << " seed " << seed);
          const float* const row = rows.data() + i * stride;
          EXPECT_EQ(Bits(l2sq[i]), Bits(kernels->exact_l2sq(query.a.data(), row, dim)));
          EXPECT_EQ(Bits(dot[i]), Bits(kernels->exact_dot(query.a.data(), row, dim)));
        }
      }
    }
  }
}

TEST(Kernels, ExactSumsTakeAnyAddress) {
  std::mt19937 random(2);
  const Pair pair = MakePair(random, 77, false);
  std::vector<float> a(1), b(3);
  a.insert(a.end(), pair.a.begin(), pair.a.end());
  b.insert(b.end(), pair.b.begin(), pair.b.end());
  const double expected = Reference<double>(pair.a, pair.b, kProduct);
  for (const Kernels* kernels : Tables()) {
    EXPECT_EQ(Bits(kernels->exact_dot(a.data() + 1, b.data() + 3, 77)), Bits(expected));
  }
}

TEST(Kernels, ExactSumsByHand) {
  const float a[] = {1, 2, 3}, b[] = {4, 6, 3};
  for (const Kernels* kernels : Tables()) {
    EXPECT_EQ(kernels->exact_l2sq(a, b, 3), 25);
    EXPECT_EQ(kernels->exact_dot(a, b, 3), 25);
    EXPECT_EQ(kernels->exact_dot_norm(a, b, 3).norm, 61);
    EXPECT_EQ(kernels->exact_dot(a, b, 0), 0);
  }
}

TEST(Kernels, ApproximateSumsAreTheSameOnEveryIsaSinglyAndByRows) {
  const uint32_t seed = 3;
  std::mt19937 random(seed);
  for (size_t stride = 16; stride <= 320; stride += 16) {
    const Pair rows = MakePair(random, stride * 40, stride == 32);
    const std::vector<float> query(rows.a.begin(), rows.a.begin() + static_cast<long>(stride));
    for (const size_t count : {0, 1, 3, 4, 7, 12, 13, 31, 40}) {
      std::vector<uint32_t> chosen(count);
      for (uint32_t& row : chosen) row = random() % 40;
      for (const Kernels* kernels : Tables()) {
        std::vector<float> l2sq(count), dot(count);
        kernels->l2sq_rows(query.data(), rows.b.data(), stride, chosen.data(), count, l2sq.data());
        kernels->dot_rows(query.data(), rows.b.data(), stride, chosen.data(), count, dot.data());
        for (size_t i = 0; i < count; ++i) {
          SCOPED_TRACE(testing::Message() << kernels->name << " stride " << stride << " row " << i
                                          << " of " << count << " seed " << seed);
          const auto from = rows.b.begin() + static_cast<long>(chosen[i] * stride);
          const std::vector<float> row(from, from + static_cast<long>(stride));
          const float expected = Reference<float>(query, row, kSquaredDifference);
          EXPECT_EQ(Bits(l2sq[i]), Bits(expected));
          EXPECT_EQ(Bits(kernels->l2sq(query.data(), row.data(), stride)), Bits(expected));
          const float product = Reference<float>(query, row, kProduct);
          if (std::isnan(product)) continue;  // the sign of a NaN is not fixed
          EXPECT_EQ(Bits(dot[i]), Bits(product));
          EXPECT_EQ(Bits(kernels->dot(query.data(), row.data(), stride)), Bits(product));
        }
      }
    }
  }
}

TEST(Kernels, ApproximateSumsOfAScanHaveTheBitsOfEach) {
  const uint32_t seed = 7;
  std::mt19937 random(seed);
  for (const size_t stride : {16u, 32u, 48u, 128u, 320u}) {
    for (size_t count = 0; count <= 13; ++count) {
      const Pair rows = MakePair(random, stride * (count + 1), count % 3 == 0);
      const float* const query = rows.a.data();
      for (const Kernels* kernels : Tables()) {
        std::vector<float> l2sq(count + 1, -7), dot(count + 1, -7);
        kernels->l2sq_scan(query, rows.b.data(), stride, count, l2sq.data());
        kernels->dot_scan(query, rows.b.data(), stride, count, dot.data());
        for (size_t i = 0; i < count; ++i) {
          SCOPED_TRACE(testing::Message() << kernels->name << " stride " << stride << " row " << i
                                          << " of " << count << " seed " << seed);
          const float* const row = rows.b.data() + i * stride;
          EXPECT_EQ(Bits(l2sq[i]), Bits(kBaselineKernels.l2sq(query, row, stride)));
          const float product = kBaselineKernels.dot(query, row, stride);
          if (std::isnan(product)) continue;  // the sign of a NaN is not fixed
          EXPECT_EQ(Bits(dot[i]), Bits(product));
        }
        EXPECT_EQ(l2sq.back(), -7);
        EXPECT_EQ(dot.back(), -7);
      }
    }
  }
}

TEST(Kernels, CodeSumsAreExactOnEveryIsa) {
  const uint32_t seed = 4;
  std::mt19937 random(seed);
  for (size_t stride = 64; stride <= 16384; stride = stride < 512 ? stride + 64 : stride * 2) {
    constexpr uint32_t kRows = 9;
    std::vector<uint8_t> codes(stride * kRows);
    for (uint8_t& code : codes) code = static_cast<uint8_t>(random());
    std::fill_n(codes.begin(), stride, uint8_t{255});  // the largest sums there are
    std::vector<int16_t> query(stride), levels(stride);
    const int most = static_cast<int>(2147483647 / (255 * stride));
    const int limit = std::min(4095, most);
    for (size_t i = 0; i < stride; ++i) {
      query[i] = static_cast<int16_t>(
          stride >= 8192 ? -limit : static_cast<int>(random() % (2 * limit + 1)) - limit);
      levels[i] = static_cast<int16_t>(stride >= 8192 ? 0 : random() % 256);
    }
    const uint32_t rows[] = {3, 0, 8, 8, 1, 2, 7, 0, 5};
    for (const Kernels* kernels : Tables()) {
      int32_t l2sq[kRows], dot[kRows], guide_l2sq[kRows], guide_dot[kRows];
      kernels->code_l2sq_rows(levels.data(), codes.data(), stride, rows, kRows, l2sq);
      kernels->code_dot_rows(query.data(), codes.data(), stride, rows, kRows, dot);
      kernels->guide_l2sq_rows(levels.data(), codes.data(), stride, rows, kRows, guide_l2sq);
      kernels->guide_dot_rows(query.data(), codes.data(), stride, rows, kRows, guide_dot);
      for (uint32_t i = 0; i < kRows; ++i) {
        SCOPED_TRACE(testing::Message()
                     << kernels->name << " stride " << stride << " row " << i << " seed " << seed);
        int64_t squares = 0, products = 0, guide_squares = 0, guide_products = 0;
        for (uint32_t j = 0; j < stride; ++j) {
          const int64_t code = NumberAt(std::span(codes).subspan(rows[i] * stride, stride), j);
          const int64_t guide = code / 16 * 16;
          squares += (levels[j] - code) * (levels[j] - code);
          products += query[j] * code;
          guide_squares += (levels[j] - guide) * (levels[j] - guide);
          guide_products += query[j] * guide;
        }
        EXPECT_EQ(l2sq[i], squares);
        EXPECT_EQ(dot[i], products);
        EXPECT_EQ(guide_l2sq[i], guide_squares);
        EXPECT_EQ(guide_dot[i], guide_products);
      }
    }
  }
}

// Integers by their bits, doubles by their order with every NaN last, at the ends of both.
TEST(Kernels, RangesOfWordsAreTheSameOnEveryIsa) {
  const uint32_t seed = 5;
  std::mt19937_64 random(seed);
  constexpr uint64_t kSign = uint64_t{1} << 63;
  constexpr size_t kGroups = 3;
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<uint64_t> special = {0, 1, kSign, kSign - 1, UINT64_MAX};
  for (const double x : {1.5, -1.5, infinity, -infinity, nan, -nan, 5e-324}) {
    special.push_back(Bits(x));
  }
  const auto draw = [&] {
    return random() % 3 == 0 ? special[random() % special.size()] : random();
  };
  const auto rank_of_double = [&](uint64_t word) {
    if (std::isnan(std::bit_cast<double>(word))) return UINT64_MAX;
    return word < kSign ? word + kSign : ~word;
  };
  for (int round = 0; round < 500; ++round) {
    std::vector<uint64_t> words(64 * kGroups);
    for (uint64_t& word : words) word = draw();
    const uint64_t flip = round % 2 == 0 ? kSign : 0;
    const uint64_t first = round % 3 == 0 ? rank_of_double(draw()) : draw() ^ flip;
    const uint64_t span = round % 5 == 0 ? UINT64_MAX - first : draw() >> (random() % 64);
    for (const Kernels* kernels : Tables()) {
      uint64_t integers[kGroups], doubles[kGroups];
      kernels->integers_in_range(words.data(), kGroups, flip, first, span, integers);
      kernels->doubles_in_range(words.data(), kGroups, first, span, doubles);
      for (size_t i = 0; i < words.size(); ++i) {
        SCOPED_TRACE(testing::Message() << kernels->name << " round " << round << " word " << i
                                        << " is " << words[i] << " seed " << seed);
        EXPECT_EQ(integers[i / 64] >> (i % 64) & 1, (words[i] ^ flip) - first <= span);
        EXPECT_EQ(doubles[i / 64] >> (i % 64) & 1, rank_of_double(words[i]) - first <= span);
      }
    }
  }
}

// What codes are made by, against plain code: the same bits.
TEST(Kernels, EncodeAsPlainCodeDoes) {
  const uint32_t seed = 14;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const auto draw = [&](size_t count, float spread) {
    std::vector<float> x(count);
    for (float& value : x) value = spread * normal(random);
    return x;
  };
  for (const size_t size : {1u, 2u, 4u, 8u, 16u, 32u, 64u, 256u, 4096u}) {
    const std::vector<float> x = draw(size, 3), signs = draw(size, 1);
    std::vector<float> expected(size);
    for (size_t i = 0; i < size; ++i) expected[i] = x[i] * signs[i];
    for (size_t half = 1; half < size; half *= 2) {
      for (size_t i = 0; i < size; ++i) {
        if ((i & half) != 0) continue;
        const float a = expected[i], b = expected[i + half];
        expected[i] = a + b;
        expected[i + half] = a - b;
      }
    }
    for (const Kernels* kernels : Tables()) {
      std::vector<float> out = x;
      kernels->signed_hadamard(out.data(), signs.data(), size);
      EXPECT_EQ(out, expected) << kernels->name << " size " << size << " seed " << seed;
    }
  }
  for (const size_t dim : {1u, 3u, 15u, 16u, 17u, 64u, 100u, 385u}) {
    const std::vector<float> x = draw(dim, 3), centre = draw(dim, 1);
    const float scale = dim % 2 == 0 ? 0.04f : 0.004f;  // of these, many are beyond all codes
    for (const Kernels* kernels : Tables()) {
      SCOPED_TRACE(testing::Message() << kernels->name << " dim " << dim << " seed " << seed);
      std::vector<float> levels(dim), rounded(dim);
      const LevelRange range =
          kernels->code_levels(x.data(), centre.data(), scale, dim, levels.data());
      float least = 0, greatest = 0;
      for (size_t i = 0; i < dim; ++i) {
        EXPECT_EQ(levels[i], (x[i] - centre[i]) / scale + 128) << i;
        least = std::min(least, levels[i]);
        greatest = std::max(greatest, levels[i]);
      }
      EXPECT_EQ(range.least, least);
      EXPECT_EQ(range.greatest, greatest);
      levels[0] = 2.5f;
      const std::vector<float> before = levels;
      kernels->round_levels(levels.data(), dim, rounded.data());
      for (size_t i = 0; i < dim; ++i) {
        EXPECT_EQ(rounded[i], std::nearbyint(before[i])) << i;
        EXPECT_EQ(levels[i], std::clamp(before[i], 0.0f, 255.0f)) << i;
      }
    }
  }
}

TEST(SelectKernels, FindsWhatTheMachineHasAndRefusesTheRestByName) {
  ASSERT_FALSE(AvailableKernels().empty());
  EXPECT_STREQ(AvailableKernels().front()->name, "baseline");
  for (const Kernels* kernels : AvailableKernels()) {
    const auto selected = SelectKernels(kernels->name);
    ASSERT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(*selected, kernels);
  }
  const absl::Status unknown = SelectKernels("sse9").status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(unknown.message()).find("sse9"), std::string::npos) << unknown;
  for (const char* name : {"avx2", "avx512", "avx512vnni"}) {
    const auto selected = SelectKernels(name);
    if (selected.ok()) continue;
    EXPECT_EQ(selected.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(selected.status().message()).find("it can run: baseline"),
              std::string::npos)
        << selected.status();
  }
}

TEST(SelectKernels, BestIsTheConfiguredOne) {
  if (const char* name = std::getenv("ORDINATE_ISA"); name != nullptr && *name != '\0') {
    EXPECT_EQ(ConfiguredKernels().ok(), SelectKernels(name).ok());
  } else {
    ASSERT_TRUE(ConfiguredKernels().ok());
    EXPECT_EQ(*ConfiguredKernels(), AvailableKernels().back());
  }
  if (ConfiguredKernels().ok()) {
    EXPECT_EQ(&BestKernels(), *ConfiguredKernels());
  }
}

TEST(PreparedQuery, IsPaddedAndUnderCosineNormalised) {
  const std::vector<float> query = {3, 4};
  const auto l2 = PreparedQuery::Create(Metric::kL2, 2, query);
  ASSERT_TRUE(l2.ok()) << l2.status();
  EXPECT_EQ(l2->stride(), 16u);
  EXPECT_EQ(l2->data()[1], 4);
  EXPECT_EQ(l2->data()[2], 0);
  const auto cosine = PreparedQuery::Create(Metric::kCosine, 2, query);
  ASSERT_TRUE(cosine.ok());
  EXPECT_FLOAT_EQ(cosine->data()[0], 0.6f);
  const absl::Status wrong = PreparedQuery::Create(Metric::kL2, 3, query).status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(wrong.message()).find("2 dimensions; the index has 3"), std::string::npos);
}

}  // namespace
}  // namespace ordinate
