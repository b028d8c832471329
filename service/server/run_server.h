#pragma once

#include <functional>
#include <string_view>

#include "service/server/options.h"

namespace ordinate {

/// Runs the standalone server on this thread until SIGTERM or SIGINT, then drains. Prints one line
/// on standard output when it is ready. Returns the exit code: 0, or 1 with a message on standard
/// error when it could not start. Once per process. `at`: for tests, ShardOptions::at.
int RunServer(const ServeOptions& options, std::function<void(std::string_view step)> at = {});

}  // namespace ordinate
