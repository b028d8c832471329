#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "storage/model/value.h"

namespace ordinate {

/// The rank of a captured word: an unsigned number that orders the words of one column as
/// CompareScalars orders their values. Equal values have equal ranks, but for -0.0, just below 0.0.
inline constexpr uint64_t kSignBit = uint64_t{1} << 63;

struct BoolRank {
  uint64_t operator()(uint64_t word) const { return word != 0; }
};
struct NaturalRank {  // UINT64
  uint64_t operator()(uint64_t word) const { return word; }
};
struct IntegerRank {  // INT64, TIMESTAMP
  uint64_t operator()(uint64_t word) const { return word ^ kSignBit; }
};
struct DoubleRank {
  uint64_t operator()(uint64_t word) const {
    // The magnitude's bits grow with it; negative numbers count down from the middle.
    const uint64_t rank =
        word ^ (static_cast<uint64_t>(static_cast<int64_t>(word) >> 63) | kSignBit);
    return std::isnan(std::bit_cast<double>(word)) ? UINT64_MAX : rank;
  }
};

/// Calls `use` with the ranking of `type`, one with captured words: not STRING.
template <typename Use>
auto WithRank(DataType type, const Use& use) {
  switch (type) {
    case DataType::kBool:
      return use(BoolRank());
    case DataType::kUint64:
      return use(NaturalRank());
    case DataType::kDouble:
      return use(DoubleRank());
    default:
      return use(IntegerRank());
  }
}

}  // namespace ordinate
