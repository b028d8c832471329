// How an index goes over to other options, and catches up with what it was not fed with. Applier
// thread, or Start() before it runs.
#include <algorithm>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "engine/shard/check_reads.h"
#include "engine/shard/index_build.h"
#include "engine/shard/local_shard.h"
#include "engine/shard/rebuild_note.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/row_codec.h"
#include "storage/vdata/index_manifest.h"

namespace ordinate {
namespace {

// Of --min-seal-rows. An index that leaves REBUILD_ONLY is fed with no more rows at once: writes
// wait meanwhile, and the rows are in memory until they are sealed.
constexpr uint64_t kMostFedAtOnce = 16;

}  // namespace

absl::Status LocalShard::CatchUp(const TableDef& table, ShardIndex& index) {
  const uint64_t from = index.PersistedSeq(0);
  const bool feeds = index.Feeds();
  struct Last {
    uint64_t seq;
    RowId id;
    int64_t time_micros;
  };
  std::map<RowId, Last> newest;  // changes of rows to read again
  RETURN_IF_ERROR(rows_->ReadChanges(nullptr, table.id, from, [&](const Change& change) {
    if (change.kind == Mutation::Kind::kDelete) {
      index.Delete(change.row_id, change.seq);
      newest.erase(change.row_id);
    } else if (feeds) {
      newest[change.row_id] = {change.seq, change.row_id, change.time_micros};
    } else {
      index.Note(change.row_id, change.seq, change.time_micros);
    }
    return absl::OkStatus();
  }));
  // In the order of their versions, as they are sealed.
  std::vector<Last> ordered;
  ordered.reserve(newest.size());
  for (const auto& [id, last] : newest) ordered.push_back(last);
  std::ranges::sort(ordered, {}, &Last::seq);
  for (const auto& [seq, id, time_micros] : ordered) {
    ASSIGN_OR_RETURN(std::optional<StoredRow> row,
                     rows_->Get(nullptr, table.id, id, std::numeric_limits<uint64_t>::max()));
    if (!row.has_value()) continue;
    ASSIGN_OR_RETURN(const std::vector<Value> cells, DecodeCells(table, row->cells));
    index.Note(id, row->version, time_micros);
    index.Feed(id, row->version, cells);
  }
  if (feeds) index.ShowAll(rows_->applied_seq());
  index.DropMaskedSlots();  // a tail that was there is in it again, in the order of versions
  return absl::OkStatus();
}

void LocalShard::SetOptions(ShardIndex& index, const IndexDef& definition, bool after_build) {
  const TableDef& table = tables_[definition.table_id];
  const bool fed = index.Feeds();
  const bool tracked = index.NeedsChanges();
  const bool leaves = tracked && !fed && definition.mode != FreshnessMode::kRebuildOnly;
  // What was written while it was built may be as much again, and would be after each build.
  const bool pays = !after_build || index.pending_rows() < index.rows_before_go_over() / 2;
  if (leaves && pays && index.pending_rows() > kMostFedAtOnce * options_.min_seal_rows) {
    index.GoOverAfterBuild(definition);
    // One with a gate may be refused.
    if (index.build() != nullptr && index.build()->gate.has_value()) index.GiveUpBuild();
    if (index.build() == nullptr) StartBuild(index);
    return;
  }
  if (fed) index.ShowAll(rows_->applied_seq());
  index.SetOptions(definition);
  if (!tracked || fed == index.Feeds()) return;
  if (fed) {
    StartBuild(index);  // what is shown is to be in the files
    return;
  }
  absl::Status status = CatchUp(table, index);
  if (status.ok() && index.has_generation()) status = CheckReads(index.Now());
  if (status.ok() && index.has_generation()) {
    // Files of REBUILD_ONLY say what is shown; these do not any more.
    status = WriteIndexManifest(index.manifest_path(),
                                ManifestOf(index.Now(), definition, table.flavour()));
  }
  if (status.ok()) return;
  Warn(Concat("index '", definition.name, "' is rebuilt from the rows: ", status.message()));
  index.Abandon(std::string(status.message()), index.generation());
  if (index.build() == nullptr) StartBuild(index);
}

void LocalShard::StartBuildThatIsWanted(ShardIndex& index) {
  const bool needed = !index.has_generation() || index.NeedsBuild();
  const auto asked = ReadRebuildNote(index.directory());
  if (!needed && !asked.ok()) return;
  delayed_builds_.Forget(index.definition().id);
  StartBuild(index, needed ? std::nullopt : *asked);
}

absl::Status LocalShard::AlterIndex(const TableDef& table, const IndexDef& definition) {
  return OnApplier([this, table, definition]() -> absl::Status {
    const auto found = indexes_.find(definition.id);
    if (found == indexes_.end()) return absl::NotFoundError("the index was dropped");
    ShardIndex& index = *found->second;
    if (index.wanted() == definition) {
      // Made once more where its build has failed, and is not tried again by itself.
      const bool waits = index.build() != nullptr || delayed_builds_.Waits(definition.id);
      const bool needed = !index.has_generation() || index.NeedsBuild();
      if (needed && !waits) StartBuild(index);
      Publish();
      return absl::OkStatus();
    }
    FeedAll();
    // A build is to show what this mode has shown, not what it began from, and to have the options
    // that it will be asked about: another one.
    const bool freezes = index.Feeds() && definition.mode == FreshnessMode::kRebuildOnly;
    IndexDef before = index.definition();
    const bool restructures = TakeStructure(definition, before);
    const bool needed = index.NeedsBuild();
    bool ended = index.build() != nullptr && (freezes || restructures);
    if (ended) index.GiveUpBuild();
    SetOptions(index, definition);
    // Altered back: what was to be built is so already, and nobody asked to show more.
    if (needed && index.has_generation() && !index.NeedsBuild()) {
      if (index.build() != nullptr) index.GiveUpBuild();
      delayed_builds_.Forget(definition.id);
      ended = true;
    }
    if (index.build() == nullptr && (ended || restructures)) StartBuildThatIsWanted(index);
    ScheduleTrim(table.id);
    Publish();
    return absl::OkStatus();
  });
}

}  // namespace ordinate
