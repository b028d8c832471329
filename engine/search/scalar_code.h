#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "storage/model/schema.h"

namespace ordinate {

/// A seeded orthonormal map of dim-vectors: it keeps every distance, and spreads a vector's length
/// evenly over its coordinates, so that one scale suits all of them. Rounds of random signs and a
/// Walsh-Hadamard transform of 2^k of the coordinates, taken from the front and the back in turn
/// when dim is no power of two: O(dim log dim), f32 arithmetic in one fixed order, the same bits on
/// every CPU. Immutable, thread-safe.
class Rotation {
 public:
  Rotation(uint32_t dim, uint64_t seed);
  uint32_t dim() const { return dim_; }
  uint64_t seed() const { return seed_; }
  /// REQUIRES: x.size() == dim.
  void Apply(std::span<float> x) const;
  /// As Apply, of any finite vector; what f32 cannot hold becomes its largest number.
  void ApplySafely(std::span<float> x) const;

 private:
  uint32_t dim_;
  uint64_t seed_;
  uint32_t block_;            // coordinates of one transform: the largest power of two <= dim
  std::vector<float> signs_;  // rounds × block_, each +1/sqrt(block_) or -1/sqrt(block_)
};

/// What turns vectors into 8-bit codes: coordinate i of the rotated vector is about
/// centre[i] + scale · (code[i] - 128). Under COSINE the vector is divided by its length first.
struct ScalarCodeParams {
  uint64_t rotation_seed = 0;
  float scale = 1;            // finite, > 0
  std::vector<float> centre;  // dim
};

/// Codes per row in memory and in the file: dim rounded up to whole cache lines; padding is zero.
inline constexpr uint32_t kCodePadding = 64;
inline constexpr uint32_t CodeStrideOf(uint32_t dim) {
  return (dim + kCodePadding - 1) / kCodePadding * kCodePadding;
}

/// A code is stored as two planes of half its bytes each: first the high halves of its numbers,
/// then the low ones, so that a graph search reads the first plane alone. In either, bytes 32 b to
/// 32 b + 31 hold dims 64 b to 64 b + 31 in their low halves and the next 32 dims in their high
/// halves. `code`: CodeStrideOf(dim) bytes, as all below.
uint8_t NumberAt(std::span<const uint8_t> code, uint32_t dim);
/// REQUIRES: it is 0.
void SetNumberAt(std::span<uint8_t> code, uint32_t dim, uint8_t number);

/// Encodes a segment's vectors, and queries for them. Immutable, thread-safe.
class ScalarCoder {
 public:
  ScalarCoder(Metric metric, std::shared_ptr<const Rotation> rotation, float scale,
              std::span<const float> centre);
  ScalarCoder(Metric metric, uint32_t dim, uint64_t rotation_seed, float scale,
              std::span<const float> centre);

  /// Centre and scale for `nodes` vectors of `stride` floats: the mean of a sample, and the scale
  /// at which all but one in ten thousand of the sample's coordinates fit, vectors far from all
  /// others aside. The same input gives the same bits on every CPU.
  static ScalarCodeParams Calibrate(Metric metric, uint32_t dim, std::span<const float> vectors,
                                    uint32_t stride, uint64_t rotation_seed);

  /// `out`: CodeStrideOf(dim) bytes. What does not fit is clamped to the box of what codes can say.
  /// Returns how far the code is from the vector so clamped.
  double Encode(std::span<const float> vector, std::span<uint8_t> out) const;

  /// The query as the code kernels take it, CodeStrideOf(dim) numbers: under L2 and COSINE in the
  /// codes' own scale, where a query so far from all codes that sums would not fit has no numbers
  /// at all, and is scored from the vectors; under IP in a scale of its own, as large as keeps
  /// every sum of products within 32 bits. The kernels' sum times `unit` is near L2² or 2 (1 -
  /// cosine); under IP it is near the dot product, but for a term that is the same for every node.
  struct Query {
    std::vector<int16_t> numbers;
    std::vector<int16_t> guide;  // the same for sums over the first plane alone
    float unit = 1;
    double error = 0;  // under L2 and COSINE: how far the numbers are from the query, clamped
  };
  Query EncodeQuery(std::span<const float> query) const;

 private:
  std::vector<float> Rotated(std::span<const float> vector) const;
  Query Zeros() const;

  const Metric metric_;
  const uint32_t dim_;
  const std::shared_ptr<const Rotation> rotation_;
  const float scale_;
  const std::span<const float> centre_;
};

}  // namespace ordinate
