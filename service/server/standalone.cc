#include "service/server/standalone.h"

#include <algorithm>
#include <utility>

#include "service/server/version.h"
#include "spdlog/spdlog.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/base/thread_priority.h"

namespace ordinate {

absl::StatusOr<std::unique_ptr<Standalone>> Standalone::Open(const StandaloneOptions& options,
                                                             const StandaloneSeams& seams) {
  std::unique_ptr<Standalone> standalone(new Standalone());
  ASSIGN_OR_RETURN(standalone->directory_,
                   DataDirectory::Open(options.data_dir, options.shards,
                                       std::min(AvailableCores(), kMaxShards)));
  ASSIGN_OR_RETURN(standalone->catalog_, OpenRocksCatalog(standalone->directory_->CatalogPath(),
                                                          standalone->directory_->store_mode()));
  ASSIGN_OR_RETURN(standalone->definitions_, Definitions::Load(*standalone->catalog_));
  if (auto builder = MakeGraphBuilder(); builder.ok()) {
    standalone->graph_builder_ = *std::move(builder);
  } else if (builder.status().code() != absl::StatusCode::kFailedPrecondition) {
    return builder.status();
  }
  standalone->query_executor_ = std::make_unique<Executor>(options.query_threads);
  standalone->build_executor_ = std::make_unique<Executor>(options.build_threads, kBackgroundNice);
  // A small merge beside a large one.
  standalone->merge_executor_ = std::make_unique<Executor>(2, kBackgroundNice);
  standalone->seal_executor_ = std::make_unique<Executor>(1, kSealNice);
  standalone->disk_bookings_ = std::make_unique<DiskBookings>(*seams.clock);
  RETURN_IF_ERROR(standalone->OpenShards(options, seams));
  RETURN_IF_ERROR(standalone->directory_->FinishCreation());
  RETURN_IF_ERROR(standalone->OpenBackups(options, seams));

  Front::Options front;
  front.settings = options.settings;
  front.executor = standalone->query_executor_.get();
  front.clock = seams.clock;
  front.key_hash = seams.key_hash;
  front.with_hnsw = standalone->graph_builder_ != nullptr;
  front.observer = seams.observer;
  front.max_answer_bytes = seams.max_answer_bytes;
  standalone->front_ =
      std::make_unique<Front>(*standalone->definitions_, standalone->shards(), std::move(front));
  return standalone;
}

Standalone::~Standalone() {
  for (const std::unique_ptr<Shard>& shard : shards_) {
    if (shard != nullptr) shard->CancelBuilds();
  }
}

void Standalone::StopHoldingWrites() {
  for (const std::unique_ptr<Shard>& shard : shards_) shard->StopHoldingWrites();
}

absl::Status Standalone::OpenShards(const StandaloneOptions& options,
                                    const StandaloneSeams& seams) {
  const uint32_t count = directory_->shards();
  const std::shared_ptr<const DefinitionSet> definitions = definitions_->Current();
  shards_.resize(count);
  std::vector<absl::Status> results(count);
  query_executor_->ParallelFor(count, [&](size_t i) {
    ShardOptions shard;
    shard.shard = static_cast<uint32_t>(i);
    shard.shards = count;
    shard.directory = directory_->ShardPath(shard.shard);
    shard.rows_mode = directory_->store_mode();
    shard.clock = seams.clock;
    shard.query_executor = query_executor_.get();
    shard.build_executor = build_executor_.get();
    shard.merge_executor = merge_executor_.get();
    shard.seal_executor = seal_executor_.get();
    shard.graph_builder = graph_builder_.get();
    // As many builds run at once as the executor has threads, so with many shards each takes one.
    shard.build_threads = std::max(1u, options.build_threads / count);
    shard.min_seal_rows = options.min_seal_rows;
    shard.max_held_writes = std::max(1u, shard.max_held_writes / count);
    shard.disk_reserve_bytes = options.disk_reserve_bytes;
    shard.disk_bookings = disk_bookings_.get();
    shard.verify_at_start = options.verify_at_start;
    shard.key_hash = seams.key_hash;
    shard.max_answer_bytes = seams.max_answer_bytes;
    shard.at = seams.at;
    shard.warn = [](const std::string& sentence) { spdlog::warn("{}", sentence); };
    absl::StatusOr<std::unique_ptr<Shard>> opened = Shard::Open(shard, *definitions);
    if (opened.ok()) {
      shards_[i] = *std::move(opened);
    } else {
      results[i] = opened.status();
    }
  });
  for (uint32_t i = 0; i < count; ++i) {
    if (!results[i].ok()) {
      return WithMessage(results[i], Concat("cannot open shard ", i, " of ", directory_->path(),
                                            ": ", std::string(results[i].message())));
    }
  }
  return absl::OkStatus();
}

absl::Status Standalone::OpenBackups(const StandaloneOptions& options,
                                     const StandaloneSeams& seams) {
  if (options.backup_dir.empty()) return absl::OkStatus();
  std::vector<const Shard*> shards;
  for (const std::unique_ptr<Shard>& shard : shards_) shards.push_back(shard.get());
  Backups::Options backups;
  backups.directory = options.backup_dir;
  backups.data_dir = directory_->path();
  backups.max_bytes_per_second = options.backup_max_mib_per_second << 20;
  backups.version = kVersionText;
  backups.clock = seams.clock;
  ASSIGN_OR_RETURN(backups_, Backups::Open(std::move(backups), std::move(shards), *catalog_));
  return absl::OkStatus();
}

std::vector<ShardClient*> Standalone::shards() const {
  std::vector<ShardClient*> clients;
  for (const std::unique_ptr<Shard>& shard : shards_) clients.push_back(shard.get());
  return clients;
}

}  // namespace ordinate
