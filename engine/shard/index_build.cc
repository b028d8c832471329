#include "engine/shard/index_build.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/index/segment_builder.h"
#include "engine/shard/build_gate.h"
#include "engine/shard/check_reads.h"
#include "engine/shard/merge_rows.h"
#include "engine/shard/set_aside.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/folder.h"
#include "storage/files/unique_name.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

// Shares of a build's progress: reading a row counts 1, inserting it into the graph, if there is
// one, 9.
constexpr uint64_t kReadUnits = 1;
constexpr uint64_t kInsertUnits = 9;
constexpr uint32_t kReadNodes = 4'096;
// As a build waits at first (delayed_builds.h).
constexpr uint64_t kMakeAgainMillis = 10'000;

/// About what a row takes in the file: its vector, links of level 0, code, id and version. Captured
/// columns come on top.
uint64_t BytesPerRow(const IndexDef& index) {
  const uint64_t links = index.engine == Engine::kHnsw ? 2 * uint64_t{index.m} + 2 : 0;
  const uint64_t code = index.quantization == Quantization::kNone ? 0 : index.dim;
  return sizeof(float) * index.dim + sizeof(uint32_t) * links + code + 32;
}

/// What the part's rows take in a file of the index's options.
uint64_t MergedBytes(const IndexDef& index, const IndexSnapshot::Sealed& part) {
  const uint64_t now = part.segment->file().file_bytes();
  if (part.segment->IsBuiltAs(index)) return now;
  return now + part.segment->view().rows() * BytesPerRow(index);  // with columns of any size
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

/// Checks every block of a file that was just written, and maps its pages, so that no query has to.
absl::Status ReadOnce(const SegmentFile& file, const CallContext& context) {
  const uint32_t nodes = file.view().nodes;
  const bool has_codes = file.view().codes.quantization != Quantization::kNone;
  for (uint32_t first = 0; first < nodes; first += std::min(kReadNodes, nodes - first)) {
    RETURN_IF_ERROR(context.Check());
    const uint32_t last = first + std::min(kReadNodes, nodes - first);
    RETURN_IF_ERROR(file.EnsureVectors(first, last));
    if (has_codes) RETURN_IF_ERROR(file.EnsureCodes(first, last));
  }
  return absl::OkStatus();
}

/// Writes what was collected, and opens it.
absl::StatusOr<std::shared_ptr<const SealedSegment>> FinishSegment(
    const IndexJob& job, const IndexDef& index, std::unique_ptr<SegmentBuilder> builder,
    const CallContext& context, const BuildProgress& progress) {
  SegmentBuildOptions options;
  options.path = Concat(job.directory, "/", NewUuid(), ".vdata");
  options.threads = job.threads;
  options.seed = job.seed;
  absl::StatusOr<BuiltSegment> built =
      builder->Finish(job.graph_builder, options, context, progress);
  if (!built.ok()) {
    RemoveName(options.path).IgnoreError();  // it may have its name, and not be durable
    return OfOutput(built.status());
  }
  builder.reset();
  absl::Status read;
  using SegmentOr = absl::StatusOr<std::shared_ptr<const SealedSegment>>;
  SegmentOr opened = [&]() -> SegmentOr {
    ASSIGN_OR_RETURN(std::unique_ptr<SegmentFile> file, SegmentFile::Open(built->path));
    return SealedSegment::Create(std::move(file), job.table, index);
  }();
  if (opened.ok()) read = ReadOnce((*opened)->file(), context);
  if (opened.ok() && read.ok()) return opened;
  RemoveName(built->path).IgnoreError();
  if (absl::IsCancelled(read)) return read;
  absl::Status status = OfOutput(opened.ok() ? read : opened.status());
  const bool says_when = RetryDelayMillis(status).has_value();
  return says_when ? status : WithRetryDelay(std::move(status), kMakeAgainMillis);
}

/// Rows without vectors need neither graph nor codes.
IndexDef OfRevisions(IndexDef index) {
  index.engine = Engine::kFlat;
  index.quantization = Quantization::kNone;
  return index;
}

Value CellAt(const TailRow& row, uint32_t position) {
  return position < row.cells.size() ? row.cells[position] : Value();
}

/// No version in them is newer.
uint64_t NewestSeq(const std::vector<IndexSnapshot::Sealed>& parts) {
  uint64_t seq = 0;
  for (const IndexSnapshot::Sealed& part : parts) {
    seq = std::max(seq, part.segment->view().seq);
    const SealedSegment* const file = part.revisions == nullptr ? nullptr : part.revisions->file();
    if (file != nullptr) seq = std::max(seq, file->view().seq);
  }
  return seq;
}

/// Room for the inputs' live rows, and `more`.
absl::Status Expect(const std::vector<IndexSnapshot::Sealed>& inputs, size_t more,
                    SegmentBuilder& builder) {
  size_t rows = more, vectors = more;
  for (const IndexSnapshot::Sealed& part : inputs) {
    const SegmentView& view = part.segment->view();
    const uint32_t live = view.rows() - part.masked.count();
    rows += live;
    vectors += std::min(view.nodes, live);
  }
  return builder.Expect(rows, vectors);
}

/// Takes in the inputs' rows, and the graph of the first, to which all others are added: these, and
/// `more` that follow. A graph built with other options than the index has by now is not kept.
absl::Status BeginFrom(const IndexDef& index, const std::vector<IndexSnapshot::Sealed>& inputs,
                       size_t more, const CallContext& context, SegmentBuilder& builder) {
  RETURN_IF_ERROR(Expect(inputs, more, builder));
  if (inputs.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<uint32_t> kept, AddMergedRows(inputs, context, builder));
  RETURN_IF_ERROR(CheckReads(inputs));  // a graph grows from as many nodes as were read
  const SealedSegment& first = *inputs[0].segment;
  if (first.view().engine == Engine::kHnsw && first.IsBuiltAs(index)) {
    builder.GrowFrom(first.view().graph, std::move(kept));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SealedSegment>> SealTail(const IndexJob& job,
                                                              const SealHandle& handle) {
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentBuilder> builder,
                   SegmentBuilder::Create(job.table, job.index,
                                          std::max(handle.shown_seq, NewestSeq(handle.grown))));
  RETURN_IF_ERROR(BeginFrom(job.index, handle.grown, handle.rows.size, handle.context, *builder));
  for (uint32_t slot = 0; slot < handle.rows.size; ++slot) {
    if (!handle.rows.IsLive(slot)) continue;
    const TailRow& row = handle.rows.Row(slot);
    RETURN_IF_ERROR(
        builder->AddKnown({row.id, row.version, BuilderClass(row.row_class), row.vector},
                          [&](uint32_t position) { return CellAt(row, position); }));
  }
  return FinishSegment(job, job.index, std::move(builder), handle.context, nullptr);
}

/// Null when no row is revised.
absl::StatusOr<std::shared_ptr<const SealedSegment>> SealRevisions(const IndexJob& job,
                                                                   const SealHandle& handle) {
  const IndexDef index = OfRevisions(job.index);
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentBuilder> builder,
                   SegmentBuilder::Create(job.table, index, handle.shown_seq));
  absl::Status status;
  for (const IndexSnapshot::Sealed& part : handle.revised) {
    RETURN_IF_ERROR(handle.context.Check());
    part.revised.ForEach(0, part.segment->view().rows(), [&](uint32_t row, uint32_t slot) {
      if (!status.ok() || part.masked.Test(row)) return;
      const RevisedRows::View& cells = *part.revisions;
      status =
          builder->AddKnown({cells.Id(slot), cells.Version(slot), SegmentBuilder::RowClass::kNull},
                            [&](uint32_t position) { return Own(cells.Cell(slot, position)); });
    });
    RETURN_IF_ERROR(status);
  }
  if (builder->rows() == 0) return nullptr;
  return FinishSegment(job, index, std::move(builder), handle.context, nullptr);
}

}  // namespace

