#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "engine/segment/index_snapshot.h"
#include "engine/shard/merge_policy.h"
#include "engine/shard/shard_client.h"
#include "storage/base/clock.h"
#include "storage/base/context.h"
#include "storage/model/schema.h"
#include "storage/rows/row_store.h"

namespace ordinate {

/// A running build, shared by the applier, the build's thread and status readers.
struct BuildHandle {
  uint64_t number = 0;              // of this index's jobs, to tell a finished one from a later one
  uint64_t seq = 0;                 // the rows it builds from
  std::optional<RebuildGate> gate;  // of the applier: a build begun again has it, too
  std::atomic<int64_t> started_nanos{0};  // by Clock::MonotonicNanos; 0: it waits for a thread
  CallContext context;  // cancelled when it is given up, the index dropped, or the shard closes
  std::atomic<uint64_t> rows_done{0};   // in shares of the work, each step of a row some of them
  std::atomic<uint64_t> rows_total{0};  // likewise; 0: not known yet
};

/// Files being made of what is shown and in memory alone: a segment of the first slots of the tail,
/// and a file of all revised rows. Immutable but for the context.
struct SealHandle {
  uint64_t number = 0;
  uint64_t seq = 0;  // what is shown up to here
  Tail::View rows;   // the first of those
  /// None, or one: the segment that the rows are added to, which then takes its place. Revised as
  /// far as the files say.
  std::vector<IndexSnapshot::Sealed> grown;
  uint64_t shown_seq = 0;                      // all that is shown, revised rows, too, up to here
  bool leaves_many = false;                    // in the tail, which stays long
  std::vector<IndexSnapshot::Sealed> revised;  // the segments that have revised rows
  bool revises = false;                        // some of those are in no file yet
  CallContext context;
};

/// What a seal makes; null: there was nothing to make it of.
struct SealedFiles {
  std::shared_ptr<const SealedSegment> segment;
  std::shared_ptr<const SealedSegment> revisions;  // rows without vectors: RevisedRows' file
};

/// A segment being made of several, or of one that has lost many rows. Immutable but for the
/// context.
struct MergeHandle {
  uint64_t number = 0;
  uint64_t rows = 0;  // of all inputs
  /// The one with the most rows first. Revised as far as the files say.
  std::vector<IndexSnapshot::Sealed> inputs;
  CallContext context;
};

/// What status readers and queries get of an index: immutable but for the build's progress.
struct PublishedIndex {
  IndexDef definition;
  std::optional<FreshnessMode> next_mode;         // that it goes over to once it is built
  std::shared_ptr<const IndexSnapshot> snapshot;  // null: no generation answers yet
  /// Every write up to the shard's, shown or not; null where `snapshot` shows them all.
  std::shared_ptr<const IndexSnapshot> newest;
  std::string problem;  // why none answers
  /// None answers: the rows do, as of this sequence; unset: the newest.
  std::optional<uint64_t> rows_seq;
  ShardIndexStatus status;  // all but rows_total, lag and progress; rows_pending: not shown
  int64_t oldest_pending_micros = 0;
  std::shared_ptr<const BuildHandle> build;  // null: none is running

  /// Up to which sequence a reader with that policy gets the rows themselves, where the newest are
  /// of `newest_seq`. REQUIRES: no generation answers.
  uint64_t RowsSeq(LagPolicy policy, uint64_t newest_seq) const {
    return policy == LagPolicy::kScanTail ? newest_seq : rows_seq.value_or(newest_seq);
  }
  /// What a reader with that policy gets; null: no generation answers.
  const IndexSnapshot* For(LagPolicy policy) const {
    return policy == LagPolicy::kScanTail && newest != nullptr ? newest.get() : snapshot.get();
  }
};

/// One sealed segment of an index, and what has become of its rows since.
struct IndexPart {
  explicit IndexPart(std::shared_ptr<const SealedSegment> sealed);
  /// `gone`: rows that are masked from the start.
  IndexPart(std::shared_ptr<const SealedSegment> sealed, const std::vector<uint32_t>& gone);

