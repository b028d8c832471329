#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/rows/update_log.h"

namespace ordinate {

/// A log record as MessagePack: one flat array of the sequence, the time in microseconds
/// and, per mutation, kind, table id, row id, key (bin) and cells (bin). Last, if the record has a
/// request to be remembered, EncodeRequestNote (bin).
std::string EncodeLogRecord(const LogRecord& record);

/// DATA_LOSS when the bytes are not what EncodeLogRecord writes.
absl::StatusOr<LogRecord> DecodeLogRecord(std::string_view bytes);

}  // namespace ordinate