absl::Status OfOutput(const absl::Status& status) {
  const bool of_disk = absl::IsDataLoss(status) || absl::IsResourceExhausted(status) ||
                       absl::IsPermissionDenied(status) || absl::IsInternal(status);
  if (!of_disk || RetryDelayMillis(status).has_value()) return status;
  return WithRetryDelay(
      absl::UnavailableError(Concat("a new index file could not be written or read back, and is "
                                    "made again: ",
                                    status.message())),
      kMakeAgainMillis);
}

absl::StatusOr<SealedFiles> RunSeal(const IndexJob& job, const SealHandle& handle) {
  RETURN_IF_ERROR(handle.context.Check());
  uint64_t revised = 0;
  for (const IndexSnapshot::Sealed& part : handle.revised) revised += part.revised.count();
  // Of vectors, links and columns, roughly.
  const uint64_t row_bytes = 2 * sizeof(float) * uint64_t{job.index.dim} + 1'024;
  const uint64_t cells_bytes = 512;
  uint64_t bytes = handle.rows.size * row_bytes + revised * cells_bytes;
  for (const IndexSnapshot::Sealed& part : handle.grown) bytes += MergedBytes(job.index, part);
  ASSIGN_OR_RETURN(const DiskBooking booking,
                   job.reserve->Book(Concat("seal in ", job.directory), bytes));
  SealedFiles files;
  if (handle.rows.size > 0) {
    ASSIGN_OR_RETURN(files.segment, SealTail(job, handle));
  }
  if (!handle.revises) return files;
  auto revisions = SealRevisions(job, handle);
  if (!revisions.ok()) {
    if (files.segment != nullptr) RemoveName(files.segment->file().path()).IgnoreError();
    return revisions.status();
  }
  files.revisions = *std::move(revisions);
  return files;
}

