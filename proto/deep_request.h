#pragma once

#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/impl/codegen/serialization_traits.h"

namespace ordinate {

namespace v1 {
class StreamQueryRequest;
}  // namespace v1

/// How gRPC reads messages, in place of its own way. A level of AND or OR is two messages, so
/// filters of kMaxFilterLevels need more than the 100 nested messages that Protobuf reads by
/// default. A deeper one is INVALID_ARGUMENT and names field and limit; other bytes that are no
/// message are INTERNAL, as gRPC has it. Every generated service header includes this one, before
/// anything could use the other way.
class DeepRequest {
 public:
  static constexpr int kMaxFilterLevels = 64;

  static grpc::Status Serialize(const google::protobuf::MessageLite& message,
                                grpc::ByteBuffer* bytes, bool* own_bytes);
  /// `message` is a google::protobuf::Message: no proto asks for the lite runtime.
  static grpc::Status Deserialize(grpc::ByteBuffer* bytes, google::protobuf::MessageLite* message);
};

}  // namespace ordinate

namespace grpc {

// Unary calls go by the base of all messages, streams by the type of theirs.
template <>
class SerializationTraits<google::protobuf::MessageLite> : public ordinate::DeepRequest {};
template <>
class SerializationTraits<ordinate::v1::StreamQueryRequest> : public ordinate::DeepRequest {};

}  // namespace grpc
