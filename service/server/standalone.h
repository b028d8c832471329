#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/index/graph_builder.h"
#include "engine/shard/answer_size.h"
#include "engine/shard/disk_bookings.h"
#include "engine/shard/shard.h"
#include "service/backup/backups.h"
#include "service/front/front.h"
#include "service/server/data_directory.h"
#include "service/server/options.h"
#include "storage/base/clock.h"
#include "storage/base/executor.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/definitions.h"
#include "storage/model/key.h"

namespace ordinate {

/// What a program that embeds the server may decide beyond StandaloneOptions.
struct StandaloneSeams {
  const Clock* clock = &SystemClock();
  KeyHash key_hash = &DefaultKeyHash;
  QueryObserver* observer = nullptr;  // may be null
  uint64_t max_answer_bytes = kMaxAnswerBytes;
  std::function<void(std::string_view step)> at;  // of every shard: ShardOptions::at
};

/// Front and shards over one data directory in this process, without any endpoint. Destruction ends
/// builds and appliers; calls to the front must have returned.
class Standalone {
 public:
  /// Opens the data directory, or creates it. Errors as DataDirectory::Open, those of the catalog
  /// and of the shards, which name the shard, and of Backups::Open.
  static absl::StatusOr<std::unique_ptr<Standalone>> Open(const StandaloneOptions& options,
                                                          const StandaloneSeams& seams = {});
  ~Standalone();

  /// Shard::StopHoldingWrites of all. To be called before calls are waited for.
  void StopHoldingWrites();
  Standalone(const Standalone&) = delete;
  Standalone& operator=(const Standalone&) = delete;

  Front& front() { return *front_; }
  std::vector<ShardClient*> shards() const;
  const DataDirectory& directory() const { return *directory_; }
  /// Null without StandaloneOptions::backup_dir.
  Backups* backups() { return backups_.get(); }

 private:
  Standalone() = default;
  absl::Status OpenShards(const StandaloneOptions& options, const StandaloneSeams& seams);
  absl::Status OpenBackups(const StandaloneOptions& options, const StandaloneSeams& seams);

  // In order of construction: each uses those above it.
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Definitions> definitions_;
  std::unique_ptr<GraphBuilder> graph_builder_;  // null in a build without HNSW
  std::unique_ptr<Executor> query_executor_;
  std::unique_ptr<Executor> build_executor_;
  std::unique_ptr<Executor> merge_executor_;
  std::unique_ptr<Executor> seal_executor_;
  std::unique_ptr<DiskBookings> disk_bookings_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Backups> backups_;  // may be null
  std::unique_ptr<Front> front_;
};

}  // namespace ordinate
