#include "service/server/serve_command.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/search/kernels.h"
#include "service/server/parameters.h"
#include "service/server/run_server.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr int kExitUsage = 2;
constexpr char kConfigVariable[] = "ORDINATE_CONFIG";

std::optional<std::string> ReadEnvironment(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string HelpOf(const Parameter& parameter) {
  return Concat(parameter.help, " Takes ", parameter.takes, ". Default: ", parameter.default_text,
                ". Environment: ", parameter.environment, ".");
}

int Serve(ParameterSources sources, const std::function<void(std::string_view)>& at) {
  sources.environment = ReadEnvironment;
  if (sources.config_path.empty()) {
    sources.config_path = ReadEnvironment(kConfigVariable).value_or("");
  }
  const absl::StatusOr<ServeOptions> options = ResolveServeOptions(sources);
  if (!options.ok()) {
    std::cerr << "ordinate serve: " << options.status().message() << std::endl;
    return kExitUsage;
  }
  // Before the data directory is touched: a server that cannot use what it was told does not start.
  if (const auto kernels = ConfiguredKernels(); !kernels.ok()) {
    std::cerr << "ordinate serve: " << kernels.status().message() << std::endl;
    return kExitUsage;
  }
  return RunServer(*options, at);
}

}  // namespace

void AddServeCommand(CLI::App& app, int* exit_code, std::function<void(std::string_view)> at) {
  CLI::App* serve = app.add_subcommand("serve", "Run the server, until SIGTERM or SIGINT.");
  serve->footer(
      "A parameter can be given in the configuration file (name = value, one a line), as a flag, "
      "and "
      "in the environment; the later of these wins.\n"
      "ORDINATE_ISA names the instruction set of distance computations: baseline, avx2, avx512 or "
      "avx512vnni; unset: the fastest this machine has.\n"
      "Exit codes: 0 after a drain, 1 could not start, 2 a parameter was refused.");
  auto sources = std::make_shared<ParameterSources>();
  serve
      ->add_option("--config", sources->config_path,
                   Concat("Configuration file. Default: none. Environment: ",
                          std::string(kConfigVariable), "."))
      ->type_name("PATH");
  for (const Parameter& parameter : ServeParameters()) {
    serve
        ->add_option_function<std::string>(
            parameter.flag(),
            [sources, name = parameter.name](const std::string& value) {
              sources->flags[name] = value;
            },
            HelpOf(parameter))
        ->type_name("VALUE");
  }
  serve->callback([sources, exit_code, at = std::move(at)] { *exit_code = Serve(*sources, at); });
}

}  // namespace ordinate
