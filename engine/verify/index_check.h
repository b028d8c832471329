#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/verify/verify.h"
#include "storage/model/schema.h"
#include "storage/vdata/index_manifest.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// Compares the files of one index on one shard with the shard's rows. Give it the rows' newest
/// sequence, every change, every live row, then Finish.
class IndexCheck {
 public:
  /// Problems of one index that are named one by one; the rest is counted.
  static constexpr int kNamedProblems = 5;

  /// Opens and verifies the index's files in `directory`; problems go to `report`. nullptr when
  /// there is nothing to compare: no manifest yet, or files that cannot be read.
  static std::unique_ptr<IndexCheck> Open(const std::string& directory, const TableDef& table,
                                          const IndexDef& index, VerifyReport* report);

  /// The sequence the files are as of.
  uint64_t seq() const { return manifest_.seq; }

  /// The rows end at `newest_seq`: files newer than that are of other rows.
  void CheckSeq(uint64_t newest_seq);
  /// A row was written or deleted after seq().
  void AddChange(RowId id) { changed_.insert(id); }
  /// A live row, by its newest version.
  void AddRow(const Row& row);
  /// What is left must have been deleted or replaced since.
  void Finish();

 private:
  struct Segment {
    std::unique_ptr<SegmentFile> file;
    std::vector<bool> explained;  // by row: a live row accounts for it
    std::vector<bool> gone;       // by row: the manifest says that it is not part of the index
  };
  struct Entry {
    Segment* segment = nullptr;
    uint32_t row = 0;
  };

  IndexCheck(const TableDef& table, const IndexDef& index, std::string manifest_path,
             VerifyReport* report);
  absl::Status OpenSegments(const std::string& directory);
  /// Problems go to the report; nullptr then.
  std::unique_ptr<SegmentFile> OpenListed(const std::string& directory,
                                          const IndexManifest::Segment& listed);
  /// Where the index has the cells of an entry's row: there, or in a newer version.
  struct Cells {
    const SegmentFile* file = nullptr;
    uint32_t row = 0;
  };
  Cells CellsOf(const Entry& entry) const;
  std::vector<const SegmentFile*> Files() const;
  void CheckEntry(const Row& row, const Entry& entry);
  void CheckVector(const Row& row, const Entry& entry);
  void CheckColumns(const Row& row, const Cells& cells);
  void Problem(const std::string& file, std::string what);

  const TableDef& table_;
  const IndexDef& index_;
  const std::string manifest_path_;
  VerifyReport* const report_;
  uint32_t column_ = 0;  // position of the vector column
  IndexManifest manifest_;
  std::vector<Segment> segments_;
  std::unique_ptr<SegmentFile> revisions_;  // null: the manifest lists none
  std::unordered_set<RowId> changed_;
  uint64_t problems_ = 0;
};

}  // namespace ordinate