  /// Of a row that is not in the segment, nothing.
  void Mask(RowId id);
  void Supersede(RowId id);
  void MaskRow(uint32_t row);
  void SupersedeRow(uint32_t row);
  /// The newest version of the row, which was superseded but not masked, is in that slot.
  void Revise(uint32_t row, uint32_t slot);
  /// And it is shown at once.
  void ShowRevised(uint32_t row, uint32_t slot);
  /// Masks what is superseded, and shows what was revised.
  void ShowNewest();
  /// Anew, after the slots were changed: what follows from them.
  void CountRevised(const RevisedRows& revisions);
  /// Rows that are shown.
  uint64_t live() const { return shown[0] + shown[1] + shown[2]; }
  /// Whether the newest version is one that is not shown, of a row that is not superseded.
  bool IsUnshown(uint32_t row) const { return revised.Get(row) != revised_newest.Get(row); }

  std::shared_ptr<const SealedSegment> segment;
  uint64_t during_build = 0;        // number of the build that was running when it was sealed
  Tombstones masked;                // not shown any more
  Tombstones superseded;            // masked, or shown in an older version than the newest
  RowSlots revised;                 // slots of the versions that are shown, where not as sealed
  RowSlots revised_newest;          // and of the newest versions
  uint64_t unshown[3] = {0, 0, 0};  // rows of IsUnshown, by RowClass; part of `current`
  uint64_t revised_in_file = 0;     // of the shown, when the slots were last changed
  uint64_t shown[3] = {0, 0, 0};    // rows not masked, by RowClass
  uint64_t current[3] = {0, 0, 0};  // rows not superseded, by RowClass
};

/// What a switch makes of an index: the segments it has from then on.
struct IndexGeneration {
  uint64_t number = 0;
  uint64_t seq = 0;  // changes up to here are in the segments, or masked in them
  uint64_t build_time_ms = 0;
  std::vector<IndexPart> parts;  // the largest first
  RevisedRows revisions = {};
};

/// An index of one shard as its applier thread keeps it: sealed segments, tail, what is masked,
/// and the jobs in progress. Not thread-safe; readers use what Publish() returns.
///
/// A change goes through three steps. Note: a new version is durable, the older ones are not the
/// newest any more. Feed: the version is in the tail, or, when the vector stays, among the revised
/// rows; REBUILD_ONLY leaves it out. And the mode decides when it is shown: EndRecord and EndGroup,
/// or Feed itself under ASYNC.
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
  /// Takes over what files hold, at start.
  void Open(IndexGeneration found);
  /// Gives up `generation`, whose files are damaged; nothing answers until the next build, which
  /// makes the generation after it. A build that is running is given up, too.
  void Abandon(std::string why, uint64_t generation);

  /// The table has other columns at its end from here on. What is sealed or in the tail by now
  /// reads NULL in new ones, as its rows do.
  void SetTable(const TableDef& table) { table_ = table; }

  /// A row has a new version, written at `time_micros`. In sequence order.
  void Note(RowId id, uint64_t seq, int64_t time_micros);
  /// The version noted becomes part of the index. `cells` as the table has them.
  void Feed(RowId id, uint64_t seq, const std::vector<Value>& cells);
  /// The row is gone, from what is shown too.
  void Delete(RowId id, uint64_t seq);
  /// All of a record was noted, and fed unless FeedsLater(). Closes a batch that is full.
  void EndRecord(uint64_t seq);
  /// ASYNC: everything up to `seq` was fed; what follows was written at `next_micros`.
  void FedTo(uint64_t seq, int64_t next_micros);
  /// Everything up to `seq` was noted. Shows what the mode shows now.
  void EndGroup(uint64_t seq);
  /// Shows everything that was fed, up to `seq`. REQUIRES: all that was noted was fed.
  void ShowAll(uint64_t seq);
  /// Lets go of the slots of the tail that show nothing any more.
  void DropMaskedSlots() { tail_ = tail_.From(0); }
  /// When EndGroup is next wanted, by Clock::MonotonicNanos, for a batch that is open.
  std::optional<int64_t> DueNanos() const;

  /// Whether versions are fed after their writes are acknowledged.
  bool FeedsLater() const { return definition_.mode == FreshnessMode::kAsync && tracks(); }
  bool Feeds() const { return definition_.mode != FreshnessMode::kRebuildOnly && tracks(); }
  uint64_t pending_rows() const { return pending_.size(); }
  uint64_t visible_seq() const { return visible_seq_; }

