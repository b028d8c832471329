#include "engine/index/reachable.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <vector>

#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// A replaced link may have been the only way to its node: then another round mends that.
constexpr int kMostRounds = 16;
// Looks for a way to each node that is left, in one round.
constexpr int kMostTries = 8;
// Links to a node, of which one more or less does not matter.
constexpr uint32_t kSeveral = 4;
constexpr size_t kNodesBetweenChecks = 1u << 16;

/// A walk over level 0, and the links it adds.
class Reach {
 public:
  Reach(const CallContext& context, Graph& graph)
      : context_(context), graph_(graph), reached_(graph.levels.size()), led_to_(reached_.size()) {
    for (uint32_t node = 0; node < reached_.size(); ++node) {
      for (const uint32_t link : Links(node)) led_to_[link] += link != node;
    }
  }

  /// Whether every node is reached now without a further link.
  absl::StatusOr<bool> Round() {
    std::fill(reached_.begin(), reached_.end(), false);
    RETURN_IF_ERROR(WalkFrom(graph_.entry));
    bool whole = true;
    for (int tries = 0; tries < kMostTries; ++tries) {
      bool linked = false;
      for (uint32_t node = 0; node < reached_.size(); ++node) {
        if (reached_[node] || !LinkTo(node)) continue;
        linked = true;
        RETURN_IF_ERROR(WalkFrom(node));
      }
      if (!linked) break;
      whole = false;
    }
    // What is left, with the nodes it leads to, are graphs of their own.
    for (uint32_t node = 0; node < reached_.size(); ++node) {
      if (reached_[node]) continue;
      AddLink(last_, node);
      whole = false;
      RETURN_IF_ERROR(WalkFrom(node));
    }
    return whole;
  }

 private:
  std::span<uint32_t> Links(uint32_t node) {
    return {graph_.links0.data() + size_t{node} * graph_.degree0, graph_.degree0};
  }

  absl::Status WalkFrom(uint32_t start) {
    reached_[start] = true;
    queue_.assign(1, start);
    for (size_t i = 0; i < queue_.size(); ++i) {
      if (i % kNodesBetweenChecks == 0) RETURN_IF_ERROR(context_.Check());
      for (const uint32_t link : Links(queue_[i])) {
        if (reached_[link]) continue;
        reached_[link] = true;
        queue_.push_back(link);
      }
    }
    last_ = queue_.back();
    return absl::OkStatus();
  }

  bool HasRoom(uint32_t node) { return Links(node).back() == node; }

  // From the nearest of those it links to that has a free slot, else by way of the nearest.
  bool LinkTo(uint32_t node) {
    const uint32_t* from = nullptr;
    for (const uint32_t& link : Links(node)) {
      if (link == node || !reached_[link]) continue;
      const bool free = HasRoom(link);
      if (from == nullptr || free) from = &link;
      if (free) break;
    }
    if (from != nullptr) LinkByWayOf(*from, node);
    return from != nullptr;
  }

  // A node that very many link to, as to a long vector under IP, gives up one link at most: the
  // next are led to by the one that took its place, and the last of those when that has no room.
  void LinkByWayOf(uint32_t hub, uint32_t node) {
    uint32_t from = hub;
    const auto found = deputies_.find(hub);
    if (!HasRoom(hub) && found != deputies_.end() && reached_[found->second] &&
        HasRoom(found->second)) {
      from = found->second;
    }
    const bool deputises = from == hub && !HasRoom(hub);
    AddLink(from, node);
    if (deputises || (from != hub && !HasRoom(from) && HasRoom(node))) deputies_[hub] = node;
  }

  void AddLink(uint32_t from, uint32_t to) {
    const std::span<uint32_t> links = Links(from);
    auto slot = std::find(links.begin(), links.end(), from);
    if (slot == links.end()) {
      slot = Victim(links);
      --led_to_[*slot];
    }
    *slot = to;
    ++led_to_[to];
  }

  // Of the last links, mostly the farthest, one to a node that several lead to.
  std::span<uint32_t>::iterator Victim(std::span<uint32_t> links) const {
    const auto last = std::find_if(links.rbegin(), links.rend(),
                                   [this](uint32_t link) { return led_to_[link] >= kSeveral; });
    if (last != links.rend()) return last.base() - 1;
    return std::max_element(links.begin(), links.end(),
                            [this](uint32_t a, uint32_t b) { return led_to_[a] < led_to_[b]; });
  }

  const CallContext& context_;
  Graph& graph_;
  std::vector<bool> reached_;
  std::vector<uint32_t> led_to_;  // by node: links to it
  std::vector<uint32_t> queue_;
  std::unordered_map<uint32_t, uint32_t> deputies_;  // by node: who leads on for it
  uint32_t last_ = 0;                                // reached last
};

}  // namespace

absl::Status MakeReachable(const CallContext& context, Graph& graph) {
  if (graph.levels.empty()) return absl::OkStatus();
  Reach reach(context, graph);
  for (int round = 0; round < kMostRounds; ++round) {
    ASSIGN_OR_RETURN(const bool whole, reach.Round());
    if (whole) break;
  }
  return absl::OkStatus();
}

}  // namespace ordinate
