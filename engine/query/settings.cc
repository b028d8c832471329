#include "engine/query/settings.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <variant>

#include "engine/query/column_lookup.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"
#include "storage/model/schema.h"

namespace ordinate {
namespace {

constexpr Settings kDefaults;

constexpr std::array kInfos = {
    SettingInfo{.name = "vector.preselect_alpha",
                .environment = "ORDINATE_VECTOR_PRESELECT_ALPHA",
                .flag = "--vector-preselect-alpha",
                .unit = "rows per row asked for",
                .help = "Rows an index preselects per shard, for each row of limit + offset.",
                .min = 1,
                .max = 100,
                .default_value = kDefaults.preselect_alpha,
                .integral = false},
    SettingInfo{.name = "vector.search.ef_search",
                .environment = "ORDINATE_VECTOR_SEARCH_EF_SEARCH",
                .flag = "--vector-search-ef-search",
                .unit = "candidates",
                .help = "Candidates an HNSW search keeps, unless the index has its own number.",
                .min = 1,
                .max = kMaxEfSearch,
                .default_value = kDefaults.ef_search,
                .integral = true},
    SettingInfo{.name = "vector.hnsw.m",
                .environment = "ORDINATE_VECTOR_HNSW_M",
                .flag = "--vector-hnsw-m",
                .unit = "links",
                .help = "Links per node of a new HNSW index that names none.",
                .min = kMinM,
                .max = kMaxM,
                .default_value = kDefaults.hnsw_m,
                .integral = true},
    SettingInfo{.name = "vector.hnsw.ef_build",
                .environment = "ORDINATE_VECTOR_HNSW_EF_BUILD",
                .flag = "--vector-hnsw-ef-build",
                .unit = "candidates",
                .help = "Candidates kept per row while building a new HNSW index that names none.",
                .min = kMinEfBuild,
                .max = kMaxEfBuild,
                .default_value = kDefaults.hnsw_ef_build,
                .integral = true},
};

// Where each of kInfos is kept, in the same order.
using Member = std::variant<double Settings::*, uint32_t Settings::*>;
constexpr std::array<Member, kInfos.size()> kMembers = {
    &Settings::preselect_alpha, &Settings::ef_search, &Settings::hnsw_m, &Settings::hnsw_ef_build};

// The whole of `text` as a finite number; digits alone for an integral setting.
std::optional<double> ReadNumber(const SettingInfo& info, std::string_view text) {
  const char* const end = text.data() + text.size();
  if (info.integral) {
    int64_t integer = 0;
    const auto read = std::from_chars(text.data(), end, integer);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return static_cast<double>(integer);
  }
  double number = 0;
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::string KnownNames() {
  std::string names;
  for (const SettingInfo& info : kInfos) {
    names += Concat(names.empty() ? "" : ", ", info.name);
  }
  return names;
}

absl::Status Unknown(std::string_view name) {
  return absl::InvalidArgumentError(
      Concat("there is no setting ", Quoted(name), "; expected one of ", KnownNames()));
}

}  // namespace

std::span<const SettingInfo> AllSettings() { return kInfos; }

absl::Status ApplySetting(Settings& settings, std::string_view name, std::string_view value) {
  for (size_t i = 0; i < kInfos.size(); ++i) {
    const SettingInfo& info = kInfos[i];
    if (info.name != name) continue;
    const std::optional<double> number = ReadNumber(info, value);
    if (!number || *number < info.min || *number > info.max) {
      return absl::InvalidArgumentError(Concat("setting ", name, " is ", Quoted(value),
                                               "; expected a ", info.integral ? "whole " : "",
                                               "number from ", info.min, " to ", info.max));
    }
    if (const auto* real = std::get_if<double Settings::*>(&kMembers[i])) {
      settings.*(*real) = *number;
    } else {
      settings.*std::get<uint32_t Settings::*>(kMembers[i]) = static_cast<uint32_t>(*number);
    }
    return absl::OkStatus();
  }
  return Unknown(name);
}

absl::StatusOr<std::string> SettingText(const Settings& settings, std::string_view name) {
  for (size_t i = 0; i < kInfos.size(); ++i) {
    if (kInfos[i].name != name) continue;
    const auto* const real = std::get_if<double Settings::*>(&kMembers[i]);
    if (real == nullptr) return Concat(settings.*std::get<uint32_t Settings::*>(kMembers[i]));
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), settings.*(*real)).ptr;
    return std::string(text.data(), end);
  }
  return Unknown(name);
}

absl::StatusOr<Settings> WithOverrides(Settings base,
                                       const std::map<std::string, std::string>& overrides) {
  for (const auto& [name, value] : overrides) {
    const absl::Status applied = ApplySetting(base, name, value);
    if (!applied.ok()) return InField(applied, Concat("settings[", Quoted(name), "]"));
  }
  return base;
}

}  // namespace ordinate
