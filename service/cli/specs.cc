#include "service/cli/specs.h"

#include <cctype>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "service/cli/errors.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

using google::protobuf::EnumDescriptor;

/// "FRESHNESS_MODE_" for FreshnessMode.
std::string EnumPrefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return prefix + "_";
}

/// Takes a trailing "!" off `spec`.
bool TakeNotNull(std::string_view* spec) {
  if (!spec->ends_with('!')) return false;
  spec->remove_suffix(1);
  return true;
}

absl::StatusOr<v1::SortKey> ParseSortKey(std::string_view spec) {
  const std::vector<std::string> parts = absl::StrSplit(AbslView(spec), ':');
  v1::SortKey key;
  key.set_column(std::string(absl::StripAsciiWhitespace(parts[0])));
  if (key.column().empty()) {
    return UsageError(Concat("--order-by: '", spec, "' names no column"));
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[i]));
    if (word == "asc" || word == "desc") {
      key.set_descending(word == "desc");
    } else if (word == "nulls_first") {
      key.set_nulls(v1::SortKey::NULLS_FIRST);
    } else if (word == "nulls_last") {
      key.set_nulls(v1::SortKey::NULLS_LAST);
    } else {
      return UsageError(Concat("--order-by: '", parts[i], "' in '", spec,
                               "'; expected asc, desc, nulls_first or nulls_last"));
    }
  }
  return key;
}

}  // namespace

absl::StatusOr<v1::Column> ParseColumn(std::string_view spec, v1::ColumnRole role) {
  std::string_view rest = spec;
  v1::Column column;
  column.set_role(role);
  column.set_not_null(TakeNotNull(&rest));
  const size_t colon = rest.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return UsageError(Concat("column '", spec, "'; expected NAME:TYPE, as section:STRING"));
  }
  column.set_name(std::string(rest.substr(0, colon)));
  ASSIGN_OR_RETURN(
      const int type,
      ParseEnum(*v1::DataType_descriptor(), Concat("column '", spec, "'"), rest.substr(colon + 1)));
  column.set_type(static_cast<v1::DataType>(type));
  return column;
}

absl::StatusOr<v1::Column> ParseVectorColumn(std::string_view spec) {
  std::string_view rest = spec;
  v1::Column column;
  column.set_role(v1::COLUMN_ROLE_VECTOR);
  column.set_type(v1::DATA_TYPE_VECTOR);
  column.set_not_null(TakeNotNull(&rest));
  const size_t colon = rest.find(':');
  column.set_name(std::string(rest.substr(0, colon)));
  if (column.name().empty()) {
    return UsageError(Concat("--vector '", spec, "'; expected NAME:DIM, as embedding:256"));
  }
  if (colon == std::string_view::npos) return column;
  const std::string_view dim = rest.substr(colon + 1);
  uint32_t value = 0;
  if (!absl::EqualsIgnoreCase(AbslView(dim), "any") &&
      (!absl::SimpleAtoi(AbslView(dim), &value) || value == 0)) {
    return UsageError(Concat("--vector '", spec, "': the dim is '", dim,
                             "'; expected a number from 1, or 'any'"));
  }
  column.set_dim(value);
  return column;
}

absl::StatusOr<std::vector<v1::SortKey>> ParseOrderBy(std::string_view spec) {
  std::vector<v1::SortKey> keys;
  const std::vector<std::string> parts = absl::StrSplit(AbslView(spec), ',');
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(keys.emplace_back(), ParseSortKey(part));
  }
  return keys;
}

absl::StatusOr<std::vector<std::string>> ParseNames(std::string_view list) {
  std::vector<std::string> names;
  for (const absl::string_view part : absl::StrSplit(AbslView(list), ',')) {
    names.emplace_back(absl::StripAsciiWhitespace(part));
    if (names.back().empty()) {
      return UsageError(Concat("'", list, "': a name is empty; expected a,b,c"));
    }
  }
  return names;
}

absl::StatusOr<std::map<std::string, std::string>> ParseSettings(
    const std::vector<std::string>& assignments) {
  std::map<std::string, std::string> settings;
  for (const std::string& assignment : assignments) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(
          Concat("--set '", assignment, "'; expected NAME=VALUE, as vector.search.ef_search=128"));
    }
    settings[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  return settings;
}

absl::StatusOr<int> ParseEnum(const EnumDescriptor& type, std::string_view option,
                              std::string_view name) {
  const std::string prefix = EnumPrefix(type);
  const auto* value = type.FindValueByName(prefix + absl::AsciiStrToUpper(AbslView(name)));
  if (value != nullptr && value->number() != 0) return value->number();
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    names.push_back(type.value(i)->name().substr(prefix.size()));
  }
  return UsageError(Concat(option, ": '", name, "'; expected one of ", absl::StrJoin(names, ", ")));
}

std::string ShortEnumName(const EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr || number == 0) return "";
  const std::string prefix = EnumPrefix(type);
  return value->name().starts_with(prefix) ? value->name().substr(prefix.size()) : value->name();
}

absl::StatusOr<int64_t> ParseDurationMicros(std::string_view option, std::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(AbslView(text), &duration) || duration <= absl::ZeroDuration() ||
      duration == absl::InfiniteDuration()) {
    return UsageError(Concat(option, ": '", text, "'; expected a duration such as 250ms, 1s"));
  }
  return absl::ToInt64Microseconds(duration);
}

}  // namespace ordinate::cli
