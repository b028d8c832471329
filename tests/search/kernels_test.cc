#include "engine/search/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
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

TEST(Kernels, ApproximateSumsAreTheSameOnEveryIsaSinglyAndByFours) {
  const uint32_t seed = 3;
  std::mt19937 random(seed);
  for (size_t stride = 16; stride <= 320; stride += 16) {
    SCOPED_TRACE(testing::Message() << "stride " << stride << " seed " << seed);
    Pair pairs[4];
    const float* rows[4];
    for (int i = 0; i < 4; ++i) {
      pairs[i] = MakePair(random, stride, i == 3);
      rows[i] = pairs[i].b.data();
    }
    const std::vector<float>& query = pairs[0].a;
    for (const Kernels* kernels : Tables()) {
      float l2sq[4], dot[4];
      kernels->l2sq4(query.data(), rows, stride, l2sq);
      kernels->dot4(query.data(), rows, stride, dot);
      for (int i = 0; i < 4; ++i) {
        SCOPED_TRACE(testing::Message() << kernels->name << " vector " << i);
        const float expected = Reference<float>(query, pairs[i].b, kSquaredDifference);
        EXPECT_EQ(Bits(l2sq[i]), Bits(expected));
        EXPECT_EQ(Bits(kernels->l2sq(query.data(), rows[i], stride)), Bits(expected));
        const float product = Reference<float>(query, pairs[i].b, kProduct);
        if (std::isnan(product)) continue;  // the sign of a NaN is not fixed
        EXPECT_EQ(Bits(dot[i]), Bits(product));
        EXPECT_EQ(Bits(kernels->dot(query.data(), rows[i], stride)), Bits(product));
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
  for (const char* name : {"avx2", "avx512"}) {
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
