#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "engine/segment/index_snapshot.h"
#include "engine/shard/shard_client.h"
#include "storage/base/clock.h"
#include "storage/base/context.h"
#include "storage/model/schema.h"
#include "storage/rows/row_store.h"

namespace ordinate {

/// A running build, shared by the applier, the build's thread and status readers.
struct BuildHandle {
  uint64_t number = 0;  // of this index, to tell a finished build from a later one
  uint64_t seq = 0;     // the rows it builds from
  int64_t started_nanos = 0;
  CallContext context;  // cancelled when the index is dropped or the shard closes
  std::atomic<uint64_t> rows_done{0};
  std::atomic<uint64_t> rows_total{0};
};

/// What status readers and queries get of an index: immutable but for the build's progress.
struct PublishedIndex {
  IndexDef definition;
  std::shared_ptr<const IndexSnapshot> snapshot;  // null: no generation answers yet
  std::string problem;                            // why not
  ShardIndexStatus status;    // all but rows_total, rows_pending, lag and progress
  uint64_t covered_rows = 0;  // live rows whose newest version the index has, of every class
  int64_t oldest_pending_micros = 0;
  std::shared_ptr<const BuildHandle> build;  // null: none is running
};

/// An index of one shard as its applier thread keeps it: sealed segments, tail, what is masked,
/// and the build in progress. Not thread-safe; readers use what Publish() returns.
class ShardIndex {
 public:
  /// `column_position` of the vector column in `table`.
  ShardIndex(const TableDef& table, const IndexDef& definition, std::string directory,
             const Clock& clock);

  const IndexDef& definition() const { return definition_; }
  uint32_t column_position() const { return column_position_; }
  const std::string& directory() const { return directory_; }
  std::string manifest_path() const;

  /// The first build makes the generation after `generation`.
  void StartAfter(uint64_t generation) { generation_ = generation; }

  /// Takes over a generation: after a build, or from files found at start. Rows changed since the
  /// build began are masked, and stay in the tail. Replaces what there was.
  void Switch(std::vector<std::shared_ptr<const SealedSegment>> segments, uint64_t seq,
              uint64_t generation, uint64_t build_time_ms);

  /// Gives up `generation`, whose files are damaged; nothing answers until the next build, which
  /// makes the generation after it.
  void Abandon(std::string why, uint64_t generation);

  /// The table has other columns at its end from here on. What is sealed or in the tail by now
  /// reads NULL in new ones, as its rows do.
  void SetTable(const TableDef& table) { table_ = table; }

  /// Applies a row's new version, written at `time_micros`, in sequence order. `cells` as the table
  /// has them.
  void Upsert(RowId id, uint64_t version, int64_t time_micros, const std::vector<Value>& cells);
  void Delete(RowId id);

  /// A build from the rows as of `seq` begins. REQUIRES: none is running.
  std::shared_ptr<BuildHandle> BeginBuild(uint64_t seq);
  /// The build ended without a generation; the live one stays.
  void FailBuild(const absl::Status& status);
  const std::shared_ptr<BuildHandle>& build() const { return build_; }

  /// Whether the tail is long enough to be sealed: `min_rows`, and a quarter of what is sealed.
  bool WantsSeal(uint64_t min_rows) const;

  bool has_generation() const { return has_generation_; }
  uint64_t generation() const { return generation_; }
  bool immediate() const { return definition_.mode == FreshnessMode::kImmediate; }

  /// Whether changes after PersistedSeq() are caught up from the change list. Otherwise the next
  /// build reads the rows.
  bool NeedsChanges() const { return has_generation_ || build_ != nullptr; }
  /// Changes up to here are in this index's files, or will be read again from the rows.
  uint64_t PersistedSeq(uint64_t applied) const;
  /// Adds the sequences at which this index still reads older versions.
  void AddPins(std::vector<uint64_t>& pinned) const;

  /// What readers get now. Cheap when nothing has changed since the last call.
  const PublishedIndex& Publish();

 private:
  struct Part {
    std::shared_ptr<const SealedSegment> segment;
    Tombstones masked;                // not shown any more
    Tombstones superseded;            // masked, or shown in an older version than the newest
    uint64_t shown[3] = {0, 0, 0};    // rows not masked, by RowClass
    uint64_t current[3] = {0, 0, 0};  // rows not superseded, by RowClass
  };

  void MaskSealed(RowId id);
  void SupersedeSealed(RowId id);
  /// What the status says: of the last build, then of damage.
  std::string LastError() const;
  void FillState(ShardIndexStatus& status) const;
  PublishedIndex MakePublished();

  TableDef table_;
  const IndexDef definition_;
  const std::string directory_;
  const Clock& clock_;
  const uint32_t column_position_;

  bool has_generation_ = false;
  uint64_t generation_ = 0;
  uint64_t seq_ = 0;  // the sealed segments' rows
  uint64_t build_time_ms_ = 0;
  std::vector<Part> parts_;
  Tail tail_;

  uint64_t builds_begun_ = 0;
  std::shared_ptr<BuildHandle> build_;
  absl::flat_hash_set<RowId> upserted_since_build_;
  absl::flat_hash_set<RowId> deleted_since_build_;
  int64_t first_change_since_build_micros_ = 0;

  int64_t oldest_pending_micros_ = 0;  // lagging modes; 0: nothing is pending
  uint64_t retry_seal_at_ = 0;         // tail slots, after a failed build
  std::string build_error_;            // of the last build, if it failed
  std::string damage_;                 // until the first build after its repair
  bool abandoned_ = false;             // the next build repairs the damage

  bool changed_ = true;  // since published_ was made
  PublishedIndex published_;
};

/// Completes what the applier published with what changes between publications.
/// `rows_total`: live rows of the table at the same snapshot.
ShardIndexStatus CompleteStatus(const PublishedIndex& index, uint64_t rows_total,
                                uint64_t shard_seq, const Clock& clock);

}  // namespace ordinate