absl::StatusOr<std::shared_ptr<const SealedSegment>> RunMerge(const IndexJob& job,
                                                              const MergeHandle& handle) {
  RETURN_IF_ERROR(handle.context.Check());
  uint64_t bytes = 0;
  for (const IndexSnapshot::Sealed& part : handle.inputs) {
    bytes += MergedBytes(job.index, part);
  }
  ASSIGN_OR_RETURN(const DiskBooking booking,
                   job.reserve->Book(Concat("merge in ", job.directory), bytes));
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentBuilder> builder,
                   SegmentBuilder::Create(job.table, job.index, NewestSeq(handle.inputs)));
  RETURN_IF_ERROR(BeginFrom(job.index, handle.inputs, 0, handle.context, *builder));
  return FinishSegment(job, job.index, std::move(builder), handle.context, nullptr);
}

absl::StatusOr<IndexBuildResult> RunIndexBuild(IndexBuildInput& input) {
  const int64_t started = input.clock->MonotonicNanos();
  BuildHandle& handle = *input.handle;
  handle.started_nanos = started;
  ASSIGN_OR_RETURN(const uint64_t rows, input.rows->CountRows(input.view.get(), input.table.id));
  const bool inserts = input.index.engine == Engine::kHnsw;
  handle.rows_total = rows * (kReadUnits + (inserts ? kInsertUnits : 0));
  // What is there has columns, too.
  const uint64_t bytes = std::max(rows * BytesPerRow(input.index), input.live_bytes);
  ASSIGN_OR_RETURN(const DiskBooking booking,
                   input.reserve->Book(Concat("build in ", input.directory), bytes));
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentBuilder> builder,
                   SegmentBuilder::Create(input.table, input.index, handle.seq));
  RETURN_IF_ERROR(CollectRows(input, *builder));
  input.view.reset();  // it keeps old versions from being collected

  const uint64_t read = handle.rows_done;
  IndexBuildResult result;
  ASSIGN_OR_RETURN(result.segment,
                   FinishSegment(input, input.index, std::move(builder), handle.context,
                                 [&](uint32_t done, uint32_t total) {
                                   handle.rows_total = read + total * kInsertUnits;
                                   handle.rows_done = read + done * kInsertUnits;
                                 }));
  if (input.gate.has_value()) {
    const absl::Status passed = CheckGate(*input.gate, input.index, result.segment, input.seed,
                                          *input.clock, handle.context);
    if (!passed.ok()) {
      RemoveName(result.segment->file().path()).IgnoreError();
      return OfOutput(passed);
    }
  }
  result.build_time_ms =
      static_cast<uint64_t>((input.clock->MonotonicNanos() - started) / 1'000'000);
  return result;
}

namespace {

IndexManifest::Segment EntryOf(const SegmentFile& file) {
  return {std::filesystem::path(file.path()).filename().string(), file.file_bytes(),
          file.checksum()};
}

}  // namespace

IndexManifest ManifestOf(const IndexGeneration& generation, const IndexDef& index,
                         RowIdFlavour flavour) {
  IndexManifest manifest;
  manifest.definition = index;
  manifest.flavour = flavour;
  manifest.generation = generation.number;
  manifest.seq = generation.seq;
  manifest.build_time_ms = generation.build_time_ms;
  if (generation.revisions.file() != nullptr) {
    manifest.revisions = EntryOf(generation.revisions.file()->file());
  }
  for (const IndexPart& part : generation.parts) {
    IndexManifest::Segment& entry = manifest.segments.emplace_back(EntryOf(part.segment->file()));
    if (part.masked.count() == 0) continue;
    entry.gone.reserve(part.masked.count());
    for (uint32_t row = 0; row < part.segment->view().rows(); ++row) {
      if (part.masked.Test(row)) entry.gone.push_back(row);
    }
  }
  return manifest;
}

