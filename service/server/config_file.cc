#include "service/server/config_file.h"

#include <sstream>
#include <utility>

#include "CLI/CLI.hpp"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/durable_file.h"

namespace ordinate {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;

/// Lines that CLI11 would take for keys set to "true".
absl::Status CheckLines(const std::string& path, const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string::npos || line[start] == '#' || line[start] == '[') continue;
    if (line.find('=') == std::string::npos) {
      return absl::InvalidArgumentError(Concat("the configuration file ", path, " has in line ",
                                               number, " '", line,
                                               "', which is not of the form key = value"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxConfigBytes));
  RETURN_IF_ERROR(CheckLines(path, text));
  std::vector<CLI::ConfigItem> items;
  try {
    std::istringstream stream(text);
    items = CLI::ConfigTOML().from_config(stream);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(Concat("the configuration file ", path,
                                             " cannot be read: ", std::string_view(error.what())));
  }
  std::vector<ConfigEntry> entries;
  for (const CLI::ConfigItem& item : items) {
    if (item.name == "++" || item.name == "--") continue;  // where a section begins and ends
    const std::string key = item.fullname();
    if (item.inputs.size() != 1) {
      return absl::InvalidArgumentError(Concat("the configuration file ", path, " gives '", key,
                                               "' ", item.inputs.size(),
                                               " values; each key takes one, once"));
    }
    entries.push_back({key, item.inputs.front()});
  }
  return entries;
}

}  // namespace ordinate
