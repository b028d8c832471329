#include "engine/index/link_draft.h"

#include <utility>

#include "engine/search/kernels.h"
#include "engine/search/node_distance.h"

namespace ordinate {

LinkDraft::LinkDraft(uint32_t m, std::vector<uint8_t> levels)
    : locks_(std::make_unique<Mutex[]>(kLocks)) {
  const size_t nodes = levels.size();
  graph_.degree0 = StrideOf(2 * m);
  graph_.degree = m;
  graph_.levels = std::move(levels);
  graph_.upper_offsets.assign(nodes + 1, 0);
  graph_.links0.resize(nodes * graph_.degree0);
  for (uint32_t node = 0; node < nodes; ++node) {
    graph_.upper_offsets[node + 1] = graph_.upper_offsets[node] + graph_.levels[node];
    std::fill_n(Links(node, 0), graph_.degree0, node);
  }
  const size_t blocks = graph_.upper_offsets[nodes];
  graph_.upper_links.resize(blocks * m);
  for (uint32_t node = 0; node < nodes; ++node) {
    std::fill_n(graph_.upper_links.data() + size_t{graph_.upper_offsets[node]} * m,
                size_t{graph_.levels[node]} * m, node);
  }
  lengths0_.resize(graph_.links0.size());
  upper_lengths_.resize(graph_.upper_links.size());
  lists0_.resize(nodes);
  upper_lists_.resize(blocks);
}

void LinkDraft::Prefetch(uint32_t node, bool lengths) const {
  const size_t at = size_t{node} * graph_.degree0;
  PrefetchLines(graph_.links0.data() + at, capacity(0) * sizeof(uint32_t));
  if (lengths) PrefetchLines(lengths0_.data() + at, capacity(0) * sizeof(float));
}

void LinkDraft::Set(uint32_t node, uint32_t level, std::span<const Candidate> links,
                    size_t spread) {
  MutexLock lock(LockOf(node));
  Write(node, level, links, spread);
}

void LinkDraft::Put(uint32_t node, uint32_t level, uint32_t at, Candidate link) {
  std::atomic_ref<uint32_t>(Links(node, level)[at]).store(link.node(), std::memory_order_relaxed);
  Lengths(node, level)[at] = link.distance();
}

void LinkDraft::Write(uint32_t node, uint32_t level, std::span<const Candidate> links,
                      size_t spread) {
  const auto count = static_cast<uint32_t>(links.size());
  for (uint32_t i = 0; i < count; ++i) Put(node, level, i, links[i]);
  List& list = ListOf(node, level);
  for (uint32_t i = count; i < list.count; ++i) Put(node, level, i, Candidate(0, node));
  list.count = static_cast<uint16_t>(count);
  list.spread = static_cast<uint16_t>(spread);
}

void LinkDraft::Collect(uint32_t node, uint32_t level, Candidate added,
                        std::vector<Candidate>& all) {
  const uint32_t* const links = Links(node, level);
  const float* const lengths = Lengths(node, level);
  const List& list = ListOf(node, level);
  all.clear();
  for (uint32_t i = 0; i < list.count; ++i) {
    all.emplace_back(lengths[i], links[i]);
    if (i < list.spread) all.back().set_expanded();
  }
  all.push_back(added);
  const uint64_t salt = uint64_t{TieSalt(node)} << 1;  // as a key has the node
  std::sort(all.begin(), all.end(),
            [salt](Candidate a, Candidate b) { return (a.key() ^ salt) < (b.key() ^ salt); });
}

Graph LinkDraft::Finish(uint32_t entry) {
  if (nodes() > 0) {
    graph_.entry = entry;
    graph_.max_level = graph_.levels[entry];
  }
  return std::move(graph_);
}

}  // namespace ordinate
