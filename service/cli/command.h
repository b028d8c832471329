#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "service/cli/client.h"

namespace ordinate::cli {

// What the files of this folder that define commands share.

/// Adds --server, --timeout and --output.
void AddClientOptions(CLI::App& command, ClientOptions* options);

/// Prints the error of a command to stderr, flushes stdout, and returns the exit code.
int Finish(const absl::Status& status);

/// Writes to stdout.
void Print(std::string_view text);

/// Makes `command` call run(options) when it is parsed. `options` must be shared with the CLI
/// options added to `command`.
template <typename Options>
void RunWith(CLI::App& command, int* exit_code, std::shared_ptr<Options> options,
             absl::Status (*run)(const Options&)) {
  command.callback([exit_code, options, run] { *exit_code = Finish(run(*options)); });
}

// One per file of commands.
void AddTableCommands(CLI::App& app, int* exit_code);
void AddIndexCommands(CLI::App& app, int* exit_code);
void AddLoadCommand(CLI::App& app, int* exit_code);
void AddQueryCommands(CLI::App& app, int* exit_code);
void AddRowCommands(CLI::App& app, int* exit_code);
void AddExportCommand(CLI::App& app, int* exit_code);
void AddRecallCommand(CLI::App& app, int* exit_code);
void AddSqlCommand(CLI::App& app, int* exit_code);
void AddVerifyCommand(CLI::App& app, int* exit_code);
void AddInspectCommand(CLI::App& app, int* exit_code);
void AddBackupCommands(CLI::App& app, int* exit_code);
void AddRestoreCommand(CLI::App& app, int* exit_code);

}  // namespace ordinate::cli
