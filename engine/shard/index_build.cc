#include "engine/shard/index_build.h"

#include <utility>

#include "engine/index/segment_builder.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/folder.h"
#include "storage/files/unique_name.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

// Shares of a build's progress: reading a row counts 1, inserting it into the graph 9.
constexpr uint64_t kReadUnits = 1;
constexpr uint64_t kInsertUnits = 9;
constexpr std::string_view kAside = ".damaged";

/// About what a row takes in the file: its vector, links of level 0, code, id and version. Captured
/// columns come on top.
uint64_t BytesPerRow(const IndexDef& index) {
  const uint64_t links = index.engine == Engine::kHnsw ? 2 * uint64_t{index.m} + 2 : 0;
  const uint64_t code = index.quantization == Quantization::kNone ? 0 : index.dim;
  return sizeof(float) * index.dim + sizeof(uint32_t) * links + code + 32;
}

absl::Status CollectRows(const IndexBuildInput& input, SegmentBuilder& builder) {
  return input.rows->Scan(input.view.get(), input.table.id, 0, input.handle->seq,
                          [&](StoredRow&& stored) -> absl::StatusOr<bool> {
                            if (builder.rows() % 256 == 0)
                              RETURN_IF_ERROR(input.handle->context.Check());
                            Row row;
                            row.id = stored.id;
                            row.version = stored.version;
                            ASSIGN_OR_RETURN(row.cells, DecodeCells(input.table, stored.cells));
                            RETURN_IF_ERROR(builder.Add(row));
                            input.handle->rows_done += kReadUnits;
                            return true;
                          });
}

}  // namespace

absl::StatusOr<IndexBuildResult> RunIndexBuild(IndexBuildInput& input) {
  const int64_t started = input.clock->MonotonicNanos();
  BuildHandle& handle = *input.handle;
  ASSIGN_OR_RETURN(const uint64_t rows, input.rows->CountRows(input.view.get(), input.table.id));
  handle.rows_total = rows * (kReadUnits + kInsertUnits);
  RETURN_IF_ERROR(input.reserve->Check(rows * BytesPerRow(input.index)));
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentBuilder> builder,
                   SegmentBuilder::Create(input.table, input.index, handle.seq));
  RETURN_IF_ERROR(CollectRows(input, *builder));
  input.view.reset();  // it keeps old versions from being collected

  SegmentBuildOptions options;
  const std::string name = Concat(NewUuid(), ".vdata");
  options.path = Concat(input.directory, "/", name);
  options.threads = input.threads;
  options.seed = input.seed;
  const uint64_t read = handle.rows_done;
  ASSIGN_OR_RETURN(const BuiltSegment built,
                   builder->Finish(input.graph_builder, options, handle.context,
                                   [&](uint32_t done, uint32_t total) {
                                     handle.rows_total = read + total * kInsertUnits;
                                     handle.rows_done = read + done * kInsertUnits;
                                   }));
  builder.reset();
  IndexBuildResult result;
  result.entry = {name, built.file_bytes, built.checksum};
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentFile> file, SegmentFile::Open(built.path));
  ASSIGN_OR_RETURN(result.segment,
                   SealedSegment::Create(std::move(file), input.table, input.index));
  result.build_time_ms =
      static_cast<uint64_t>((input.clock->MonotonicNanos() - started) / 1'000'000);
  return result;
}

namespace {

absl::StatusOr<std::shared_ptr<const SealedSegment>> OpenListed(const std::string& directory,
                                                                const IndexManifest::Segment& entry,
                                                                const TableDef& table,
                                                                const IndexDef& index) {
  const std::string path = Concat(directory, "/", entry.file);
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentFile> file, SegmentFile::Open(path));
  if (file->checksum() != entry.checksum || file->file_bytes() != entry.bytes) {
    return absl::DataLossError(Concat("segment file ", path, " is not the one its manifest lists"));
  }
  return SealedSegment::Create(std::move(file), table, index);
}

void RemoveLeftovers(const std::string& directory, const IndexManifest* manifest) {
  const absl::StatusOr<std::vector<std::string>> names = ListFolder(directory);
  if (!names.ok()) return;  // a later start removes them
  for (const std::string& name : *names) {
    bool listed = name.ends_with(kAside);
    if (manifest != nullptr) {
      listed |= name == "index.vindex";
      for (const auto& segment : manifest->segments) listed |= segment.file == name;
    }
    if (!listed) RemoveName(Concat(directory, "/", name)).IgnoreError();
  }
}

