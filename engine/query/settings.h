#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ordinate {

/// The tunables of contract 3.2. Flag < environment < request, the later winning.
struct Settings {
  double preselect_alpha = 6;    // vector.preselect_alpha, 1..100
  uint32_t ef_search = 64;       // vector.search.ef_search, 1..10000
  uint32_t hnsw_m = 16;          // vector.hnsw.m, 4..128
  uint32_t hnsw_ef_build = 200;  // vector.hnsw.ef_build, 8..4000
};

/// What a setting is, for help texts, flags and refusals.
struct SettingInfo {
  std::string_view name;         // vector.search.ef_search
  std::string_view environment;  // ORDINATE_VECTOR_SEARCH_EF_SEARCH
  std::string_view flag;         // --vector-search-ef-search
  std::string_view unit;
  std::string_view help;
  double min, max, default_value;
  bool integral;
};
std::span<const SettingInfo> AllSettings();

/// Sets one by name. INVALID_ARGUMENT naming an unknown setting (with the known ones), or a value
/// that is not a number or out of range (with the range).
absl::Status ApplySetting(Settings& settings, std::string_view name, std::string_view value);

/// The value of one, as ApplySetting takes it. INVALID_ARGUMENT as there.
absl::StatusOr<std::string> SettingText(const Settings& settings, std::string_view name);

/// `base` with all of `overrides` applied. A refusal is of the field settings["NAME"].
absl::StatusOr<Settings> WithOverrides(Settings base,
                                       const std::map<std::string, std::string>& overrides);

}  // namespace ordinate
