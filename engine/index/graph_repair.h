#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/build_matrix.h"
#include "engine/index/graph_builder.h"
#include "engine/index/link_choice.h"
#include "engine/index/link_draft.h"

namespace ordinate {

/// Takes nodes of a finished graph over into a draft, without those that are left out. A node that
/// loses links is offered, in their place, what the nodes they led to were linked to, and keeps the
/// others while there is room. One thread; several may work on one draft. What it borrows outlives
/// it.
class GraphRepair {
 public:
  /// `number`: by node of `old`, its number in `matrix` and `draft`, or kLeftOut.
  static constexpr uint32_t kLeftOut = UINT32_MAX;
  GraphRepair(const GraphView& old, std::span<const uint32_t> number, const BuildMatrix& matrix,
              LinkDraft& draft);

  /// Sets all links of the node, `old_node` of the finished graph.
  void TakeOver(uint32_t old_node);

 private:
  std::span<const uint32_t> OldLinks(uint32_t old_node, uint32_t level) const;
  /// Puts what the links lead to, without those left out, into `found_`; of these, their links, so
  /// many steps far.
  void Collect(uint32_t self, uint32_t old_node, uint32_t level, int steps);
  /// From `found_` and `stay_`, `sorted_` and `staying_`.
  void Measure(uint32_t node);
  size_t ChooseLinks(uint32_t level);

  const GraphView& old_;
  const std::span<const uint32_t> number_;
  const BuildMatrix& matrix_;
  LinkDraft& draft_;
  LinkChoice choice_;
  bool lost_ = false;                   // a link of the node leads to one that is left out
  std::vector<uint32_t> found_, stay_;  // ascending: what may be linked to, and of that what is
  std::vector<float> distances_;
  std::vector<Candidate> sorted_, staying_, links_;
};

}  // namespace ordinate
