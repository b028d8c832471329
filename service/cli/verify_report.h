#pragma once

#include "engine/verify/verify.h"
#include "nlohmann/json.hpp"
#include "service/server/data_directory.h"

namespace ordinate::cli {

// What `verify` and `restore` share.

/// Verifies the directory, showing progress.
VerifyReport VerifyDirectory(const DataDirectory& directory);

nlohmann::ordered_json ProblemsJson(const VerifyReport& report);

/// A line for each problem.
void PrintProblems(const VerifyReport& report);

}  // namespace ordinate::cli
