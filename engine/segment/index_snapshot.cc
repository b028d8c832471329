#include "engine/segment/index_snapshot.h"

namespace ordinate {

std::optional<IndexSnapshot::Location> IndexSnapshot::FindSealed(RowId id) const {
  for (const Sealed& part : sealed) {
    const int64_t row = part.segment->view().FindRow(id);
    if (row < 0 || part.masked.Test(static_cast<uint32_t>(row))) continue;
    return Location{&part, static_cast<uint32_t>(row), nullptr};
  }
  return std::nullopt;
}

}  // namespace ordinate
