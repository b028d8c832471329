#include "service/cli/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr size_t kShownComponents = 3;

template <typename Number>
void AppendNumber(Number value, std::string* out) {
  if (std::isnan(value)) {
    *out += "\"NaN\"";
    return;
  }
  if (std::isinf(value)) {
    *out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  if (value == 0 && std::signbit(value)) {
    *out += "-0.0";
    return;
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out->append(buffer, end);
}

template <typename Number>
Number ReadLittleEndian(const std::string& bytes, size_t index) {
  Number value;
  std::memcpy(&value, bytes.data() + index * sizeof(Number), sizeof(Number));
  return value;
}

/// Calls visit(component) with float or double, as the form has it.
template <typename Visit>
void VisitComponents(const v1::Vector& vector, Visit&& visit) {
  switch (vector.form_case()) {
    case v1::Vector::kF32:
      for (const float value : vector.f32().values()) visit(value);
      break;
    case v1::Vector::kF64:
      for (const double value : vector.f64().values()) visit(value);
      break;
    case v1::Vector::kPackedF32:
      for (size_t i = 0; i < vector.packed_f32().size() / sizeof(float); ++i) {
        visit(ReadLittleEndian<float>(vector.packed_f32(), i));
      }
      break;
    case v1::Vector::kPackedF64:
      for (size_t i = 0; i < vector.packed_f64().size() / sizeof(double); ++i) {
        visit(ReadLittleEndian<double>(vector.packed_f64(), i));
      }
      break;
    case v1::Vector::FORM_NOT_SET:
      break;
  }
}

void AppendVector(const v1::Vector& vector, std::string* out) {
  *out += '[';
  bool first = true;
  VisitComponents(vector, [&](auto value) {
    if (!first) *out += ',';
    first = false;
    AppendNumber(value, out);
  });
  *out += ']';
}

std::string VectorText(const v1::Vector& vector) {
  std::string text = "[";
  size_t count = 0;
  VisitComponents(vector, [&](auto value) {
    if (++count > kShownComponents) return;
    if (count > 1) text += ", ";
    AppendNumber(value, &text);
  });
  if (count > kShownComponents) text += Concat(", … ", count);
  return text + "]";
}

void AppendNamed(const std::string& name, const v1::Value* value, std::string* out) {
  if (!out->ends_with('{')) *out += ',';
  AppendJsonString(name, out);
  *out += ':';
  if (value == nullptr) {
    *out += "null";
  } else {
    AppendCell(*value, out);
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  if (plain) {
    *out += Concat("\"", text, "\"");
    return;
  }
  *out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void AppendJsonDouble(double value, std::string* out) { AppendNumber(value, out); }
void AppendJsonFloat(float value, std::string* out) { AppendNumber(value, out); }

std::string CompactJson(std::string_view json) {
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\' && i + 1 < json.size()) {
      out += c;
      out += json[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
    out += c;
  }
  return out;
}

void AppendCell(const v1::Value& value, std::string* out) {
  switch (value.kind_case()) {
    case v1::Value::kBoolValue:
      *out += value.bool_value() ? "true" : "false";
      break;
    case v1::Value::kInt64Value:
      *out += Concat(value.int64_value());
      break;
    case v1::Value::kUint64Value:
      *out += Concat(value.uint64_value());
      break;
    case v1::Value::kDoubleValue:
      AppendNumber(value.double_value(), out);
      break;
    case v1::Value::kStringValue:
      AppendJsonString(value.string_value(), out);
      break;
    case v1::Value::kTimestampValue:
      AppendJsonString(TimestampText(value.timestamp_value()), out);
      break;
    case v1::Value::kVectorValue:
      AppendVector(value.vector_value(), out);
      break;
    case v1::Value::kBytesValue:
      AppendJsonString(absl::Base64Escape(value.bytes_value()), out);
      break;
    case v1::Value::kJsonValue:
      *out += CompactJson(value.json_value());
      break;
    case v1::Value::kNullValue:
    case v1::Value::KIND_NOT_SET:
      *out += "null";
      break;
  }
}

void AppendCells(const v1::Row& row, const std::vector<std::string>& columns, std::string* out) {
  std::vector<std::string> names = columns;
  if (names.empty()) {
    for (const auto& [name, value] : row.cells()) names.push_back(name);
    std::sort(names.begin(), names.end());
  }
  *out += '{';
  std::string json_nulls;
  for (const std::string& name : names) {
    const auto found = row.cells().find(name);
    const v1::Value* const value = found == row.cells().end() ? nullptr : &found->second;
    AppendNamed(name, value, out);
    if (value == nullptr || !value->has_json_value()) continue;
    if (CompactJson(value->json_value()) != "null") continue;
    json_nulls += json_nulls.empty() ? '[' : ',';
    AppendJsonString(name, &json_nulls);
  }
  if (!json_nulls.empty()) *out += Concat(",\"", kJsonNullField, "\":", json_nulls, "]");
  *out += '}';
}

std::string CellText(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kStringValue:
      return value.string_value();
    case v1::Value::kVectorValue:
      return VectorText(value.vector_value());
    case v1::Value::kTimestampValue:
      return TimestampText(value.timestamp_value());
    case v1::Value::kBytesValue:
      return absl::Base64Escape(value.bytes_value());
    case v1::Value::kNullValue:
    case v1::Value::KIND_NOT_SET:
      return "NULL";
    default: {
      std::string text;
      AppendCell(value, &text);
      return text;
    }
  }
}

bool IsNumber(const v1::Value& value) {
  return value.has_int64_value() || value.has_uint64_value() || value.has_double_value();
}

std::string TimestampText(const google::protobuf::Timestamp& timestamp) {
  const absl::Time time =
      absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

std::vector<double> Components(const v1::Vector& vector) {
  std::vector<double> values;
  VisitComponents(vector, [&values](auto value) { values.push_back(value); });
  return values;
}

}  // namespace ordinate::cli
