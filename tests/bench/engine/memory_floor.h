#pragma once

#include <cstdint>

#include "tests/bench/engine/results.h"

namespace ordinate::bench {

/// Takes about two seconds and `buffer_bytes` of memory, on huge pages where the system gives them.
/// REQUIRES: buffer_bytes is a power of two, at least 1 MiB.
MemoryFloor MeasureMemoryFloor(uint64_t buffer_bytes);

}  // namespace ordinate::bench
