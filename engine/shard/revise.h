#pragma once

#include <memory>

#include "engine/shard/shard_index.h"

namespace ordinate {

/// Lets each row of the parts be shown in the version that the file of `revisions` has of it, if
/// that is newer.
void AttachRevisions(const RevisedRows& revisions, std::vector<IndexPart>& parts);

/// The revised rows of a part that are shown as the file has them.
RowSlots InFile(const IndexSnapshot::Sealed& part);

/// What was revised and shown when `file` was begun is in it from here on; the rest stays in
/// memory. Null: nothing was.
void MoveToFile(const std::shared_ptr<const SealedSegment>& file, IndexGeneration& next);

/// `merged` holds the rows of `from` that were shown when the merge began, as the files had them.
/// What is newer stays revised there.
void TakeRevisions(const IndexPart& from, const RevisedRows& revisions, IndexPart& merged);

/// A file that no row is shown from any more is not part of the generation.
void DropUnusedRevisions(IndexGeneration& next);

}  // namespace ordinate
