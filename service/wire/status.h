#pragma once

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace ordinate {

/// The same code and message; details (storage/base/error_details.h) travel as a google.rpc.Status
/// with BadRequest, PreconditionFailure, RetryInfo and ResourceInfo. A message too long for a
/// header is cut.
grpc::Status ToGrpc(const absl::Status& status);

/// The same as a message, for answers that carry several.
google::rpc::Status ToRpcStatus(const absl::Status& status);

/// The way back, for clients. Details that cannot be read are left out.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace ordinate
