#include "engine/query/constants.h"

#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "engine/query/column_lookup.h"
#include "storage/base/text.h"
#include "storage/model/time_range.h"

namespace ordinate {
namespace {

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(AbslView(message));
}

template <typename Int>
bool ReadInteger(std::string_view text, Int& integer) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, integer);
  return read.ec == std::errc() && read.ptr == end;
}

}  // namespace

absl::StatusOr<Value> ParseNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t integer = 0;
  if (ReadInteger(text, integer)) return integer;
  uint64_t natural = 0;
  if (ReadInteger(text, natural)) return natural;
  double number = 0;
  if (!absl::SimpleAtod(AbslView(text), &number) || !std::isfinite(number)) {
    return Refuse("the number is beyond DOUBLE; expected at most 1.8e308");
  }
  return number;
}

absl::StatusOr<Timestamp> ParseTimestamp(const std::string& text) {
  // ParseTime alone would take blanks around the time, and words such as "infinite-future".
  const bool plain = text.find_first_not_of("0123456789-+:.TZtz") == std::string::npos;
  absl::Time time;
  std::string problem;
  if (!plain || !absl::ParseTime(absl::RFC3339_full, text, &time, &problem)) {
    return Refuse(Concat("found ", Quoted(text),
                         ", expected an RFC 3339 time, such as '2024-01-31T12:00:00Z'"));
  }
  const int64_t micros = absl::ToUnixMicros(time);
  if (absl::FromUnixMicros(micros) != time) {
    return Refuse("the time is not a whole number of microseconds in 64 bits");
  }
  if (!IsInRange(Timestamp{micros})) return Refuse("the time is not of the years 1 to 9999");
  return Timestamp{micros};
}

absl::StatusOr<double> ParseNamedDouble(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  return Refuse(Concat("found ", Quoted(text), ", expected 'NaN', 'Infinity' or '-Infinity'"));
}

absl::StatusOr<std::string> ParseHex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return Refuse(
        Concat("the bytes have ", text.size(), " hexadecimal digits; expected two for each byte"));
  }
  return absl::HexStringToBytes(AbslView(text));
}

}  // namespace ordinate
