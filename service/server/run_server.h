#pragma once

#include "service/server/options.h"

namespace ordinate {

/// Runs the standalone server on this thread until SIGTERM or SIGINT, then drains. Prints one line
/// on standard output when it is ready. Returns the exit code: 0, or 1 with a message on standard
/// error when it could not start. Once per process.
int RunServer(const ServeOptions& options);

}  // namespace ordinate
