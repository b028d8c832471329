#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"
#include "service/cli/exit_code.h"

namespace ordinate::cli {

// Commands return absl::Status; the exit code and the lines of detail travel as payloads.

/// The command line cannot be understood.
absl::Status UsageError(std::string_view message);
/// A local file is missing, unreadable or malformed.
absl::Status FileError(std::string_view message);
/// What was looked for is not as it should be; the report is already printed.
absl::Status Finding(std::string_view message);
/// No server at `server`.
absl::Status ConnectError(std::string_view server, std::string_view why);
/// What the server answered, details included, and RetryDelayMillis. OK for OK.
absl::Status FromServer(const grpc::Status& status);

/// Where a row of a request came from, by its number; "" when that is not known.
using RowPosition = std::function<std::string(size_t row)>;
/// The same for a refused write: where the server's message names a row by its number, the row's
/// position stands instead. `position` may be empty.
absl::Status FromServer(const grpc::Status& status, const RowPosition& position);

/// `status` with its message prefixed; exit code and details stay.
absl::Status Prefixed(std::string_view prefix, const absl::Status& status);
/// `status` with further lines of detail.
absl::Status WithDetail(const absl::Status& status, std::string_view line);

ExitCode ExitCodeOf(const absl::Status& status);

/// What is printed: "error: NOT_FOUND: no table 'x'" and a line for each detail, such as
/// "  rows[3].cells[embedding]: expected dim 256, found 3".
std::string ErrorText(const absl::Status& status);

/// The lines a serialized google.rpc.Status holds in its details: field violations, retry delay,
/// resource. Empty for bytes that are not one.
std::string DetailLines(const std::string& serialized_rpc_status);

}  // namespace ordinate::cli
