#pragma once

#include <functional>
#include <string_view>

#include "CLI/CLI.hpp"

namespace ordinate {

/// Adds the subcommand `serve` to `app`. Parsing runs the server until it is told to end, and sets
/// `*exit_code`, which must outlive `app`: 0 after a drain, 1 when it could not start, 2 for a
/// parameter that is refused. `at`: for tests, ShardOptions::at.
void AddServeCommand(CLI::App& app, int* exit_code,
                     std::function<void(std::string_view step)> at = {});

}  // namespace ordinate
