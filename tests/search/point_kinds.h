#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace ordinate {

/// Vectors that make trouble for f32, or for an order: each kind for both rows and queries.
enum class PointKind {
  kPlain,      // normal components
  kLattice,    // components of -1, 0 and 1: many ties
  kFar,        // close together, far from the origin
  kSpread,     // lengths over many magnitudes
  kTiny,       // products vanish in f32
  kHuge,       // products nearly overflow
  kDuplicates  // a few vectors over and over, the zero vector among them
};
inline constexpr PointKind kPointKinds[] = {
    PointKind::kPlain, PointKind::kLattice, PointKind::kFar,       PointKind::kSpread,
    PointKind::kTiny,  PointKind::kHuge,    PointKind::kDuplicates};

inline std::vector<float> MakePoint(PointKind kind, uint32_t dim, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> small(-1, 1), exponent(-12, 12), few(0, 4);
  if (kind == PointKind::kDuplicates) {
    std::mt19937 one_of_few(static_cast<uint32_t>(few(random)));
    if (one_of_few == std::mt19937(0)) return std::vector<float>(dim);
    return MakePoint(PointKind::kPlain, dim, one_of_few);
  }
  const float scale = kind == PointKind::kSpread ? std::ldexp(1.0f, exponent(random))
                      : kind == PointKind::kTiny ? 1e-22f
                      : kind == PointKind::kHuge ? 1e17f
                                                 : 1.0f;
  std::vector<float> point(dim);
  for (float& x : point) {
    switch (kind) {
      case PointKind::kLattice:
        x = static_cast<float>(small(random));
        break;
      case PointKind::kFar:
        x = 1'000 + 0.01f * normal(random);
        break;
      default:
        x = scale * normal(random);
    }
  }
  return point;
}

inline std::vector<std::vector<float>> MakePoints(PointKind kind, uint32_t dim, size_t count,
                                                  std::mt19937& random) {
  std::vector<std::vector<float>> points(count);
  for (auto& point : points) point = MakePoint(kind, dim, random);
  return points;
}

}  // namespace ordinate
