#include <exception>
#include <iostream>

#include "CLI/CLI.hpp"
#include "service/cli/commands.h"
#include "service/server/serve_command.h"

int main(int argc, char** argv) {
  try {
    CLI::App app("Ordinate: rows ordered by distance to a vector, then by secondary keys.",
                 "ordinate");
    app.footer("Run 'ordinate COMMAND --help' for what a command takes.");
    int exit_code = 0;
    ordinate::AddServeCommand(app, &exit_code);
    ordinate::AddClientCommands(app, &exit_code);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // Prints the help that was asked for, or what is wrong with the command line.
      return app.exit(error) == 0 ? 0 : ordinate::cli::kExitUsage;
    }
    return exit_code;
  } catch (const std::exception& error) {
    std::cerr << "ordinate: " << error.what() << std::endl;
    return 1;
  }
}
