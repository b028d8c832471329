#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/index/graph_builder.h"
#include "engine/search/candidate.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// Of nodes at equal distances from `node`, those come first whose id, with these bits turned, is
/// the least: others for every node, so that links of a region of ties lead all over it, where they
/// would else all lead to its lowest ids.
inline uint32_t TieSalt(uint32_t node) { return (node * 0x9E3779B1u + 0x85EBCA6Bu) >> 2; }

/// The links of a graph that several threads are building, in the layout of the finished one, and
/// beside each link its length, so that a full list is thinned out without measuring it again.
///
/// A list is changed under its node's lock. Readers take none: links are read and written one by
/// one, as atomics, so that a reader meets links of before and after a change side by side, each of
/// them a link of that level.
class LinkDraft {
 public:
  /// Lists of at most `m` links for each level of a node, 2m on level 0; all empty.
  LinkDraft(uint32_t m, std::vector<uint8_t> levels);

  uint32_t nodes() const { return static_cast<uint32_t>(graph_.levels.size()); }
  uint32_t level(uint32_t node) const { return graph_.levels[node]; }
  uint32_t capacity(uint32_t level) const { return level == 0 ? 2 * graph_.degree : graph_.degree; }

  /// Calls take(link) for each link of a list. Any thread.
  template <typename Take>
  void ForEach(uint32_t node, uint32_t level, const Take& take) {
    uint32_t* const links = Links(node, level);
    for (uint32_t i = 0; i < capacity(level); ++i) {
      const uint32_t link = std::atomic_ref<uint32_t>(links[i]).load(std::memory_order_relaxed);
      if (link == node) break;
      take(link);
    }
  }

  /// Brings a list of level 0 into the cache; `lengths`: for a change.
  void Prefetch(uint32_t node, bool lengths) const;

  /// Replaces a list. The first `spread` links are sorted and spread: none is nearer to another one
  /// of them than to the node. REQUIRES: links.size() <= capacity(level).
  void Set(uint32_t node, uint32_t level, std::span<const Candidate> links, size_t spread);

  /// Adds one link. When the list is full, thin(all) is asked to leave at most capacity(level) of
  /// the links and the new one, sorted and spread. It is given them sorted, those that were spread
  /// before marked as expanded. REQUIRES: no other call uses `scratch`.
  template <typename Thin>
  void Add(uint32_t node, uint32_t level, Candidate link, std::vector<Candidate>& scratch,
           const Thin& thin) {
    MutexLock lock(LockOf(node));
    List& list = ListOf(node, level);
    if (list.count < capacity(level)) {
      Put(node, level, list.count++, link);
      return;
    }
    Collect(node, level, link, scratch);
    thin(scratch);
    Write(node, level, scratch, scratch.size());
  }

  /// The finished graph; the draft is used up. One thread.
  Graph Finish(uint32_t entry);

 private:
  struct List {
    uint16_t count = 0;
    uint16_t spread = 0;  // so many links, the first ones, are spread
  };

  size_t Block(uint32_t node, uint32_t level) const {
    return size_t{graph_.upper_offsets[node]} + level - 1;
  }
  uint32_t* Links(uint32_t node, uint32_t level) {
    return level == 0 ? graph_.links0.data() + size_t{node} * graph_.degree0
                      : graph_.upper_links.data() + Block(node, level) * graph_.degree;
  }
  float* Lengths(uint32_t node, uint32_t level) {
    return level == 0 ? lengths0_.data() + size_t{node} * graph_.degree0
                      : upper_lengths_.data() + Block(node, level) * graph_.degree;
  }
  List& ListOf(uint32_t node, uint32_t level) {
    return level == 0 ? lists0_[node] : upper_lists_[Block(node, level)];
  }
  Mutex& LockOf(uint32_t node) { return locks_[node % kLocks]; }

  void Put(uint32_t node, uint32_t level, uint32_t at, Candidate link);
  void Write(uint32_t node, uint32_t level, std::span<const Candidate> links, size_t spread);
  void Collect(uint32_t node, uint32_t level, Candidate added, std::vector<Candidate>& all);

  static constexpr uint32_t kLocks = 4096;

  Graph graph_;  // links: atomics while threads build
  AlignedFloats lengths0_;
  std::vector<float> upper_lengths_;
  std::vector<List> lists0_, upper_lists_;
  const std::unique_ptr<Mutex[]> locks_;  // of lengths and lists of the nodes that share one
};

}  // namespace ordinate
