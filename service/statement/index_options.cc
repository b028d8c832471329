#include "service/statement/index_options.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "engine/query/column_lookup.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

std::string ValueText(const Literal& literal) {
  const auto* text = std::get_if<std::string>(&literal.value);
  return text == nullptr ? ToString(View(literal.value)) : Quoted(*text);
}

absl::Status Refuse(std::string_view option, const Literal& value, std::string_view expected) {
  return absl::InvalidArgumentError(
      Concat("option ", option, " is ", ValueText(value), "; expected ", expected));
}

// ---- the forms that values have

struct WholeNumber {
  uint64_t low;
  uint64_t high;
};
struct Word {
  std::string_view (*name)(uint8_t);  // "UNKNOWN" beyond the last, from 1
};
struct Interval {
  uint64_t min_micros = 0;
  uint64_t max_micros = 0;
  std::string_view range;  // as a refusal says it
  bool zero = false;       // '0s' too: never
};

template <typename Enum, std::string_view (*kName)(Enum)>
std::string_view NameOf(uint8_t number) {
  return kName(static_cast<Enum>(number));
}

absl::StatusOr<uint64_t> Read(std::string_view option, const WholeNumber& form,
                              const Literal& literal) {
  const auto* const number = std::get_if<int64_t>(&literal.value);
  if (number == nullptr || *number < 0 || static_cast<uint64_t>(*number) < form.low ||
      static_cast<uint64_t>(*number) > form.high) {
    return Refuse(option, literal, Concat("a whole number from ", form.low, " to ", form.high));
  }
  return static_cast<uint64_t>(*number);
}

absl::StatusOr<uint64_t> Read(std::string_view option, const Word& form, const Literal& literal) {
  const auto* const text = std::get_if<std::string>(&literal.value);
  std::string known;
  for (uint8_t number = 1; form.name(number) != "UNKNOWN"; ++number) {
    const std::string_view name = form.name(number);
    if (text != nullptr && absl::EqualsIgnoreCase(*text, AbslView(name))) return number;
    known += Concat(known.empty() ? "" : ", ", name);
  }
  return Refuse(option, literal, Concat("one of ", known));
}

// Microseconds.
absl::StatusOr<uint64_t> Read(std::string_view option, const Interval& form,
                              const Literal& literal) {
  const auto* const text = std::get_if<std::string>(&literal.value);
  absl::Duration interval;
  if (text == nullptr || !absl::ParseDuration(*text, &interval)) {
    return Refuse(option, literal, "a duration such as '250ms' or '5s'");
  }
  const int64_t micros = absl::ToInt64Microseconds(interval);
  if (form.zero && interval == absl::ZeroDuration()) return uint64_t{0};
  if (interval < absl::Microseconds(static_cast<int64_t>(form.min_micros)) ||
      interval > absl::Microseconds(static_cast<int64_t>(form.max_micros)) ||
      absl::Microseconds(micros) != interval) {
    return Refuse(option, literal, Concat(form.range, ", in whole microseconds"));
  }
  return static_cast<uint64_t>(micros);
}

std::string Text(const WholeNumber&, uint64_t value) { return Concat(value); }
std::string Text(const Word& form, uint64_t value) {
  return Concat("'", absl::AsciiStrToLower(AbslView(form.name(static_cast<uint8_t>(value)))), "'");
}
std::string Text(const Interval&, uint64_t value) {
  return Concat("'", absl::FormatDuration(absl::Microseconds(static_cast<int64_t>(value))), "'");
}

// ---- the options

using Form = std::variant<WholeNumber, Word, Interval>;
struct Info {
  IndexOption option;
  std::string_view name;
  bool altered;  // by ALTER, too
  Form form;
  uint64_t (*get)(const IndexDef&);
  void (*set)(IndexDef&, uint64_t);
};

template <auto kMember>
uint64_t Get(const IndexDef& index) {
  return static_cast<uint64_t>(index.*kMember);
}
template <auto kMember>
void Put(IndexDef& index, uint64_t value) {
  index.*kMember = static_cast<std::remove_reference_t<decltype(index.*kMember)>>(value);
}

template <auto kMember>
constexpr Info Describe(IndexOption option, std::string_view name, bool altered, Form form) {
  return {option, name, altered, form, &Get<kMember>, &Put<kMember>};
}

