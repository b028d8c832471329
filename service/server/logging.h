#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "service/server/options.h"
#include "spdlog/common.h"

namespace ordinate {

/// Makes spdlog's default logger write to standard error as `options` say, and sends it what gRPC,
/// Protobuf and RocksDB log. In JSON every line is one object with "time", "level" and "message",
/// whoever logged it. Before threads log.
absl::Status InitLogging(const LogOptions& options);

/// Logs `message` with facts: as further members of the JSON object, or as key=value behind the
/// text. `fields` is an object. Any thread; never throws.
void LogEvent(spdlog::level::level_enum level, std::string_view message,
              const nlohmann::ordered_json& fields);

}  // namespace ordinate
