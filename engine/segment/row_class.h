#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "storage/model/schema.h"

namespace ordinate {

/// What a row is to an index (contract 1.5): counted apart in its status.
enum class RowClass : uint8_t { kVector = 0, kNull = 1, kInvalid = 2 };

/// Whether every component is zero (of either sign): no direction, so NULL under COSINE.
inline bool IsZeroVector(std::span<const float> vector) {
  for (const float x : vector) {
    if (x != 0.0f) return false;
  }
  return true;
}

/// The class of a vector cell under an index of this metric and dim.
inline RowClass ClassifyCell(const ValueView& cell, Metric metric, uint32_t dim) {
  const auto* vector = std::get_if<std::span<const float>>(&cell);
  if (vector == nullptr) return RowClass::kNull;
  if (vector->size() != dim) return RowClass::kInvalid;
  if (metric == Metric::kCosine && IsZeroVector(*vector)) return RowClass::kNull;
  return RowClass::kVector;
}

}  // namespace ordinate
