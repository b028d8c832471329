#pragma once

#include "CLI/CLI.hpp"

namespace ordinate {

/// Adds the subcommand `serve` to `app`. Parsing runs the server until it is told to end, and sets
/// `*exit_code`, which must outlive `app`: 0 after a drain, 1 when it could not start, 2 for a
/// parameter that is refused.
void AddServeCommand(CLI::App& app, int* exit_code);

}  // namespace ordinate
