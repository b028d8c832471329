#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ordinate::fuzz {

/// Of an input; longer ones find nothing more. The -max_len of ./dev fuzz.
inline constexpr size_t kMostBytes = 4'096;

/// A part of the service that takes bytes from outside, or from disk, and what must hold whatever
/// they are.
struct Target {
  std::string_view name;
  /// Takes any bytes. The rule that they break, if they break one; a crash speaks for itself.
  absl::Status (*run)(std::string_view input);
  /// Another input, much like `input`, of at most `most_bytes`; the same seed gives the same.
  std::string (*mutate)(std::string_view input, size_t most_bytes, uint32_t seed);
};

/// statement, filter, request, segment.
std::span<const Target> Targets();
/// Null: there is none of this name.
const Target* FindTarget(std::string_view name);

absl::Status RunStatement(std::string_view input);
absl::Status RunFilter(std::string_view input);
absl::Status RunRequest(std::string_view input);
absl::Status RunSegment(std::string_view input);

std::string MutateStatement(std::string_view input, size_t most_bytes, uint32_t seed);
std::string MutateFilter(std::string_view input, size_t most_bytes, uint32_t seed);
std::string MutateRequest(std::string_view input, size_t most_bytes, uint32_t seed);
std::string MutateSegment(std::string_view input, size_t most_bytes, uint32_t seed);

}  // namespace ordinate::fuzz
