#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "engine/segment/index_snapshot.h"
#include "engine/shard/shard_index.h"
#include "storage/base/status_macros.h"

namespace ordinate {

/// DATA_LOSS naming the first file, of a snapshot or a merge, a page of which could not be read:
/// what was read of it, found or computed may be of zeros. To be asked after the last read and
/// before what came of it is believed; once lost, a file stays so.
inline absl::Status CheckReads(std::span<const IndexSnapshot::Sealed> parts) {
  for (const IndexSnapshot::Sealed& part : parts) {
    RETURN_IF_ERROR(part.segment->file().CheckReads());
    const SealedSegment* const file = part.revisions == nullptr ? nullptr : part.revisions->file();
    if (file != nullptr) RETURN_IF_ERROR(file->file().CheckReads());
  }
  return absl::OkStatus();
}

/// The same of files.
inline absl::Status CheckReads(const std::vector<std::shared_ptr<const SealedSegment>>& files) {
  for (const auto& file : files) RETURN_IF_ERROR(file->file().CheckReads());
  return absl::OkStatus();
}

/// The same of a generation.
inline absl::Status CheckReads(const IndexGeneration& generation) {
  for (const IndexPart& part : generation.parts) {
    RETURN_IF_ERROR(part.segment->file().CheckReads());
  }
  const auto& revisions = generation.revisions.file();
  return revisions == nullptr ? absl::OkStatus() : revisions->file().CheckReads();
}

}  // namespace ordinate