  /// Goes on under other options. To REBUILD_ONLY: what is shown stays, until a build. From it: the
  /// caller feeds what was noted since PersistedSeq(). What is sealed from here on has the
  /// definition's m, ef_build and quantization.
  void SetOptions(const IndexDef& definition);
  /// Leaves REBUILD_ONLY, whose options it goes on under, when the next build has ended: the caller
  /// then sets these.
  void GoOverAfterBuild(const IndexDef& definition);
  /// What the index is to be: its definition, or the one it goes over to.
  const IndexDef& wanted() const { return next_.has_value() ? *next_ : definition_; }
  /// Whether a segment is not built with the definition's m, ef_build and quantization: a build is
  /// to take its place.
  bool HasOtherStructure() const;
  /// Whether the index is on its way to something that takes a build: HasOtherStructure(), or
  /// another mode.
  bool NeedsBuild() const { return next_.has_value() || frozen_ || HasOtherStructure(); }
  /// Those pending at GoOverAfterBuild.
  uint64_t rows_before_go_over() const { return rows_before_go_over_; }

  /// A build from the rows as of `seq` begins. REQUIRES: none is running; all was fed and, unless
  /// REBUILD_ONLY, shown.
  std::shared_ptr<BuildHandle> BeginBuild(uint64_t seq);
  /// What the build's segment makes of the index.
  IndexGeneration AfterBuild(std::shared_ptr<const SealedSegment> segment,
                             uint64_t build_time_ms) const;
  void SwitchToBuild(IndexGeneration next);
  /// When the next scheduled build begins, by Clock::MonotonicNanos; unset: nothing has changed
  /// since the last one, or none is scheduled, or one is running.
  std::optional<int64_t> RebuildDueNanos() const;
  /// The build is of no use any more. The caller begins another where there is no generation.
  void GiveUpBuild();
  /// The build, if one is running, ended without a generation; the live one stays.
  void FailBuild(const absl::Status& status);
  const std::shared_ptr<BuildHandle>& build() const { return build_; }

  /// Whether the shown part of the tail is long enough to be sealed, or so much was revised.
  bool WantsSeal(uint64_t min_rows) const;
  /// Of the first kGrownSeals times `min_rows` rows of the tail, or a quarter of it when that is
  /// more, and what is left of their record. They are added to the smallest segment while that has
  /// less than the former.
  std::shared_ptr<SealHandle> BeginSeal(uint64_t min_rows);
  /// Whether the shown part of the tail has `rows` and no more should come: it is being sealed, or
  /// waits for a merge at work. After each seal some come in, fewer than were sealed.
  bool IsBehind(uint64_t rows, uint64_t min_rows) const;
  IndexGeneration AfterSeal(const SealedFiles& files) const;
  void SwitchToSeal(IndexGeneration next);
  void FailSeal(const absl::Status& status);
  const std::shared_ptr<SealHandle>& seal() const { return seal_; }

  /// Begins the merge that the policy wants, if any, of segments that no other merge is at work on.
  std::shared_ptr<MergeHandle> BeginMerge(const MergePolicy& policy);
  /// Of that number; null: it was given up meanwhile.
  std::shared_ptr<const MergeHandle> EndMerge(uint64_t number);
  IndexGeneration AfterMerge(const MergeHandle& merge,
                             std::shared_ptr<const SealedSegment> segment) const;
  void SwitchToMerge(IndexGeneration next);
  /// The next one is tried some seconds later.
  void FailMerge(const absl::Status& status);

  void CancelJobs();

  /// What the live generation is; what was masked since is part of it.
  IndexGeneration Now() const { return {generation_, seq_, build_time_ms_, parts_, revisions_}; }
  bool has_generation() const { return has_generation_; }
  uint64_t generation() const { return generation_; }
  /// All its files: segments, and revised rows.
  std::vector<std::shared_ptr<const SealedSegment>> files() const;

  /// Whether changes after PersistedSeq() are caught up from the change list. Otherwise the next
  /// build reads the rows.
  bool NeedsChanges() const { return tracks(); }
  /// Changes up to here are in this index's files, or will be read again from the rows.
  uint64_t PersistedSeq(uint64_t applied) const;
  /// Adds which older versions this index still reads.
  void AddRetention(TableRetention& retention) const;

  /// What readers get now. Cheap when nothing has changed since the last call.
  const PublishedIndex& Publish();

 private:
  struct SinceBuild {
    absl::flat_hash_map<RowId, uint64_t> upserted;  // the first sequence
    absl::flat_hash_set<RowId> deleted;
    int64_t first_micros = 0;
  };

