#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/engine/results.h"

namespace ordinate::bench {

Machine DescribeMachine();

/// Of this process, from /proc/self/status.
struct ResidentMemory {
  int64_t anonymous = 0;
  int64_t file = 0;  // pages of mapped files
};
ResidentMemory ReadResidentMemory();

/// Reads the file once, so that opening it next measures no disk.
void WarmPageCache(const std::string& path);

}  // namespace ordinate::bench
