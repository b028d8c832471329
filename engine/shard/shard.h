#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/shard/answer_size.h"
#include "engine/shard/shard_client.h"
#include "storage/base/clock.h"
#include "storage/base/executor.h"
#include "storage/base/store_backup.h"
#include "storage/catalog/definitions.h"
#include "storage/model/key.h"

namespace ordinate {

class DiskBookings;
class GraphBuilder;

struct ShardOptions {
  uint32_t shard = 0;                          // this one, 0-based
  uint32_t shards = 1;                         // of the data directory
  std::string directory;                       // holds rows/ and index/; created when missing
  StoreMode rows_mode = StoreMode::kExisting;  // kCreate while the data directory is being made
  const Clock* clock = nullptr;
  Executor* query_executor = nullptr;  // splits large scans; shared by all shards
  Executor* build_executor = nullptr;  // runs index builds; shared by all shards
  GraphBuilder* graph_builder = nullptr;
  uint32_t build_threads = 1;  // per build
  uint64_t build_seed = 42;
  Executor* merge_executor = nullptr;  // merges segments; null: build_executor
  Executor* seal_executor = nullptr;   // seals tails; null: build_executor
  uint64_t min_seal_rows = 2'000;      // a tail this long becomes a segment
  uint64_t max_queued_rows = 400'000;  // of writes that wait for the applier; more are refused
  uint64_t max_queued_bytes = 512u << 20;
  /// Writes that wait for a shorter tail; more are refused. Each holds one of the calls that a
  /// server takes at a time.
  uint32_t max_held_writes = 64;
  uint64_t disk_reserve_bytes = 0;  // free space under which no write is taken, no build begun
  DiskBookings* disk_bookings = nullptr;  // shared by all shards on the disk; null: by none
  bool verify_at_start = false;           // every byte of index files, before they answer
  KeyHash key_hash = &DefaultKeyHash;
  uint64_t max_answer_bytes = kMaxAnswerBytes;
  /// Told, on any thread, what an operator should know: damaged files, failed builds. May be empty.
  std::function<void(const std::string& sentence)> warn;
  /// A seam of tests: told, on the thread that does it, which kind of change of an index's files
  /// begins, between its steps, and about each publication. May be empty.
  std::function<void(std::string_view step)> at;
};

/// A shard in this process: row store, one applier thread, indexes, published snapshots.
/// Everything passed in `options` outlives it. Destruction commits the writes still queued, then
/// stops the applier and the builds.
class Shard : public ShardClient {
 public:
  /// Opens the shard's store, replays its log, opens the index files (damaged ones are
  /// set aside, logged through the status, and rebuilt), and starts the applier.
  static absl::StatusOr<std::unique_ptr<Shard>> Open(const ShardOptions& options,
                                                     const DefinitionSet& definitions);

  /// Cancels running and queued builds. Before a shard is destroyed, called on every shard that
  /// shares the build executor, so that none waits for another's. Any thread.
  virtual void CancelBuilds() = 0;
  /// Takes the writes that wait for a shorter tail, soon, and lets none wait from then on: the
  /// server is about to stop. Any thread.
  virtual void StopHoldingWrites() = 0;

  /// RowStore::BackUp of the shard's rows. Index files are derived from them, and not copied.
  virtual absl::StatusOr<StoreBackup> BackUpRows(const BackupTarget& target) const = 0;
};

}  // namespace ordinate
