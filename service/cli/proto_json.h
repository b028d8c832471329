#pragma once

#include "google/protobuf/message.h"
#include "nlohmann/json.hpp"

namespace ordinate::cli {

/// A message as JSON for programs: every field by its proto name, defaults included; 64-bit
/// integers as exact numbers; enums by their short names, UNSPECIFIED as null; durations as
/// seconds; timestamps as text in RFC 3339; token and other maps as objects; unset messages as
/// null. Not for rows: see AppendCells.
nlohmann::ordered_json MessageToJson(const google::protobuf::Message& message);

}  // namespace ordinate::cli
