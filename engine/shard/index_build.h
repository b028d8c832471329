#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/index/graph_builder.h"
#include "engine/segment/sealed_segment.h"
#include "engine/shard/disk_reserve.h"
#include "engine/shard/shard_index.h"
#include "storage/rows/row_store.h"
#include "storage/vdata/index_manifest.h"

namespace ordinate {

/// What every job that makes a segment needs; everything it borrows outlives it.
struct IndexJob {
  TableDef table;
  IndexDef index;
  std::string directory;
  const GraphBuilder* graph_builder = nullptr;  // may be null for FLAT
  uint32_t threads = 1;
  uint64_t seed = 0;
  const Clock* clock = nullptr;
  const DiskReserve* reserve = nullptr;
  uint64_t live_bytes = 0;  // of the index's files
};

struct IndexBuildInput : IndexJob {
  std::optional<RebuildGate> gate;
  std::shared_ptr<BuildHandle> handle;
  std::shared_ptr<const RowStore::View> view;  // taken at handle->seq; released once read
  const RowStore* rows = nullptr;
};

struct IndexBuildResult {
  std::shared_ptr<const SealedSegment> segment;
  uint64_t build_time_ms = 0;
};

/// What is said when a file being made cannot be written, or read back: UNAVAILABLE with a time to
/// try again instead of DATA_LOSS, as nothing is lost, and instead of other errors of the disk that
/// name no time. Every other status is as it was.
absl::Status OfOutput(const absl::Status& status);

/// Builds one segment of all rows as of handle->seq, writes it, and opens it again. Runs on a build
/// thread. Errors: CANCELLED; FAILED_PRECONDITION naming a row of the wrong dim;
/// RESOURCE_EXHAUSTED: the file would not leave the reserve of the disk whole, beside those of jobs
/// at work; UNAVAILABLE as OfOutput; what the gate and the disk say.
absl::StatusOr<IndexBuildResult> RunIndexBuild(IndexBuildInput& input);

/// A segment of the handle's part of the tail, and of the segment that grows by it if there is one;
/// and a file of its revised rows if some are in none. CANCELLED; RESOURCE_EXHAUSTED: the disk has
/// too little room; UNAVAILABLE as OfOutput; DATA_LOSS: a file of the handle's is damaged; what the
/// disk says.
absl::StatusOr<SealedFiles> RunSeal(const IndexJob& job, const SealHandle& handle);

/// One segment of the handle's, without the rows that are masked. Its graph is that of the first,
/// into which the others' nodes are inserted. Reads their files alone. As RunSeal; DATA_LOSS: a
/// file of the handle's is damaged.
absl::StatusOr<std::shared_ptr<const SealedSegment>> RunMerge(const IndexJob& job,
                                                              const MergeHandle& handle);

/// The manifest of what a switch makes of an index.
IndexManifest ManifestOf(const IndexGeneration& generation, const IndexDef& index,
                         RowIdFlavour flavour);

/// An index's files as found at start.
struct FoundIndex {
  /// NOT_FOUND: there is no manifest. DATA_LOSS: the files are of no use; they were given up as by
  /// GiveUpFolder, and the message says so. Any other error says why they cannot be opened now,
  /// nothing of their content: they stay as they are.
  absl::Status status;
  IndexManifest manifest;  // also one that was set aside, now or earlier, if it could be read
  std::vector<IndexPart> parts;
  std::shared_ptr<const SealedSegment> revisions;  // null: none
};

/// Opens the files of an index, whose options may have changed since they were written. Removes
/// leftovers that no manifest names. Files newer than `newest_seq`, the last durable write, are of
/// no use: the rows were put back to an earlier time; nor are those older than `oldest_seq`, after
/// which the change list is complete: they were given up while the disk failed, and are still
/// there. With `every_byte` also vectors and codes are checked now.
FoundIndex OpenIndexFiles(const std::string& directory, const TableDef& table,
                          const IndexDef& index, uint64_t oldest_seq, uint64_t newest_seq,
                          bool every_byte);

}  // namespace ordinate
