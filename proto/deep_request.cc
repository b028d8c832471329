#include "proto/deep_request.h"

#include <string>
#include <vector>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/message.h"
#include "google/protobuf/wire_format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "ordinate/v1/filter.pb.h"

namespace ordinate {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::internal::WireFormat;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Two messages per level, and a few around the filter and in its leaves.
constexpr int kMaxNesting = 2 * DeepRequest::kMaxFilterLevels + 16;

bool Parse(grpc::ByteBuffer* bytes, google::protobuf::MessageLite* message) {
  grpc::ProtoBufferReader reader(bytes);
  CodedInputStream in(&reader);
  in.SetRecursionLimit(kMaxNesting);
  return message->ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

// The filter's place, such as "query.filter", when the messages in `bytes` are nested deeper than
// kMaxNesting, else "". Needs no stack for what is nested.
std::string DeepFilter(grpc::ByteBuffer* bytes, const Descriptor* root) {
  struct Open {
    const FieldDescriptor* field;
    CodedInputStream::Limit outer;
  };
  std::vector<Open> open;
  grpc::ProtoBufferReader reader(bytes);
  CodedInputStream in(&reader);
  while (open.size() <= kMaxNesting) {
    const Descriptor* const type = open.empty() ? root : open.back().field->message_type();
    const uint32_t tag = in.ReadTag();
    if (tag == 0) {
      if (open.empty() || !in.ConsumedEntireMessage()) return "";
      in.PopLimit(open.back().outer);
      open.pop_back();
      continue;
    }
    const auto* field = type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    uint32_t size = 0;
    if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE ||
        WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormat::SkipField(&in, tag, nullptr)) return "";
    } else if (in.ReadVarint32(&size)) {
      open.push_back({field, in.PushLimit(static_cast<int>(size))});
    } else {
      return "";
    }
  }
  // Nothing but filters can be nested in each other.
  std::string place;
  for (const auto& [field, outer] : open) {
    place += (place.empty() ? "" : ".") + field->name();
    if (field->message_type() == v1::Filter::descriptor()) break;
  }
  return place;
}

grpc::Status TooDeep(const std::string& place) {
  const std::string problem = "nested deeper than " +
                              std::to_string(DeepRequest::kMaxFilterLevels) +
                              ", the most allowed; flatten it or use IN";
  google::rpc::BadRequest bad;
  bad.add_field_violations()->set_field(place);
  bad.mutable_field_violations(0)->set_description(problem);
  google::rpc::Status status;
  status.set_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  status.set_message(place + ": " + problem);
  status.add_details()->PackFrom(bad);
  return {grpc::StatusCode::INVALID_ARGUMENT, status.message(), status.SerializeAsString()};
}

}  // namespace

grpc::Status DeepRequest::Serialize(const google::protobuf::MessageLite& message,
                                    grpc::ByteBuffer* bytes, bool* own_bytes) {
  return grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, bytes, own_bytes);
}

grpc::Status DeepRequest::Deserialize(grpc::ByteBuffer* bytes,
                                      google::protobuf::MessageLite* message) {
  if (bytes == nullptr) return {grpc::StatusCode::INTERNAL, "No payload"};
  grpc::Status status;
  if (!Parse(bytes, message)) {
    const Descriptor* const type = static_cast<Message*>(message)->GetDescriptor();
    const std::string place = DeepFilter(bytes, type);
    status = place.empty() ? grpc::Status(grpc::StatusCode::INTERNAL, "") : TooDeep(place);
  }
  bytes->Clear();
  return status;
}

}  // namespace ordinate
