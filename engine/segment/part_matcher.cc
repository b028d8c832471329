#include "engine/segment/part_matcher.h"

namespace ordinate {

PartMatcher::PartMatcher(const Filter& filter, const IndexSnapshot::Sealed& part)
    : filter_(filter), part_(part), as_sealed_(filter, *part.segment) {
  if (part.revised.count() == 0 || part.revisions->file() == nullptr) return;
  of_file_.emplace(filter, *part.revisions->file());
}

bool PartMatcher::MatchesRevised(uint32_t slot) const {
  if (part_.revisions->IsSealed(slot)) return of_file_->Matches(slot);
  TailCells cells;
  cells.MoveTo(part_.revisions->InMemory(slot));
  return ordinate::Matches(filter_, cells);
}

void PartMatcher::MatchBlock(uint32_t first, uint32_t last, MatchedRows& matched) const {
  as_sealed_.MatchBlock(first, last, matched);
  part_.revised.ForEach(
      first, last, [&](uint32_t row, uint32_t slot) { matched.Set(row, MatchesRevised(slot)); });
}

}  // namespace ordinate
