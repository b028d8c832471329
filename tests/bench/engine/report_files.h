#pragma once

#include <string>

#include "absl/status/status.h"
#include "tests/bench/engine/results.h"

namespace ordinate::bench {

/// Everything measured, the machine included.
std::string ResultJson(const BenchResult& result);

/// One line per set, contender and ef; ef 0 is an exact scan.
std::string ResultCsv(const BenchResult& result);

/// engine.json, engine.csv, engine.txt (`text`) and an SVG plot per data set, in `folder`, which is
/// made.
absl::Status WriteReport(const BenchResult& result, const std::string& text,
                         const std::string& folder);

}  // namespace ordinate::bench
