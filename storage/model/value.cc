#include "storage/model/value.h"

#include <charconv>
#include <cmath>
#include <type_traits>

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Elements of a vector that ToString shows before it abbreviates.
constexpr size_t kShownElements = 8;

template <typename T>
std::weak_ordering Order(T a, T b) {
  if (a < b) return std::weak_ordering::less;
  if (b < a) return std::weak_ordering::greater;
  return std::weak_ordering::equivalent;
}

std::weak_ordering Reverse(std::weak_ordering order) {
  if (order < 0) return std::weak_ordering::greater;
  if (order > 0) return std::weak_ordering::less;
  return order;
}

std::weak_ordering CompareDoubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return Order(std::isnan(a), std::isnan(b));
  return Order(a, b);
}

// Integer against double by exact value: outside the integers' range the double decides, inside it
// the integral parts compare as integers and the fraction breaks the tie.
template <typename Int>
std::weak_ordering CompareIntDouble(Int a, double b) {
  constexpr double kEnd = std::is_signed_v<Int> ? 0x1p63 : 0x1p64;
  constexpr double kBegin = std::is_signed_v<Int> ? -0x1p63 : 0.0;
  if (std::isnan(b) || b >= kEnd) return std::weak_ordering::less;
  if (b < kBegin) return std::weak_ordering::greater;
  const double whole = std::trunc(b);
  const std::weak_ordering order = Order(a, static_cast<Int>(whole));
  return order != 0 ? order : Order(whole, b);
}

std::weak_ordering CompareInts(int64_t a, uint64_t b) {
  if (a < 0) return std::weak_ordering::less;
  return Order(static_cast<uint64_t>(a), b);
}

std::weak_ordering CompareIntWith(int64_t a, const ValueView& b) {
  if (const auto* i = std::get_if<int64_t>(&b)) return Order(a, *i);
  if (const auto* u = std::get_if<uint64_t>(&b)) return CompareInts(a, *u);
  return CompareIntDouble(a, std::get<double>(b));
}

std::weak_ordering CompareUintWith(uint64_t a, const ValueView& b) {
  if (const auto* u = std::get_if<uint64_t>(&b)) return Order(a, *u);
  if (const auto* i = std::get_if<int64_t>(&b)) return Reverse(CompareInts(*i, a));
  return CompareIntDouble(a, std::get<double>(b));
}

std::weak_ordering CompareDoubleWith(double a, const ValueView& b) {
  if (const auto* d = std::get_if<double>(&b)) return CompareDoubles(a, *d);
  if (const auto* i = std::get_if<int64_t>(&b)) return Reverse(CompareIntDouble(*i, a));
  return Reverse(CompareIntDouble(std::get<uint64_t>(b), a));
}

template <typename T>
std::string NumberText(T number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  return std::string(buffer, end);
}

std::string VectorText(std::span<const float> vector) {
  std::string text = "[";
  for (size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) text += ", ";
    if (i == kShownElements) {
      text += "...";
      break;
    }
    text += NumberText(vector[i]);
  }
  return text + "]";
}

struct Texter {
  std::string operator()(std::monostate) const { return "NULL"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return NumberText(value); }
  std::string operator()(uint64_t value) const { return NumberText(value); }
  std::string operator()(double value) const { return NumberText(value); }
  std::string operator()(std::string_view value) const {
    return Concat("\"", absl::Utf8SafeCEscape(AbslView(value)), "\"");
  }
  std::string operator()(Timestamp value) const {
    return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(value.micros),
                            absl::UTCTimeZone());
  }
  std::string operator()(std::span<const float> value) const { return VectorText(value); }
};

}  // namespace

std::string_view DataTypeName(DataType type) {
  switch (type) {
    case DataType::kBool:
      return "BOOL";
    case DataType::kInt64:
      return "INT64";
    case DataType::kUint64:
      return "UINT64";
    case DataType::kDouble:
      return "DOUBLE";
    case DataType::kString:
      return "STRING";
    case DataType::kTimestamp:
      return "TIMESTAMP";
    case DataType::kVector:
      return "VECTOR";
    case DataType::kBytes:
      return "BYTES";
    case DataType::kJson:
      return "JSON";
  }
  return "UNKNOWN";
}

ValueView View(const Value& value) {
  return std::visit(
      [](const auto& held) -> ValueView {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return std::string_view(held);
        } else if constexpr (std::is_same_v<T, Vector>) {
          return std::span<const float>(held);
        } else {
          return held;
        }
      },
      value);
}

Value Own(const ValueView& view) {
  return std::visit(
      [](const auto& held) -> Value {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          return std::string(held);
        } else if constexpr (std::is_same_v<T, std::span<const float>>) {
          return Vector(held.begin(), held.end());
        } else {
          return held;
        }
      },
      view);
}

std::weak_ordering CompareScalars(const ValueView& a, const ValueView& b) {
  if (const auto* i = std::get_if<int64_t>(&a)) return CompareIntWith(*i, b);
  if (const auto* d = std::get_if<double>(&a)) return CompareDoubleWith(*d, b);
  if (const auto* u = std::get_if<uint64_t>(&a)) return CompareUintWith(*u, b);
  if (const auto* s = std::get_if<std::string_view>(&a)) {
    return *s <=> std::get<std::string_view>(b);
  }
  if (const auto* t = std::get_if<Timestamp>(&a)) return *t <=> std::get<Timestamp>(b);
  return Order(std::get<bool>(a), std::get<bool>(b));
}

bool IsComparable(DataType type, const Value& literal) {
  switch (type) {
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kDouble:
      return std::holds_alternative<int64_t>(literal) ||
             std::holds_alternative<uint64_t>(literal) || std::holds_alternative<double>(literal);
    case DataType::kBool:
      return std::holds_alternative<bool>(literal);
    case DataType::kString:
      return std::holds_alternative<std::string>(literal);
    case DataType::kTimestamp:
      return std::holds_alternative<Timestamp>(literal);
    case DataType::kVector:
    case DataType::kBytes:
    case DataType::kJson:
      return false;
  }
  return false;
}

std::string ToString(const ValueView& view) { return std::visit(Texter{}, view); }

}  // namespace ordinate