namespace {

absl::StatusOr<std::shared_ptr<const SealedSegment>> OpenListed(const std::string& directory,
                                                                const IndexManifest::Segment& entry,
                                                                const TableDef& table,
                                                                const IndexDef& index,
                                                                bool every_byte) {
  const std::string path = Concat(directory, "/", entry.file);
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentFile> file, SegmentFile::Open(path));
  if (file->checksum() != entry.checksum || file->file_bytes() != entry.bytes) {
    return absl::DataLossError(Concat("segment file ", path, " is not the one its manifest lists"));
  }
  if (!entry.gone.empty() && entry.gone.back() >= file->view().rows()) {
    return absl::DataLossError(Concat("the manifest of segment file ", path, " masks row ",
                                      entry.gone.back(), "; it has ", file->view().rows()));
  }
  if (every_byte) RETURN_IF_ERROR(file->Verify());
  return SealedSegment::Create(std::move(file), table, index);
}

// What `built` becomes when the index's options are altered. Files of another structure answer
// until a build has made others.
IndexDef WithOptionsOf(const IndexDef& index, IndexDef built) {
  built.ef_search = index.ef_search;
  built.mode = index.mode;
  built.dim_policy = index.dim_policy;
  built.batch_rows = index.batch_rows;
  built.batch_interval_micros = index.batch_interval_micros;
  built.max_lag_rows = index.max_lag_rows;
  built.rebuild_interval_micros = index.rebuild_interval_micros;
  TakeStructure(index, built);
  return built;
}

/// Whether the error is about what is in the file: damage, or the format of another version.
bool IsOfContent(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
}

}  // namespace

FoundIndex OpenIndexFiles(const std::string& directory, const TableDef& table,
                          const IndexDef& index, uint64_t oldest_seq, uint64_t newest_seq,
                          bool every_byte) {
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
    found.status =
        absl::DataLossError(Concat(manifest.status().message(), GiveUpFolder(directory, "")));
    return found;
  }
  found.manifest = *std::move(manifest);
  if (!(WithOptionsOf(index, found.manifest.definition) == index)) {
    found.status = absl::DataLossError(Concat("index manifest '", manifest_path,
                                              "' is of another index than '", index.name, "'",
                                              GiveUpFolder(directory, "")));
    return found;
  }
  if (found.manifest.seq < oldest_seq) {
    found.status = absl::DataLossError(Concat(
        "index manifest '", manifest_path, "' is of sequence ", found.manifest.seq,
        ", and changes up to ", oldest_seq, " were not noted for it", GiveUpFolder(directory, "")));
    return found;
  }
  if (found.manifest.seq > newest_seq) {
    found.status = absl::DataLossError(
        Concat("index manifest '", manifest_path, "' is of sequence ", found.manifest.seq,
               ", newer than the rows, which end at ", newest_seq, GiveUpFolder(directory, "")));
    return found;
  }
  RemoveLeftovers(directory, &found.manifest);
  if (found.manifest.segments.empty()) {
    found.status = absl::NotFoundError("the generation was given up");
    return found;
  }
  const auto open = [&](const IndexManifest::Segment& entry, const IndexDef& as) {
    auto segment = OpenListed(directory, entry, table, as, every_byte);
    if (segment.ok() && (*segment)->view().seq > newest_seq) {
      segment = absl::DataLossError(Concat("segment file ", directory, "/", entry.file,
                                           " is of sequence ", (*segment)->view().seq,
                                           ", newer than the rows, which end at ", newest_seq));
    }
    if (segment.ok()) return *std::move(segment);
    found.status = segment.status();
    // A segment that is listed but missing is damage.
    if (IsOfContent(segment.status()) || absl::IsNotFound(segment.status())) {
      found.status = absl::DataLossError(
          Concat(segment.status().message(), GiveUpFolder(directory, entry.file)));
    }
    return std::shared_ptr<const SealedSegment>();
  };
  for (const IndexManifest::Segment& entry : found.manifest.segments) {
    auto segment = open(entry, index);
    if (segment == nullptr) return found;
    found.parts.emplace_back(std::move(segment), entry.gone);
  }
  if (found.manifest.revisions.has_value()) {
    found.revisions = open(*found.manifest.revisions, OfRevisions(index));
  }
  return found;
}

}  // namespace ordinate
