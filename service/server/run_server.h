#pragma once

#include "service/server/options.h"

namespace ordinate {

/// Runs the standalone server on this thread until SIGTERM or SIGINT, then drains. Call before the
/// process has other threads: the signals are blocked in those it makes. Prints one line on
/// standard output when it is ready. Returns the exit code: 0, or 1 with a message on standard
/// error when it could not start.
int RunServer(const ServeOptions& options);

}  // namespace ordinate
