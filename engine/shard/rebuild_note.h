#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/shard/shard_client.h"

namespace ordinate {

/// The note of a rebuild that was asked for and has not ended: a file in the index's folder, by
/// which a start begins it again.
inline constexpr char kRebuildNote[] = "rebuild.json";

/// Durable when it returns. Errors by FileError.
absl::Status WriteRebuildNote(const std::string& folder, const std::optional<RebuildGate>& gate);

/// The gate that was asked for, or none. NOT_FOUND: no rebuild was; DATA_LOSS; what the disk says.
absl::StatusOr<std::optional<RebuildGate>> ReadRebuildNote(const std::string& folder);

/// It has ended, durably when this returns OK; no error where there is none. What the disk says:
/// the file may stay, and a start then rebuilds once more.
absl::Status RemoveRebuildNote(const std::string& folder);

}  // namespace ordinate
