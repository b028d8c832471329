#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/search/kernel_table.h"

namespace ordinate {

/// Floats per cache line: stored vectors are padded with zeros to a multiple of it.
inline constexpr uint32_t kVectorPadding = 16;

/// `dim` rounded up to whole cache lines. REQUIRES: dim <= kMaxDim.
inline constexpr uint32_t StrideOf(uint32_t dim) {
  return (dim + kVectorPadding - 1) / kVectorPadding * kVectorPadding;
}

/// The tables this machine can run, slowest first; "baseline" always. Lives as long as the process.
const std::vector<const Kernels*>& AvailableKernels();

/// The table called `name`. INVALID_ARGUMENT: no such table; FAILED_PRECONDITION: this machine or
/// build lacks it.
absl::StatusOr<const Kernels*> SelectKernels(std::string_view name);

/// The table the process uses: the fastest available, or the one the environment variable
/// ORDINATE_ISA names. The variable is read at the first call; its errors are SelectKernels'.
absl::StatusOr<const Kernels*> ConfiguredKernels();

/// As ConfiguredKernels; the fastest available when ORDINATE_ISA names none that can run, so that
/// a server that did not check it at its start still answers.
const Kernels& BestKernels();

}  // namespace ordinate
