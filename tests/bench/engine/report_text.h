#pragma once

#include <string>

#include "tests/bench/engine/results.h"

namespace ordinate::bench {

std::string DescribeRun(const Machine& machine, const MemoryFloor& floor);
std::string SetTable(const DataSetResult& set, const MemoryFloor& floor);
/// Ratios to the yardstick over all sets, with geometric means.
std::string Summary(const BenchResult& result);

}  // namespace ordinate::bench
