#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "storage/base/context.h"

namespace ordinate {

/// The highest level of each node as HNSW draws it: geometric with factor 1/m. The same on every
/// platform.
std::vector<uint8_t> DrawLevels(uint32_t nodes, uint32_t m, uint64_t seed);

/// All nodes, those of higher levels first, each level's in random order: rows that come sorted
/// build as good a graph as others. The same on every platform.
std::vector<uint32_t> OrderByLevel(std::span<const uint8_t> levels, uint64_t seed);

/// The nearest nodes to one node that a walk down the upper levels found on levels 1, 2 and 3; the
/// entry where the graph has no such level.
using Descent = std::array<uint32_t, 3>;

/// Orders nodes, given in random order, so that those near each other follow each other, and find
/// in the cache what the one before read. In rounds, each as large as what is linked already, so
/// that every part of a graph grows while it does. `descents`: by node; `linked`: nodes that were
/// inserted before. Errors: `context`'s, checked before each round.
absl::Status OrderByPlace(std::span<const Descent> descents, size_t linked,
                          std::span<uint32_t> nodes, const CallContext& context);

}  // namespace ordinate
