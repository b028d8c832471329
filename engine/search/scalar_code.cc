#include "engine/search/scalar_code.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/search/kernels.h"

namespace ordinate {
namespace {

// Vectors that centre and scale are taken from.
constexpr uint32_t kSample = 4096;
// The share of coordinates that may be clamped.
constexpr double kClamped = 1e-4;
constexpr float kZero = 128;  // the code of the centre
constexpr float kLevels = 127;
constexpr float kLastCode = 255;
// What the low half of a number is worth on average.
constexpr int kLowHalf = 8;
// The largest number of an IP query, where dim allows.
constexpr double kMaxNumber = 4095;

std::vector<float> Prepared(Metric metric, std::span<const float> vector) {
  std::vector<float> x(vector.begin(), vector.end());
  if (metric != Metric::kCosine) return x;
  const double length = std::sqrt(BestKernels().exact_dot(x.data(), x.data(), x.size()));
  if (length == 0) return x;
  for (float& coordinate : x) coordinate = static_cast<float>(coordinate / length);
  return x;
}

// Beside coordinates of this size, sums of rounds of the transform fit into f32.
constexpr float kLargestSafe = 0x1p64f;

// Vectors so many times farther from the middle of a sample than half of it say nothing of where
// codes are needed: each would otherwise take the range of all.
constexpr double kOutlying = 16;
// And are few: else they are where codes are needed too.
constexpr double kOutliers = 0.05;

// Compared as integers, which is done for many at a time.
float LargestOf(std::span<const float> x) {
  int32_t largest = 0;
  for (const float coordinate : x) {
    largest = std::max(largest, std::bit_cast<int32_t>(coordinate) & INT32_MAX);
  }
  return std::bit_cast<float>(largest);
}

template <typename T>
T MedianOf(std::vector<T>& values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Takes out the vectors that lie far from all others. REQUIRES: a sample.
void DropOutliers(std::vector<std::vector<float>>& sample, uint32_t dim) {
  std::vector<double> squared(sample.size(), 0.0);
  std::vector<float> column(sample.size());
  for (uint32_t i = 0; i < dim; ++i) {
    for (size_t n = 0; n < sample.size(); ++n) column[n] = sample[n][i];
    const double middle = MedianOf(column);
    for (size_t n = 0; n < sample.size(); ++n) {
      squared[n] += (sample[n][i] - middle) * (sample[n][i] - middle);
    }
  }
  std::vector<double> sorted = squared;
  const auto last = sorted.begin() + static_cast<ptrdiff_t>(static_cast<double>(sorted.size() - 1) *
                                                            (1 - kOutliers));
  std::nth_element(sorted.begin(), last, sorted.end());
  const double most = *last;
  const double farthest = std::max(MedianOf(sorted) * kOutlying * kOutlying, most);
  size_t kept = 0;
  for (size_t n = 0; n < sample.size(); ++n) {
    if (squared[n] <= farthest) std::swap(sample[kept++], sample[n]);
  }
  sample.resize(kept);
}

std::vector<float> MeanOf(std::span<const std::vector<float>> sample, uint32_t dim) {
  std::vector<double> sums(dim, 0.0);
  for (const std::vector<float>& x : sample) {
    for (uint32_t i = 0; i < dim; ++i) sums[i] += x[i];
  }
  std::vector<float> mean(dim, 0.0f);
  if (sample.empty()) return mean;
  for (uint32_t i = 0; i < dim; ++i) {
    mean[i] = static_cast<float>(sums[i] / static_cast<double>(sample.size()));
  }
  return mean;
}

// The value that all but kClamped of the sample's distances from the centre are within.
float SpreadOf(std::span<const std::vector<float>> sample, std::span<const float> centre) {
  std::vector<float> distances;
  distances.reserve(sample.size() * centre.size());
  for (const std::vector<float>& x : sample) {
    for (size_t i = 0; i < centre.size(); ++i) distances.push_back(std::abs(x[i] - centre[i]));
  }
  if (distances.empty()) return 0;
  const auto rank =
      static_cast<size_t>(static_cast<double>(distances.size() - 1) * (1 - kClamped) + 0.5);
  const auto at = distances.begin() + static_cast<ptrdiff_t>(rank);
  std::nth_element(distances.begin(), at, distances.end());
  return *at;
}

// The nearest integer, of two the even one. In arithmetic, which is done for many at a time, where
// a call of the library would be made for each. REQUIRES: |x| <= 2^22.
float Rounded(float x) {
  constexpr float kShift = 12582912.0f;  // 1.5 · 2^23: beside it there are no fractions
  return (x + kShift) - kShift;
}

// The nearest level that codes reach.
float Clamped(float level) { return std::min(std::max(level, 0.0f), kLastCode); }

uint8_t CodeOf(float level) { return static_cast<uint8_t>(Rounded(Clamped(level))); }

// SplitMix64 (Steele, Lea and Flood, 2014): the number after state `seed`.
uint64_t NextNumber(uint64_t& seed) {
  uint64_t z = seed += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

uint8_t NumberAt(std::span<const uint8_t> code, uint32_t dim) {
  const size_t at = dim / 64 * 32 + dim % 32;
  const int shift = dim % 64 < 32 ? 0 : 4;
  const int high = code[at] >> shift & 15, low = code[code.size() / 2 + at] >> shift & 15;
  return static_cast<uint8_t>(high << 4 | low);
}

void SetNumberAt(std::span<uint8_t> code, uint32_t dim, uint8_t number) {
  const size_t at = dim / 64 * 32 + dim % 32;
  const int shift = dim % 64 < 32 ? 0 : 4;
  code[at] = static_cast<uint8_t>(code[at] | (number >> 4) << shift);
  uint8_t& low = code[code.size() / 2 + at];
  low = static_cast<uint8_t>(low | (number & 15) << shift);
}

Rotation::Rotation(uint32_t dim, uint64_t seed)
    : dim_(dim), seed_(seed), block_(std::bit_floor(dim)) {
  const uint32_t rounds = block_ == dim ? 2 : 4;
  const float size = 1 / std::sqrt(static_cast<float>(block_));
  signs_.resize(size_t{rounds} * block_);
  for (size_t i = 0; i < signs_.size(); i += 64) {
    const uint64_t word = NextNumber(seed);
    const size_t count = std::min<size_t>(64, signs_.size() - i);
    for (size_t j = 0; j < count; ++j) signs_[i + j] = (word >> j & 1) != 0 ? size : -size;
  }
}

void Rotation::Apply(std::span<float> x) const {
  const Kernels& kernels = BestKernels();
  bool front = true;
  for (size_t round = 0; round < signs_.size(); round += block_) {
    float* const part = front ? x.data() : x.data() + (dim_ - block_);
    kernels.signed_hadamard(part, signs_.data() + round, block_);
    front = !front;
  }
}

void Rotation::ApplySafely(std::span<float> x) const {
  if (LargestOf(x) <= kLargestSafe) return Apply(x);
  for (float& coordinate : x) coordinate /= kLargestSafe;
  Apply(x);
  constexpr float kLargest = std::numeric_limits<float>::max();
  for (float& coordinate : x) {
    coordinate = std::clamp(coordinate * kLargestSafe, -kLargest, kLargest);
  }
}

ScalarCoder::ScalarCoder(Metric metric, uint32_t dim, uint64_t rotation_seed, float scale,
                         std::span<const float> centre)
    : ScalarCoder(metric, std::make_shared<const Rotation>(dim, rotation_seed), scale, centre) {}

ScalarCoder::ScalarCoder(Metric metric, std::shared_ptr<const Rotation> rotation, float scale,
                         std::span<const float> centre)
    : metric_(metric),
      dim_(rotation->dim()),
      rotation_(std::move(rotation)),
      scale_(scale),
      centre_(centre) {}

std::vector<float> ScalarCoder::Rotated(std::span<const float> vector) const {
  std::vector<float> x = Prepared(metric_, vector);
  rotation_->ApplySafely(x);
  return x;
}

ScalarCodeParams ScalarCoder::Calibrate(Metric metric, uint32_t dim, std::span<const float> vectors,
                                        uint32_t stride, uint64_t rotation_seed) {
  const Rotation rotation(dim, rotation_seed);
  const size_t nodes = vectors.size() / stride;
  const size_t step = std::max<size_t>(1, nodes / kSample);
  std::vector<std::vector<float>> sample;
  for (size_t node = 0; node < nodes && sample.size() < kSample; node += step) {
    sample.push_back(Prepared(metric, vectors.subspan(node * stride, dim)));
    rotation.ApplySafely(sample.back());
  }
  if (!sample.empty()) DropOutliers(sample, dim);
  ScalarCodeParams params;
  params.rotation_seed = rotation_seed;
  params.centre = MeanOf(sample, dim);
  const float scale = SpreadOf(sample, params.centre) / kLevels;
  // All vectors alike, or so small that the squares of their spread vanish: any scale orders them
  // as well.
  params.scale = std::isfinite(scale) && scale >= 1e-18f ? scale : 1;
  return params;
}

double ScalarCoder::Encode(std::span<const float> vector, std::span<uint8_t> out) const {
  const std::vector<float> x = Rotated(vector);
  std::fill(out.begin(), out.end(), uint8_t{0});
  double squared = 0;
  for (uint32_t i = 0; i < dim_; ++i) {
    const float level = (x[i] - centre_[i]) / scale_ + kZero;
    const uint8_t number = CodeOf(level);
    SetNumberAt(out, i, number);
    const double off = double{Clamped(level)} - number;
    squared += off * off;
  }
  return std::sqrt(squared) * scale_;
}

ScalarCoder::Query ScalarCoder::EncodeQuery(std::span<const float> query) const {
  const Kernels& kernels = BestKernels();
  const std::vector<float> x = Rotated(query);
  Query encoded;
  encoded.numbers.assign(CodeStrideOf(dim_), 0);
  if (metric_ != Metric::kIp) {
    // The largest difference from a code whose squares cannot add up to more than 32 bits hold.
    const auto most =
        static_cast<float>(std::min(kMaxNumber, std::floor(std::sqrt(2147483647.0 / dim_))));
    std::vector<float> levels(dim_), rounded(dim_);
    const LevelRange range =
        kernels.code_levels(x.data(), centre_.data(), scale_, dim_, levels.data());
    if (range.least < 255 - most || range.greatest > most) return Query();
    kernels.round_levels(levels.data(), dim_, rounded.data());
    encoded.guide = encoded.numbers;
    for (uint32_t i = 0; i < dim_; ++i) {
      encoded.numbers[i] = static_cast<int16_t>(rounded[i]);
      encoded.guide[i] = static_cast<int16_t>(encoded.numbers[i] - kLowHalf);
    }
    const double squared = kernels.exact_l2sq(levels.data(), rounded.data(), dim_);
    encoded.error = std::sqrt(squared) * scale_;
    encoded.unit = scale_ * scale_;
    if (encoded.unit < std::numeric_limits<float>::min()) return Query();
    return encoded;
  }
  float largest = 0;
  for (const float coordinate : x) {
    if (!std::isfinite(coordinate)) return Zeros();
    largest = std::max(largest, std::abs(coordinate));
  }
  if (largest == 0) return Zeros();
  const double most = std::min(kMaxNumber, std::floor(2147483647.0 / (255.0 * dim_)));
  const double unit = largest / most;
  for (uint32_t i = 0; i < dim_; ++i) {
    encoded.numbers[i] = static_cast<int16_t>(Rounded(static_cast<float>(x[i] / unit)));
  }
  encoded.guide = encoded.numbers;
  encoded.unit = static_cast<float>(unit * scale_);
  return encoded;
}

ScalarCoder::Query ScalarCoder::Zeros() const {
  Query zeros;
  zeros.numbers.assign(CodeStrideOf(dim_), 0);
  zeros.guide = zeros.numbers;
  return zeros;
}

}  // namespace ordinate
