#include "engine/index/node_order.h"

#include <algorithm>
#include <cstddef>

namespace ordinate {
namespace {

std::vector<uint32_t> Inverse(std::span<const uint32_t> order) {
  std::vector<uint32_t> number(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) number[order[i]] = i;
  return number;
}

}  // namespace

std::vector<uint32_t> BreadthFirstOrder(const Graph& graph) {
  const auto nodes = static_cast<uint32_t>(graph.levels.size());
  std::vector<uint32_t> order;
  order.reserve(nodes);
  std::vector<bool> taken(nodes, false);
  const auto take = [&](uint32_t node) {
    if (taken[node]) return;
    taken[node] = true;
    order.push_back(node);
  };
  if (nodes > 0) take(graph.entry);
  // The walk down the levels stays among few nodes that way.
  for (uint32_t level = graph.max_level; level >= 1; --level) {
    for (uint32_t node = 0; node < nodes; ++node) {
      if (graph.levels[node] == level) take(node);
    }
  }
  size_t next = 0;
  for (uint32_t unseen = 0; next < nodes; ++unseen) {
    for (; next < order.size(); ++next) {
      const size_t links = size_t{order[next]} * graph.degree0;
      for (size_t i = links; i < links + graph.degree0; ++i) take(graph.links0[i]);
    }
    // What nothing so far led to.
    if (unseen < nodes) take(unseen);
  }
  return order;
}

Graph Renumber(const Graph& graph, std::span<const uint32_t> order) {
  const std::vector<uint32_t> number = Inverse(order);
  Graph renumbered;
  renumbered.degree0 = graph.degree0;
  renumbered.degree = graph.degree;
  renumbered.max_level = graph.max_level;
  if (order.empty()) {
    renumbered.upper_offsets = graph.upper_offsets;
    return renumbered;
  }
  renumbered.entry = number[graph.entry];
  renumbered.links0.reserve(graph.links0.size());
  renumbered.levels.reserve(graph.levels.size());
  renumbered.upper_offsets.reserve(graph.upper_offsets.size());
  renumbered.upper_links.reserve(graph.upper_links.size());
  renumbered.upper_offsets.push_back(0);
  const auto copy = [&number](const auto& from, size_t begin, size_t end, auto& to) {
    for (size_t i = begin; i < end; ++i) to.push_back(number[from[i]]);
  };
  for (const uint32_t node : order) {
    const size_t links0 = size_t{node} * graph.degree0;
    copy(graph.links0, links0, links0 + graph.degree0, renumbered.links0);
    copy(graph.upper_links, size_t{graph.upper_offsets[node]} * graph.degree,
         size_t{graph.upper_offsets[node + 1]} * graph.degree, renumbered.upper_links);
    renumbered.levels.push_back(graph.levels[node]);
    renumbered.upper_offsets.push_back(renumbered.upper_offsets.back() + graph.levels[node]);
  }
  return renumbered;
}

void Rearrange(AlignedFloats& vectors, uint32_t stride, std::span<const uint32_t> order) {
  const auto row = [&](uint32_t i) { return vectors.data() + size_t{i} * stride; };
  std::vector<bool> moved(order.size(), false);
  std::vector<float> first(stride);
  // Cycle by cycle: each row goes where the one before it has left.
  for (uint32_t begin = 0; begin < order.size(); ++begin) {
    if (moved[begin] || order[begin] == begin) continue;
    std::copy_n(row(begin), stride, first.data());
    uint32_t to = begin;
    for (; order[to] != begin; to = order[to]) {
      std::copy_n(row(order[to]), stride, row(to));
      moved[to] = true;
    }
    std::copy_n(first.data(), stride, row(to));
    moved[to] = true;
  }
}

}  // namespace ordinate
