#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "storage/base/text.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The most that Get and Query return in one answer unless options say otherwise, in bytes of
/// cells, checked by every shard for its part and by the front for all of it.
inline constexpr uint64_t kMaxAnswerBytes = 256ull << 20;

/// What a row's cells take in memory, roughly.
inline uint64_t RoughBytes(const std::vector<Value>& cells) {
  uint64_t bytes = 32;
  for (const Value& cell : cells) {
    bytes += 16;
    if (const auto* text = std::get_if<std::string>(&cell)) bytes += text->size();
    if (const auto* vector = std::get_if<Vector>(&cell)) bytes += vector->size() * sizeof(float);
  }
  return bytes;
}
inline uint64_t RoughBytes(const Row& row) { return RoughBytes(row.cells); }

/// RESOURCE_EXHAUSTED once `bytes` is over `most`.
inline absl::Status CheckAnswerBytes(uint64_t bytes, uint64_t most) {
  if (bytes <= most) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      Concat("the answer is over the limit of ", most, " bytes; ask for fewer rows or columns"));
}

}  // namespace ordinate
