#pragma once

#include "absl/status/status.h"
#include "engine/segment/sealed_segment.h"
#include "storage/base/status_macros.h"

namespace ordinate {

/// DATA_LOSS naming the first file of `parts` (of a snapshot, a merge, a generation) a page of
/// which could not be read: what was read of it, found or computed may be of zeros. To be asked
/// after the last read and before what came of it is believed; once lost, a file stays so.
template <typename Parts>
absl::Status CheckReads(const Parts& parts) {
  for (const auto& part : parts) RETURN_IF_ERROR(part.segment->file().CheckReads());
  return absl::OkStatus();
}

}  // namespace ordinate
