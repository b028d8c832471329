#pragma once

#include "CLI/CLI.hpp"
#include "service/cli/exit_code.h"

namespace ordinate::cli {

/// Adds every client subcommand (`table`, `index`, `load`, `query`, ... `version`) to `app`, and
/// makes exactly one subcommand required. Parsing runs the chosen one, prints its result to stdout
/// and its errors to stderr, and sets `*exit_code`, which must live as long as `app`. A command
/// line that CLI11 itself refuses is the caller's to report, with kExitUsage.
void AddClientCommands(CLI::App& app, int* exit_code);

}  // namespace ordinate::cli

namespace ordinate {
using cli::AddClientCommands;
}  // namespace ordinate
