#pragma once

#include <atomic>

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "ordinate/v1/query_service.pb.h"
#include "service/front/front.h"
#include "service/server/call_gate.h"
#include "service/server/stream_watch.h"
#include "storage/base/executor.h"

namespace ordinate {

/// The calls of StreamQuery. A page is made on the executor once the one before is taken, so that
/// a call whose reader pauses has no thread, only its cursor and one page. Thread-safe.
class RowStreams {
 public:
  /// All outlive this, and this the calls.
  RowStreams(Front& front, CallGate& gate, StreamWatch& watch, Executor& pages)
      : front_(front), gate_(gate), watch_(watch), pages_(pages) {}

  /// Begins to answer; what it returns ends itself. `call` lives until then. `request`: the bytes
  /// of a StreamQueryRequest, which gRPC would answer with a bare UNIMPLEMENTED where it cannot
  /// read them itself.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(grpc::CallbackServerContext& call,
                                                    const grpc::ByteBuffer& request);

 private:
  class Call;
  absl::Status Admit();
  absl::StatusOr<std::unique_ptr<QueryStream>> Open(const v1::StreamQueryRequest& request,
                                                    const CallContext& context);

  Front& front_;
  CallGate& gate_;
  StreamWatch& watch_;
  Executor& pages_;
  std::atomic<uint32_t> open_{0};
};

}  // namespace ordinate
