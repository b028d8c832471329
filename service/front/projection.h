#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// What "no columns named" stands for.
enum class DefaultColumns { kAll, kKey };

/// Positions of the named columns, in the order named, each once; "*" stands for all.
/// INVALID_ARGUMENT names an unknown column and the known ones near it.
absl::StatusOr<std::vector<uint32_t>> ResolveColumns(const TableDef& table,
                                                     const std::vector<std::string>& names,
                                                     DefaultColumns when_empty);

}  // namespace ordinate
