#pragma once

#include <memory>

#include "grpcpp/impl/service_type.h"
#include "service/backup/backups.h"
#include "service/front/front.h"
#include "service/server/call_gate.h"
#include "service/server/stream_watch.h"
#include "storage/base/executor.h"

namespace ordinate {

/// The gRPC services of ordinate.v1: each converts from the wire, calls the front, converts back.
/// What they are given outlives the service.
std::unique_ptr<grpc::Service> MakeTableService(Front& front, CallGate& gate);
std::unique_ptr<grpc::Service> MakeRowService(Front& front, CallGate& gate, StreamWatch& watch);
std::unique_ptr<grpc::Service> MakeIndexService(Front& front, CallGate& gate);
/// `pages`: where the pages of streams are made.
std::unique_ptr<grpc::Service> MakeQueryService(Front& front, CallGate& gate, StreamWatch& watch,
                                                Executor& pages);
std::unique_ptr<grpc::Service> MakeStatementService(Front& front, CallGate& gate,
                                                    StreamWatch& watch);
/// `backups` is null where the server keeps none.
std::unique_ptr<grpc::Service> MakeAdminService(Backups* backups, CallGate& gate,
                                                StreamWatch& watch);

}  // namespace ordinate
