#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/shard/shard.h"
#include "service/backup/backup_description.h"
#include "storage/base/clock.h"
#include "storage/base/context.h"
#include "storage/catalog/catalog.h"

namespace ordinate {

/// How far a backup is.
struct BackupProgress {
  std::string part;  // "shard-0000", "catalog"
  uint32_t parts_done = 0;
  uint32_t parts = 0;         // shards and catalog
  uint64_t bytes_copied = 0;  // so far, of large files, over all parts
};

/// The backups of a running server's data directory. Thread-safe; one backup or deletion at a time.
class Backups {
 public:
  struct Options {
    std::string directory;
    std::string data_dir;               // what is backed up; apart from `directory`
    uint64_t max_bytes_per_second = 0;  // written; 0: as fast as the disk takes them
    std::string version;                // of this program
    const Clock* clock = nullptr;
  };
  /// An error ends the backup, which returns it.
  using ProgressFn = std::function<absl::Status(const BackupProgress&)>;

  /// Makes the directory when it is missing. FAILED_PRECONDITION: it and the data directory lie one
  /// in the other, or it is a data directory. Others by FileError. What is passed outlives this.
  static absl::StatusOr<std::unique_ptr<Backups>> Open(Options options,
                                                       std::vector<const Shard*> shards,
                                                       const Catalog& catalog);

  /// Makes a backup; of all backups then keeps the `keep` newest, 0: all. Writes, queries and
  /// changes of definitions go on meanwhile. Every write that was acknowledged before the call is
  /// in it; of one made meanwhile, what each shard got of it is in it whole or not at all. ABORTED:
  /// the directory is in use. RESOURCE_EXHAUSTED: its disk is full. DATA_LOSS: a file that was to
  /// be copied is damaged. The errors of `context` and of `progress`. An error that begins with
  /// "backup N was made" is of deleting older ones; after any other there is no new backup.
  absl::StatusOr<BackupDescription> Create(uint64_t keep, const CallContext& context,
                                           const ProgressFn& progress);

  absl::StatusOr<BackupList> List() const { return ListDescriptions(options_.directory); }

  /// NOT_FOUND, ABORTED as Create. One whose description is damaged can be deleted too.
  absl::Status Delete(uint64_t id);

 private:
  Backups(Options options, std::vector<const Shard*> shards, const Catalog& catalog)
      : options_(std::move(options)), shards_(std::move(shards)), catalog_(catalog) {}

  absl::StatusOr<BackupDescription> CopyAll(const CallContext& context,
                                            const ProgressFn& progress) const;
  absl::Status RemoveDescription(uint64_t id) const;
  /// Removes what no description names, but where one cannot be read: what it names is not known.
  absl::Status RemoveUnnamed() const;

  const Options options_;
  const std::vector<const Shard*> shards_;
  const Catalog& catalog_;
};

}  // namespace ordinate
