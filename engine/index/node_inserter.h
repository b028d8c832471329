#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/build_matrix.h"
#include "engine/index/link_choice.h"
#include "engine/index/link_draft.h"
#include "engine/search/candidate.h"
#include "engine/search/visited_set.h"

namespace ordinate {

/// Inserts nodes into a graph that other threads insert into, too. One thread; what it borrows
/// outlives it.
class NodeInserter {
 public:
  /// `entry`: a node of the highest level.
  NodeInserter(const BuildMatrix& matrix, LinkDraft& draft, uint32_t entry, uint32_t ef);

  /// Walks down to the nearest node of level `last` that can be found, near `node`, and calls
  /// pass(level, nearest) on each level. The start of an insertion on level last - 1.
  template <typename Pass>
  uint32_t Descend(uint32_t node, uint32_t last, const Pass& pass) {
    Begin(node);
    Candidate nearest = ScoreOne(entry_);
    for (uint32_t level = draft_.level(entry_); level >= last && level >= 1; --level) {
      nearest = Walk(nearest, level);
      pass(level, nearest.node());
    }
    return nearest.node();
  }

  /// Links `node` on all its levels, searching from `start`, a node of the level above the highest
  /// (or the entry). REQUIRES: it is not linked yet, and not the entry.
  void Insert(uint32_t node, uint32_t start);

 private:
  struct Chosen {
    std::vector<Candidate> links;
    size_t spread = 0;  // so many, the first ones, are spread (LinkDraft)
  };

  void Begin(uint32_t node);
  Candidate ScoreOne(uint32_t node);
  Candidate Walk(Candidate nearest, uint32_t level);
  void Search(Candidate start, uint32_t level);
  std::span<const uint32_t> TakeNew(uint32_t node, uint32_t level, size_t at);
  void Score(std::span<const uint32_t> batch);
  void FillUp(std::vector<Candidate>& links) const;
  void Connect(uint32_t node, uint32_t level, const Chosen& chosen);

  const BuildMatrix& matrix_;
  LinkDraft& draft_;
  const uint32_t entry_;
  const uint32_t ef_;
  const float* query_ = nullptr;
  uint32_t salt_ = 0;  // TieSalt of the node
  LinkChoice choice_;
  VisitedSet visited_;
  CandidatePool pool_;
  std::vector<uint32_t> batch_, coming_;
  std::vector<float> distances_;
  std::vector<Candidate> found_, all_;
  std::vector<Chosen> chosen_;  // by level
};

}  // namespace ordinate
