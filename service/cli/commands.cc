#include "service/cli/commands.h"

#include <cstdio>

#include "service/cli/command.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr double kMaxTimeoutSeconds = 86'400;

struct NoOptions {};

absl::Status PrintVersion(const NoOptions&) {
  Print(Concat("ordinate ", ORDINATE_VERSION, "\n"));
  return absl::OkStatus();
}

}  // namespace

void AddClientOptions(CLI::App& command, ClientOptions* options) {
  const std::string group = "Connection and output";
  command.add_option("--server", options->server, "The server's address, HOST:PORT")
      ->envname("ORDINATE_SERVER")
      ->capture_default_str()
      ->group(group);
  command.add_option("--timeout", options->timeout_seconds, "Seconds each call may take")
      ->envname("ORDINATE_TIMEOUT")
      ->check(CLI::Range(0.001, kMaxTimeoutSeconds))
      ->capture_default_str()
      ->group(group);
  command.add_option("--output", options->output, "table for people, json for programs")
      ->envname("ORDINATE_OUTPUT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str()
      ->group(group);
}

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int Finish(const absl::Status& status) {
  absl::Status last = status;
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && last.ok()) {
    last = FileError("writing to stdout failed");
  }
  if (!last.ok()) std::fputs(ErrorText(last).c_str(), stderr);
  return ExitCodeOf(last);
}

void AddClientCommands(CLI::App& app, int* exit_code) {
  // One exactly, or names of commands could not be used as names of tables.
  app.require_subcommand(1);
  AddTableCommands(app, exit_code);
  AddIndexCommands(app, exit_code);
  AddLoadCommand(app, exit_code);
  AddQueryCommands(app, exit_code);
  AddRowCommands(app, exit_code);
  AddExportCommand(app, exit_code);
  AddRecallCommand(app, exit_code);
  AddSqlCommand(app, exit_code);
  AddVerifyCommand(app, exit_code);
  AddInspectCommand(app, exit_code);
  AddBackupCommands(app, exit_code);
  AddRestoreCommand(app, exit_code);
  RunWith(*app.add_subcommand("version", "Print the version"), exit_code,
          std::make_shared<NoOptions>(), &PrintVersion);
}

}  // namespace ordinate::cli