// What `built` becomes when `index` changes its options without a rebuild.
IndexDef WithOptionsOf(const IndexDef& index, IndexDef built) {
  built.ef_search = index.ef_search;
  built.mode = index.mode;
  built.dim_policy = index.dim_policy;
  built.batch_rows = index.batch_rows;
  built.batch_interval_micros = index.batch_interval_micros;
  built.max_lag_rows = index.max_lag_rows;
  return built;
}

// Makes the manifest, of the same index with other options, one of `index`. Rows changed since an
// IMMEDIATE index was built are kept in their newest versions only, so that a mode which shows the
// older ones gives the generation up: no segments stay.
absl::Status TakeOver(const std::string& manifest_path, const IndexDef& index, uint64_t newest_seq,
                      IndexManifest& manifest) {
  const bool was_immediate = manifest.definition.mode == FreshnessMode::kImmediate;
  const bool gone =
      was_immediate && index.mode != FreshnessMode::kImmediate && manifest.seq < newest_seq;
  manifest.definition = index;
  if (gone) manifest.segments.clear();
  return WriteIndexManifest(manifest_path, manifest);
}

/// Whether the error is about what is in the file: damage, or the format of another version.
bool IsOfContent(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

}  // namespace

std::string SetAside(const std::string& path) {
  absl::Status moved = RenameFile(path, Concat(path, kAside));
  if (moved.ok()) moved = SyncFolder(FolderOf(path));
  return moved.ok() ? Concat("was set aside as ", path, kAside)
                    : Concat("could not be set aside (", moved.message(), ")");
}

FoundIndex OpenIndexFiles(const std::string& directory, const TableDef& table,
                          const IndexDef& index, uint64_t oldest_seq, uint64_t newest_seq) {
  FoundIndex found;
  const std::string manifest_path = Concat(directory, "/index.vindex");
  absl::StatusOr<IndexManifest> manifest = ReadIndexManifest(manifest_path);
  if (absl::IsNotFound(manifest.status())) {
    RemoveLeftovers(directory, nullptr);
    auto aside = ReadIndexManifest(Concat(manifest_path, kAside));
    if (aside.ok()) found.manifest = *std::move(aside);
    found.status = manifest.status();
    return found;
  }
  if (!manifest.ok() && !IsOfContent(manifest.status())) {
    found.status = manifest.status();
    return found;
  }
  if (!manifest.ok()) {
    found.status = absl::DataLossError(
        Concat(manifest.status().message(), "; the file ", SetAside(manifest_path)));
    return found;
  }
  found.manifest = *std::move(manifest);
  if (!(WithOptionsOf(index, found.manifest.definition) == index)) {
    found.status = absl::DataLossError(Concat("index manifest '", manifest_path,
                                              "' is of another index than '", index.name,
                                              "'; the file ", SetAside(manifest_path)));
    return found;
  }
  if (found.manifest.seq < oldest_seq) {
    found.status =
        absl::DataLossError(Concat("index manifest '", manifest_path, "' is of sequence ",
                                   found.manifest.seq, ", and changes up to ", oldest_seq,
                                   " were not noted for it; the file ", SetAside(manifest_path)));
    return found;
  }
  if (found.manifest.seq > newest_seq) {
    found.status =
        absl::DataLossError(Concat("index manifest '", manifest_path, "' is of sequence ",
                                   found.manifest.seq, ", newer than the rows, which end at ",
                                   newest_seq, "; the file ", SetAside(manifest_path)));
    return found;
  }
  if (!(found.manifest.definition == index)) {
    found.status = TakeOver(manifest_path, index, newest_seq, found.manifest);
    if (!found.status.ok()) return found;
  }
  RemoveLeftovers(directory, &found.manifest);
  if (found.manifest.segments.empty()) {
    found.status = absl::NotFoundError("the generation was given up for another mode");
    return found;
  }
  for (const IndexManifest::Segment& entry : found.manifest.segments) {
    auto segment = OpenListed(directory, entry, table, index);
    // A segment that is listed but missing is damage.
    if (!segment.ok() && !IsOfContent(segment.status()) && !absl::IsNotFound(segment.status())) {
      found.status = segment.status();
      return found;
    }
    if (!segment.ok()) {
      const std::string aside = SetAside(Concat(directory, "/", entry.file));
      SetAside(manifest_path);
      found.status = absl::DataLossError(Concat(segment.status().message(), "; the file ", aside));
      return found;
    }
    found.segments.push_back(*std::move(segment));
  }
  return found;
}

}  // namespace ordinate
