#include "engine/search/scalar_code.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "engine/search/kernels.h"

namespace ordinate {
namespace {

// Vectors that centre and scale are taken from.
constexpr uint32_t kSample = 4096;
// The share of coordinates that may be clamped.
constexpr double kClamped = 1e-4;
constexpr float kZero = 128;  // the code of the centre
constexpr float kLevels = 127;
// The largest number of an IP query, where dim allows.
constexpr double kMaxNumber = 4095;

// In place, without the factor 1/sqrt(size), which the signs carry. REQUIRES: a power of two.
void Hadamard(float* x, uint32_t size) {
  for (uint32_t half = 1; half < size; half *= 2) {
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

// The code nearest to `level`; anything that is no number has code 0.
uint8_t CodeOf(float level) {
  if (!(level > 0)) return 0;
  return level < 255 ? static_cast<uint8_t>(std::nearbyint(level)) : 255;
}

}  // namespace

Rotation::Rotation(uint32_t dim, uint64_t seed) : dim_(dim), block_(std::bit_floor(dim)) {
  const uint32_t rounds = block_ == dim ? 2 : 4;
  const float size = 1 / std::sqrt(static_cast<float>(block_));
  std::mt19937_64 random(seed);
  signs_.resize(size_t{rounds} * block_);
  for (float& sign : signs_) sign = (random() >> 63) != 0 ? size : -size;
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
    : metric_(metric), dim_(dim), rotation_(dim, rotation_seed), scale_(scale), centre_(centre) {}

std::vector<float> ScalarCoder::Rotated(std::span<const float> vector) const {
  std::vector<float> x = Prepared(metric_, vector);
  rotation_.Apply(x);
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

void ScalarCoder::Encode(std::span<const float> vector, std::span<uint8_t> out) const {
  const std::vector<float> x = Rotated(vector);
  for (uint32_t i = 0; i < dim_; ++i) {
    out[i] = CodeOf((x[i] - centre_[i]) / scale_ + kZero);
  }
  std::fill(out.begin() + dim_, out.end(), uint8_t{0});
}

ScalarCoder::Query ScalarCoder::EncodeQuery(std::span<const float> query) const {
  const std::vector<float> x = Rotated(query);
  Query encoded;
  encoded.numbers.assign(CodeStrideOf(dim_), 0);
  if (metric_ != Metric::kIp) {
    // The largest difference from a code whose squares cannot add up to more than 32 bits hold.
    const auto most = static_cast<float>(std::min(kMaxNumber, std::sqrt(2147483647.0 / dim_)));
    for (uint32_t i = 0; i < dim_; ++i) {
      const float level = std::nearbyint((x[i] - centre_[i]) / scale_ + kZero);
      if (!(level >= 255 - most && level <= most)) return Query();
      encoded.numbers[i] = static_cast<int16_t>(level);
    }
    encoded.unit = scale_ * scale_;
    return encoded;
  }
  float largest = 0;
  for (const float coordinate : x) {
    if (!std::isfinite(coordinate)) return encoded;
    largest = std::max(largest, std::abs(coordinate));
  }
  if (largest == 0) return encoded;
  const double most = std::min(kMaxNumber, std::floor(2147483647.0 / (255.0 * dim_)));
  const double unit = largest / most;
  for (uint32_t i = 0; i < dim_; ++i) {
    encoded.numbers[i] = static_cast<int16_t>(std::nearbyint(x[i] / unit));
  }
  encoded.unit = static_cast<float>(unit * scale_);
  return encoded;
}

}  // namespace ordinate
