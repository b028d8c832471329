#include "service/cli/proto_json.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "ordinate/v1/values.pb.h"
#include "service/cli/specs.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

Json EnumJson(const FieldDescriptor& field, int number) {
  const std::string name = ShortEnumName(*field.enum_type(), number);
  return name.empty() ? Json(nullptr) : Json(name);
}

Json SingleJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumJson(field, reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!reflection.HasField(message, &field)) return nullptr;
      return MessageToJson(reflection.GetMessage(message, &field));
  }
  return nullptr;
}

/// Maps of numbers to numbers, the only ones outside of rows, by key.
Json MapJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::map<uint64_t, Json> entries;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const Json key = SingleJson(entry, *entry.GetDescriptor()->map_key());
    if (!key.is_number()) continue;
    entries[key.get<uint64_t>()] = SingleJson(entry, *entry.GetDescriptor()->map_value());
  }
  Json object = Json::object();
  for (auto& [key, value] : entries) object[Concat(key)] = std::move(value);
  return object;
}

Json RepeatedJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  Json array = Json::array();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      array.push_back(MessageToJson(reflection.GetRepeatedMessage(message, &field, i)));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      array.push_back(reflection.GetRepeatedString(message, &field, i));
    }
  }
  return array;
}

}  // namespace

Json MessageToJson(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    const auto& duration = static_cast<const google::protobuf::Duration&>(message);
    return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
  }
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return google::protobuf::util::TimeUtil::ToString(
        static_cast<const google::protobuf::Timestamp&>(message));
  }
  if (message.GetDescriptor() == v1::Token::descriptor()) {
    return MapJson(message, *v1::Token::descriptor()->field(0));
  }
  Json object = Json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const bool duration = field.message_type() == google::protobuf::Duration::descriptor();
    const std::string name = field.name() + (duration ? "_seconds" : "");
    if (field.is_map()) {
      object[name] = MapJson(message, field);
    } else if (field.is_repeated()) {
      object[name] = RepeatedJson(message, field);
    } else {
      object[name] = SingleJson(message, field);
    }
  }
  return object;
}

}  // namespace ordinate::cli
