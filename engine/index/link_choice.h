#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/build_matrix.h"
#include "engine/search/candidate.h"

namespace ordinate {

/// Chooses the links of a node: of candidates from near to far, each that is nearer to the node
/// than to those chosen before it (Malkov and Yashunin, "Efficient and robust approximate nearest
/// neighbor search using Hierarchical Navigable Small World graphs", algorithm 4). One thread.
class LinkChoice {
 public:
  explicit LinkChoice(const BuildMatrix& matrix) : matrix_(matrix) {}

  /// At most `most` of `sorted`. Those marked as expanded are known to be no nearer to each other
  /// than to the node, and are not compared. Valid until the next call.
  std::span<const Candidate> Choose(std::span<const Candidate> sorted, size_t most);

 private:
  void Refuse(Candidate chosen);

  const BuildMatrix& matrix_;
  std::vector<Candidate> chosen_;
  std::vector<Candidate> left_;  // of the candidates looked at, not yet refused
  std::vector<uint32_t> asked_;  // those of them that are compared
  std::vector<float> distances_;
};

}  // namespace ordinate