// In the order of IndexOption.
constexpr std::array kInfos = {
    Describe<&IndexDef::metric>(IndexOption::kMetric, "metric", false,
                                Word{&NameOf<Metric, MetricName>}),
    Describe<&IndexDef::dim>(IndexOption::kDim, "dim", false, WholeNumber{1, kMaxDim}),
    Describe<&IndexDef::mode>(IndexOption::kMode, "mode", true,
                              Word{&NameOf<FreshnessMode, FreshnessModeName>}),
    Describe<&IndexDef::m>(IndexOption::kM, "m", true, WholeNumber{kMinM, kMaxM}),
    Describe<&IndexDef::ef_build>(IndexOption::kEfBuild, "ef_build", true,
                                  WholeNumber{kMinEfBuild, kMaxEfBuild}),
    Describe<&IndexDef::ef_search>(IndexOption::kEfSearch, "ef_search", true,
                                   WholeNumber{0, kMaxEfSearch}),
    Describe<&IndexDef::dim_policy>(IndexOption::kDimPolicy, "dim_policy", true,
                                    Word{&NameOf<DimPolicy, DimPolicyName>}),
    Describe<&IndexDef::quantization>(IndexOption::kQuantization, "quantization", true,
                                      Word{&NameOf<Quantization, QuantizationName>}),
    Describe<&IndexDef::batch_rows>(IndexOption::kBatchRows, "batch_rows", true,
                                    WholeNumber{1, kMaxBatchRows}),
    Describe<&IndexDef::batch_interval_micros>(
        IndexOption::kBatchInterval, "batch_interval", true,
        Interval{kMinBatchIntervalMicros, kMaxBatchIntervalMicros, "1ms to 24h"}),
    Describe<&IndexDef::max_lag_rows>(IndexOption::kMaxLagRows, "max_lag_rows", true,
                                      WholeNumber{1, kMaxLagRows}),
    Describe<&IndexDef::rebuild_interval_micros>(
        IndexOption::kRebuildInterval, "rebuild_interval", true,
        Interval{kMinRebuildIntervalMicros, kMaxRebuildIntervalMicros,
                 "1s to 8760h, or '0s' for never", true}),
};

const Info& InfoOf(IndexOption option) { return kInfos[static_cast<size_t>(option)]; }

std::string KnownNames(OptionUse use) {
  std::string names;
  for (const Info& info : kInfos) {
    if (use == OptionUse::kCreate || info.altered) {
      names += Concat(names.empty() ? "" : ", ", info.name);
    }
  }
  return names;
}

absl::StatusOr<const Info*> Find(std::string_view name, OptionUse use) {
  const auto* const info = std::find_if(kInfos.begin(), kInfos.end(), [&](const Info& known) {
    return absl::EqualsIgnoreCase(AbslView(known.name), AbslView(name));
  });
  if (info == kInfos.end()) {
    return absl::InvalidArgumentError(
        Concat("there is no option ", Quoted(name), "; expected one of ", KnownNames(use)));
  }
  if (use == OptionUse::kAlter && !info->altered) {
    return absl::InvalidArgumentError(Concat("option ", info->name,
                                             " is what the index is, and set by CREATE only; ALTER "
                                             "takes ",
                                             KnownNames(use)));
  }
  return info;
}

}  // namespace

absl::StatusOr<std::set<IndexOption>> ReadOptions(const std::vector<Option>& options, OptionUse use,
                                                  IndexDef& index) {
  std::set<IndexOption> given;
  for (const Option& option : options) {
    ASSIGN_OR_RETURN(const Info* const info, Find(option.name, use));
    if (!given.insert(info->option).second) {
      return absl::InvalidArgumentError(Concat("option ", info->name,
                                               " is given twice; expected each of ",
                                               KnownNames(use), " once at most"));
    }
    ASSIGN_OR_RETURN(
        const uint64_t value,
        std::visit([&](const auto& form) { return Read(info->name, form, option.value); },
                   info->form));
    info->set(index, value);
  }
  return given;
}

void CopyOptions(const std::set<IndexOption>& given, const IndexDef& values, IndexDef& index) {
  for (const IndexOption option : given) {
    const Info& info = InfoOf(option);
    info.set(index, info.get(values));
  }
}

std::string_view OptionName(IndexOption option) { return InfoOf(option).name; }

std::string OptionText(IndexOption option, const IndexDef& index) {
  const Info& info = InfoOf(option);
  return std::visit([&](const auto& form) { return Text(form, info.get(index)); }, info.form);
}

}  // namespace ordinate::statement
