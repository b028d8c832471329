#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/server/options.h"

namespace ordinate {

/// One thing `ordinate serve` can be told, by flag, environment variable or configuration file.
struct Parameter {
  std::string name;         // data-dir: the flag without dashes, the key of the file
  std::string alias;        // another key of the file: a setting's dotted name; empty: none
  std::string environment;  // ORDINATE_DATA_DIR
  std::string takes;        // "a whole number from 1 to 256 (shards)"
  std::string default_text;
  std::string help;
  std::function<absl::Status(ServeOptions&, std::string_view value)> set;

  std::string flag() const { return "--" + name; }
};

/// Every parameter, in the order of the help text. Made once.
const std::vector<Parameter>& ServeParameters();

/// What each source says. Later ones win: file, flags, environment.
struct ParameterSources {
  std::string config_path;                   // empty: no file
  std::map<std::string, std::string> flags;  // by name, those given
  std::function<std::optional<std::string>(const std::string& variable)> environment;
};

/// Reads the file and applies the sources in order. INVALID_ARGUMENT names the parameter, where the
/// value came from, the value, and what is taken; a key of the file that is no parameter is
/// refused.
absl::StatusOr<ServeOptions> ResolveServeOptions(const ParameterSources& sources);

/// "host:port": a host that is not empty, IPv6 in brackets, a port from 0 to 65535.
absl::Status CheckAddress(std::string_view address);

}  // namespace ordinate