  bool tracks() const { return has_generation_ || build_ != nullptr; }
  static void DropEmpty(std::vector<IndexPart>& parts);
  static void LargestFirst(std::vector<IndexPart>& parts);
  void Adopt(IndexGeneration next);
  void ClearPending();
  void CancelSealAndMerges();
  /// Whether a seal or a merge makes another of it.
  bool IsAtWork(const IndexPart& part) const;
  /// Those that a build replaces are neither merged nor grown any more.
  bool Stays(const IndexPart& part) const;
  /// Whether a seal of the tail would make one segment more than there should be.
  bool TailWaits(uint64_t min_rows) const;
  /// How many of the first slots a seal takes, at least `most` if there are so many.
  static uint32_t FirstSlots(const Tail::View& rows, uint64_t most);
  /// Which part a seal of what is shown up to `seq` is to grow, of those with fewer rows; unset:
  /// none.
  std::optional<size_t> PartToGrow(uint64_t most_rows, uint64_t seq) const;
  TailRow MakeTailRow(RowId id, uint64_t seq, const std::vector<Value>& cells) const;
  void PutInTail(TailRow row);
  /// Takes the version in as a revised row, if a segment shows the row with that very vector.
  bool Revise(TailRow& row);
  uint64_t UnsealedRows() const { return tail_.shown_slots() + revisions_.unsealed(); }
  IndexSnapshot::Sealed ShareShown(IndexPart& part) const;
  /// As files have it.
  IndexSnapshot::Sealed ShareSealed(IndexPart& part) const;
  /// `merged` holds what was shown of `part` in `input`; what has become of its rows since.
  void TakeChanges(const IndexPart& part, const IndexSnapshot::Sealed& input,
                   IndexPart& merged) const;
  /// What the status says: of the last build, then of damage.
  std::string LastError() const;
  void FillState(ShardIndexStatus& status) const;
  void FillCounts(ShardIndexStatus& status) const;
  PublishedIndex MakePublished();
  std::shared_ptr<const IndexSnapshot> SnapshotOfShown();
  std::shared_ptr<const IndexSnapshot> SnapshotOfNewest();

  TableDef table_;
  IndexDef definition_;
  std::optional<IndexDef> next_;  // of GoOverAfterBuild
  uint64_t rows_before_go_over_ = 0;
  const std::string directory_;
  const Clock& clock_;
  const uint32_t column_position_;

  bool has_generation_ = false;
  uint64_t generation_ = 0;
  uint64_t seq_ = 0;  // IndexGeneration's
  uint64_t build_time_ms_ = 0;
  std::vector<IndexPart> parts_;
  Tail tail_{definition_.dim};
  RevisedRows revisions_;
  /// REBUILD_ONLY since a mode that fed the tail: what is shown is newer than the files, until a
  /// build.
  bool frozen_ = false;

  uint64_t visible_seq_ = 0;
  absl::flat_hash_map<RowId, uint64_t> pending_;        // noted, not shown: the newest sequence
  absl::flat_hash_map<RowId, uint64_t> deleted_unfed_;  // ASYNC: since the last FedTo all
  int64_t oldest_pending_micros_ = 0;                   // 0: nothing is pending
  int64_t oldest_pending_nanos_ = 0;                    // when it was noted here

  int64_t schedule_nanos_ = 0;  // from which rebuild_interval counts
  uint64_t jobs_begun_ = 0;
  std::shared_ptr<BuildHandle> build_;
  std::shared_ptr<SealHandle> seal_;
  std::vector<std::shared_ptr<MergeHandle>> merges_;  // that run
  SinceBuild since_build_;

  bool tail_is_long_ = false;      // the last seal left many rows
  int64_t let_in_ = 0;             // rows of the tail, though it is long; less: so many too many
  uint64_t retry_seal_at_ = 0;     // unsealed rows, after a failed seal
  int64_t retry_seal_nanos_ = 0;   // not before, after one that had no space
  int64_t retry_merge_nanos_ = 0;  // not before, after a failed merge
  uint32_t merges_failed_ = 0;     // in a row
  std::string build_error_;        // of the last build, seal or merge, if it failed
  std::string damage_;             // until the first build after its repair
  bool abandoned_ = false;         // the next build repairs the damage

  bool changed_ = true;  // since published_ was made
  PublishedIndex published_;
};

/// Completes what the applier published with what changes between publications.
/// `rows_total`: live rows of the table at the same snapshot, which is of `seq`.
ShardIndexStatus CompleteStatus(const PublishedIndex& index, uint64_t rows_total, uint64_t seq,
                                const Clock& clock);

}  // namespace ordinate
