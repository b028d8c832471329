#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/segment/revised_rows.h"
#include "engine/segment/row_slots.h"
#include "engine/segment/sealed_segment.h"
#include "engine/segment/tail.h"
#include "engine/segment/tombstones.h"

namespace ordinate {

/// An index of one shard at one moment: what a reader takes once and then reads without a lock.
/// Immutable.
struct IndexSnapshot {
  struct Sealed {
    std::shared_ptr<const SealedSegment> segment;
    Tombstones masked;  // rows that are not shown: gone, or in a version held elsewhere
    RowSlots revised;   // rows that are shown with the cells of a slot of `revisions`
    std::shared_ptr<const RevisedRows::View> revisions = nullptr;  // null: `revised` is empty
  };

  IndexDef definition;
  uint64_t generation = 0;
  uint64_t seq = 0;  // shows the upserts up to here, at least
  std::vector<Sealed> sealed;
  Tail::View tail;
  uint64_t live_vector_rows = 0;
  uint64_t live_tail_rows = 0;
  /// Rows whose newest version is later than this are in no segment and not in the tail; a reader
  /// gets them from the rows. Unset: there are none.
  std::optional<uint64_t> unfed_after;

  /// Where a live row's version is held; nullopt when it is not in the index.
  struct Location {
    const Sealed* sealed = nullptr;  // null: `tail_row`
    uint32_t row = 0;
    const TailRow* tail_row = nullptr;
  };
  std::optional<Location> FindSealed(RowId id) const;
};

}  // namespace ordinate
