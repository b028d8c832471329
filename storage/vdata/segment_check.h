#pragma once

#include "absl/status/status.h"
#include "storage/vdata/segment_file.h"

// What a segment's content must be, checked alike before it is written and when it is opened. All
// return INVALID_ARGUMENT naming the section and the culprit.

namespace ordinate::vdata {

/// The scalars, and the columns' ids and types: everything that decides which sections there are
/// and how large. Looks at no span. The later checks require it.
absl::Status CheckShape(const SegmentView& view);

/// node_rows, row_ids, by_row_id, inverse_norms and the graph: no index in them leads outside its
/// span, or to a level that a node does not have. REQUIRES: spans of the sizes VisitSections names.
absl::Status CheckRows(const SegmentView& view);
absl::Status CheckGraph(const SegmentView& view);
absl::Status CheckColumns(const SegmentView& view);
/// Every float of the codes' centre finite.
absl::Status CheckCentre(const SegmentView& view);

/// Every float finite, padding zero.
absl::Status CheckVectors(const SegmentView& view);

/// The padding of the codes zero; any code will do.
absl::Status CheckCodes(const SegmentView& view);

}  // namespace ordinate::vdata
