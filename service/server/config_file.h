#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ordinate {

/// `key = value` of a configuration file; a key in a section has the section's name and a dot
/// before it.
struct ConfigEntry {
  std::string key;
  std::string value;
};

/// Reads TOML-like `key = value` lines, comments from '#', sections in brackets. NOT_FOUND,
/// PERMISSION_DENIED; INVALID_ARGUMENT: not such a file, a key without one value, a key given
/// twice, or over 1 MiB.
absl::StatusOr<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path);

}  // namespace ordinate
