#include "service/wire/values.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "nlohmann/json.hpp"
#include "service/wire/utf8.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/time_range.h"

namespace ordinate {
namespace {

static_assert(std::endian::native == std::endian::little, "packed vectors are copied as they are");

constexpr int64_t kMicrosPerSecond = 1'000'000;

std::string_view KindName(v1::Value::KindCase kind) {
  switch (kind) {
    case v1::Value::KIND_NOT_SET:
    case v1::Value::kNullValue:
      return "NULL";
    case v1::Value::kBoolValue:
      return "BOOL";
    case v1::Value::kInt64Value:
      return "INT64";
    case v1::Value::kUint64Value:
      return "UINT64";
    case v1::Value::kDoubleValue:
      return "DOUBLE";
    case v1::Value::kStringValue:
      return "STRING";
    case v1::Value::kTimestampValue:
      return "TIMESTAMP";
    case v1::Value::kVectorValue:
      return "VECTOR";
    case v1::Value::kBytesValue:
      return "BYTES";
    case v1::Value::kJsonValue:
      return "JSON";
  }
  return "an unknown kind";
}

absl::Status InColumn(const ColumnDef& column, std::string_view what) {
  return absl::InvalidArgumentError(Concat("column '", column.name, "': ", what));
}

absl::Status Mismatch(const v1::Value& proto, const ColumnDef& column) {
  return InColumn(column, Concat("found ", KindName(proto.kind_case()), ", expected ",
                                 DataTypeName(column.type)));
}

// Doubles beyond f32 round to infinity under IEEE 754, without undefined behaviour.
float Narrow(double value) { return static_cast<float>(value); }

template <typename T>
absl::StatusOr<Vector> Unpack(std::string_view bytes, std::string_view form) {
  if (bytes.size() % sizeof(T) != 0) {
    return absl::InvalidArgumentError(
        Concat(form, " has ", bytes.size(), " bytes, which is not a multiple of ", sizeof(T)));
  }
  const size_t dim = bytes.size() / sizeof(T);
  if (dim > kMaxDim) {
    return absl::InvalidArgumentError(
        Concat("the vector has ", dim, " components; the most is ", kMaxDim));
  }
  Vector vector(dim);
  for (size_t i = 0; i < dim; ++i) {
    T component;
    std::memcpy(&component, bytes.data() + i * sizeof(T), sizeof(T));
    vector[i] = Narrow(component);
  }
  return vector;
}

template <typename Repeated>
absl::StatusOr<Vector> FromRepeated(const Repeated& values) {
  if (values.size() > static_cast<int>(kMaxDim)) {
    return absl::InvalidArgumentError(
        Concat("the vector has ", values.size(), " components; the most is ", kMaxDim));
  }
  Vector vector;
  vector.reserve(static_cast<size_t>(values.size()));
  for (const auto value : values) vector.push_back(Narrow(value));
  return vector;
}

absl::StatusOr<Vector> FromForm(const v1::Vector& proto) {
  switch (proto.form_case()) {
    case v1::Vector::kF32:
      return FromRepeated(proto.f32().values());
    case v1::Vector::kF64:
      return FromRepeated(proto.f64().values());
    case v1::Vector::kPackedF32:
      return Unpack<float>(proto.packed_f32(), "packed_f32");
    case v1::Vector::kPackedF64:
      return Unpack<double>(proto.packed_f64(), "packed_f64");
    case v1::Vector::FORM_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "the vector has no form set; set f32, f64, packed_f32 or packed_f64");
}

// Integers against doubles: exactly representable, or nothing.
std::optional<int64_t> ExactInt64(double value) {
  if (!(value >= -0x1p63 && value < 0x1p63) || std::trunc(value) != value) return std::nullopt;
  return static_cast<int64_t>(value);
}
std::optional<uint64_t> ExactUint64(double value) {
  if (!(value >= 0 && value < 0x1p64) || std::trunc(value) != value) return std::nullopt;
  return static_cast<uint64_t>(value);
}
template <typename Int>
std::optional<double> ExactDouble(Int value) {
  const auto near = static_cast<double>(value);
  constexpr double kEnd = std::is_signed_v<Int> ? 0x1p63 : 0x1p64;
  if (near >= kEnd || static_cast<Int>(near) != value) return std::nullopt;
  return near;
}

std::optional<Value> ToInt64(const Value& number) {
  if (const auto* u = std::get_if<uint64_t>(&number)) {
    if (*u > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(*u);
  }
  if (const auto* d = std::get_if<double>(&number)) return ExactInt64(*d);
  return number;
}
std::optional<Value> ToUint64(const Value& number) {
  if (const auto* i = std::get_if<int64_t>(&number)) {
    if (*i < 0) return std::nullopt;
    return static_cast<uint64_t>(*i);
  }
  if (const auto* d = std::get_if<double>(&number)) return ExactUint64(*d);
  return number;
}
std::optional<Value> ToDouble(const Value& number) {
  if (const auto* i = std::get_if<int64_t>(&number)) return ExactDouble(*i);
  if (const auto* u = std::get_if<uint64_t>(&number)) return ExactDouble(*u);
  return number;
}

absl::StatusOr<Value> NumberFromProto(const v1::Value& proto, const ColumnDef& column) {
  Value number;
  switch (proto.kind_case()) {
    case v1::Value::kInt64Value:
      number = int64_t{proto.int64_value()};
      break;
    case v1::Value::kUint64Value:
      number = uint64_t{proto.uint64_value()};
      break;
    case v1::Value::kDoubleValue:
      number = proto.double_value();
      break;
    default:
      return Mismatch(proto, column);
  }
  std::optional<Value> converted = column.type == DataType::kInt64    ? ToInt64(number)
                                   : column.type == DataType::kUint64 ? ToUint64(number)
                                                                      : ToDouble(number);
  if (!converted.has_value()) {
    return InColumn(column,
                    Concat("found ", KindName(proto.kind_case()), " ", ToString(View(number)),
                           ", which ", DataTypeName(column.type), " cannot hold exactly"));
  }
  return *std::move(converted);
}

absl::StatusOr<Value> TextFromProto(const v1::Value& proto, const ColumnDef& column) {
  const bool json = column.type == DataType::kJson;
  if (proto.kind_case() != (json ? v1::Value::kJsonValue : v1::Value::kStringValue)) {
    return Mismatch(proto, column);
  }
  const std::string& text = json ? proto.json_value() : proto.string_value();
  if (!IsUtf8(text)) return InColumn(column, "the text is not valid UTF-8");
  if (json && !nlohmann::json::accept(text)) {
    return InColumn(column, "the text is not valid JSON");
  }
  return Value(text);
}

}  // namespace

absl::StatusOr<Vector> VectorFromProto(const v1::Vector& proto) {
  ASSIGN_OR_RETURN(Vector vector, FromForm(proto));
  if (vector.empty()) {
    return absl::InvalidArgumentError("the vector is empty; it needs at least one component");
  }
  return vector;
}

void VectorToProto(const Vector& vector, v1::Vector* proto) {
  proto->mutable_f32()->mutable_values()->Assign(vector.begin(), vector.end());
}

absl::StatusOr<Value> ValueFromProto(const v1::Value& proto, const ColumnDef& column) {
  const auto kind = proto.kind_case();
  if (kind == v1::Value::KIND_NOT_SET || kind == v1::Value::kNullValue) return Value();
  switch (column.type) {
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kDouble:
      return NumberFromProto(proto, column);
    case DataType::kString:
    case DataType::kJson:
      return TextFromProto(proto, column);
    case DataType::kBool:
      if (kind != v1::Value::kBoolValue) return Mismatch(proto, column);
      return Value(proto.bool_value());
    case DataType::kBytes:
      if (kind != v1::Value::kBytesValue) return Mismatch(proto, column);
      return Value(proto.bytes_value());
    case DataType::kTimestamp: {
      if (kind != v1::Value::kTimestampValue) return Mismatch(proto, column);
      const auto timestamp = TimestampFromProto(proto.timestamp_value());
      if (!timestamp.ok()) return InColumn(column, MessageOf(timestamp.status()));
      return Value(*timestamp);
    }
    case DataType::kVector: {
      if (kind != v1::Value::kVectorValue) return Mismatch(proto, column);
      auto vector = VectorFromProto(proto.vector_value());
      if (!vector.ok()) return InColumn(column, MessageOf(vector.status()));
      return Value(*std::move(vector));
    }
  }
  return Mismatch(proto, column);
}

absl::StatusOr<Value> LiteralFromProto(const v1::Value& proto) {
  switch (proto.kind_case()) {
    case v1::Value::KIND_NOT_SET:
    case v1::Value::kNullValue:
      return Value();
    case v1::Value::kBoolValue:
      return Value(proto.bool_value());
    case v1::Value::kInt64Value:
      return Value(int64_t{proto.int64_value()});
    case v1::Value::kUint64Value:
      return Value(uint64_t{proto.uint64_value()});
    case v1::Value::kDoubleValue:
      return Value(proto.double_value());
    case v1::Value::kStringValue:
      if (!IsUtf8(proto.string_value())) {
        return absl::InvalidArgumentError("the text is not valid UTF-8");
      }
      return Value(proto.string_value());
    case v1::Value::kTimestampValue: {
      ASSIGN_OR_RETURN(const Timestamp timestamp, TimestampFromProto(proto.timestamp_value()));
      return Value(timestamp);
    }
    default:
      return absl::InvalidArgumentError(
          Concat("found ", KindName(proto.kind_case()),
                 ", expected NULL, BOOL, a number, STRING or TIMESTAMP"));
  }
}

void ValueToProto(const Value& value, DataType type, v1::Value* proto) {
  if (IsNull(value)) {
    proto->set_null_value(google::protobuf::NULL_VALUE);
  } else if (const auto* b = std::get_if<bool>(&value)) {
    proto->set_bool_value(*b);
  } else if (const auto* i = std::get_if<int64_t>(&value)) {
    proto->set_int64_value(*i);
  } else if (const auto* u = std::get_if<uint64_t>(&value)) {
    proto->set_uint64_value(*u);
  } else if (const auto* d = std::get_if<double>(&value)) {
    proto->set_double_value(*d);
  } else if (const auto* t = std::get_if<Timestamp>(&value)) {
    TimestampToProto(*t, proto->mutable_timestamp_value());
  } else if (const auto* v = std::get_if<Vector>(&value)) {
    VectorToProto(*v, proto->mutable_vector_value());
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    if (type == DataType::kBytes) {
      proto->set_bytes_value(*s);
    } else if (type == DataType::kJson) {
      proto->set_json_value(*s);
    } else {
      proto->set_string_value(*s);
    }
  }
}

absl::StatusOr<Timestamp> TimestampFromProto(const google::protobuf::Timestamp& proto) {
  if (proto.seconds() < kMinTimestampSeconds || proto.seconds() > kMaxTimestampSeconds) {
    return absl::InvalidArgumentError(Concat("the timestamp's seconds are ", proto.seconds(),
                                             "; the range is ", kMinTimestampSeconds, " to ",
                                             kMaxTimestampSeconds, " (years 1 to 9999)"));
  }
  if (proto.nanos() < 0 || proto.nanos() > 999'999'999) {
    return absl::InvalidArgumentError(
        Concat("the timestamp's nanos are ", proto.nanos(), "; the range is 0 to 999999999"));
  }
  if (proto.nanos() % 1000 != 0) {
    return absl::InvalidArgumentError(Concat("the timestamp's nanos are ", proto.nanos(),
                                             "; timestamps are kept to the microsecond, "
                                             "round them to a multiple of 1000"));
  }
  return Timestamp{proto.seconds() * kMicrosPerSecond + proto.nanos() / 1000};
}

void TimestampToProto(Timestamp timestamp, google::protobuf::Timestamp* proto) {
  int64_t seconds = timestamp.micros / kMicrosPerSecond;
  int64_t micros = timestamp.micros % kMicrosPerSecond;
  if (micros < 0) {
    micros += kMicrosPerSecond;
    --seconds;
  }
  proto->set_seconds(seconds);
  proto->set_nanos(static_cast<int32_t>(micros * 1000));
}

}  // namespace ordinate
