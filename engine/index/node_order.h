#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/aligned_floats.h"
#include "engine/index/graph_builder.h"

namespace ordinate {

/// An order of a graph's nodes in which neighbours are near each other, so that a search touches
/// fewer pages and cache lines: breadth first from the entry over level 0, then what that does not
/// reach. order[i] is the node that comes i-th. A function of the graph alone.
std::vector<uint32_t> BreadthFirstOrder(const Graph& graph);

/// The same graph with node order[i] called i. REQUIRES: `order` is a permutation of its nodes.
Graph Renumber(const Graph& graph, std::span<const uint32_t> order);

/// Moves the rows of `vectors`, `stride` floats each: row order[i] to i. In place, since a copy
/// would nearly double a merge's memory. REQUIRES: `order` is a permutation of the rows, or empty.
void Rearrange(AlignedFloats& vectors, uint32_t stride, std::span<const uint32_t> order);

}  // namespace ordinate
