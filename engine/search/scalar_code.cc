#include "engine/search/scalar_code.h"

#include <algorithm>
#include <bit>
#include <cmath>
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
// What the low half of a number is worth on average.
constexpr int kLowHalf = 8;
// The largest number of an IP query, where dim allows.
constexpr double kMaxNumber = 4095;

// In place, without the factor 1/sqrt(size), which the signs carry. REQUIRES: a power of two.
void Hadamard(float* x, uint32_t size) {
  uint32_t half = 1;
  if (size >= 4) {  // the first two rounds at once
    for (uint32_t i = 0; i < size; i += 4) {
      const float a = x[i] + x[i + 1], b = x[i] - x[i + 1];
      const float c = x[i + 2] + x[i + 3], d = x[i + 2] - x[i + 3];
      x[i] = a + c;
      x[i + 1] = b + d;
      x[i + 2] = a - c;
      x[i + 3] = b - d;
    }
    half = 4;
  }
  for (; half < size; half *= 2) {
    for (uint32_t block = 0; block < size; block += 2 * half) {
      float* const a = x + block;
      float* const b = a + half;
      for (uint32_t i = 0; i < half; ++i) {
        const float sum = a[i] + b[i];
        b[i] = a[i] - b[i];
        a[i] = sum;
      }
    }
  }
}

std::vector<float> Prepared(Metric metric, std::span<const float> vector) {
  std::vector<float> x(vector.begin(), vector.end());
  if (metric != Metric::kCosine) return x;
  const double length = std::sqrt(BestKernels().exact_dot(x.data(), x.data(), x.size()));
  if (length == 0) return x;
  for (float& coordinate : x) coordinate = static_cast<float>(coordinate / length);
  return x;
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

// The code nearest to `level`; anything that is no number has code 0.
uint8_t CodeOf(float level) {
  if (!(level > 0)) return 0;
  return level < 255 ? static_cast<uint8_t>(Rounded(level)) : 255;
}

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
  bool front = true;
  for (size_t round = 0; round < signs_.size(); round += block_) {
    float* const part = front ? x.data() : x.data() + (dim_ - block_);
    for (uint32_t i = 0; i < block_; ++i) part[i] *= signs_[round + i];
    Hadamard(part, block_);
    front = !front;
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
  rotation_->Apply(x);
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
    rotation.Apply(sample.back());
  }
  ScalarCodeParams params;
  params.rotation_seed = rotation_seed;
  params.centre = MeanOf(sample, dim);
  const float scale = SpreadOf(sample, params.centre) / kLevels;
  // All vectors alike, or so small that their spread vanishes: any scale orders them as well.
  params.scale = std::isfinite(scale) && scale >= 1e-30f ? scale : 1;
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
    squared += (double{level} - number) * (double{level} - number);
  }
  return std::isnan(squared) ? HUGE_VAL : std::sqrt(squared) * scale_;
}

ScalarCoder::Query ScalarCoder::EncodeQuery(std::span<const float> query) const {
  const std::vector<float> x = Rotated(query);
  Query encoded;
  encoded.numbers.assign(CodeStrideOf(dim_), 0);
  if (metric_ != Metric::kIp) {
    // The largest difference from a code whose squares cannot add up to more than 32 bits hold.
    const auto most =
        static_cast<float>(std::min(kMaxNumber, std::floor(std::sqrt(2147483647.0 / dim_))));
    float least = 0, greatest = 0;
    std::vector<float> levels(dim_);
    bool numbers = true;
    for (uint32_t i = 0; i < dim_; ++i) {
      levels[i] = (x[i] - centre_[i]) / scale_ + kZero;
      least = std::min(least, levels[i]);
      greatest = std::max(greatest, levels[i]);
      numbers &= levels[i] == levels[i];
    }
    if (!numbers || least < 255 - most || greatest > most) return Query();
    encoded.guide = encoded.numbers;
    double squared = 0;
    for (uint32_t i = 0; i < dim_; ++i) {
      encoded.numbers[i] = static_cast<int16_t>(Rounded(levels[i]));
      encoded.guide[i] = static_cast<int16_t>(encoded.numbers[i] - kLowHalf);
      const double off = double{levels[i]} - encoded.numbers[i];
      squared += off * off;
    }
    encoded.error = std::sqrt(squared) * scale_;
    encoded.unit = scale_ * scale_;
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
