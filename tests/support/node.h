#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "service/front/front.h"
#include "service/server/standalone.h"
#include "tests/support/temp_dir.h"

namespace ordinate {

/// A whole server without endpoints, over a temporary data directory, to be restarted at will.
class Node {
 public:
  struct Setup {
    uint32_t shards = 1;
    uint32_t threads = 2;
    uint32_t build_threads = 1;
    uint64_t min_seal_rows = 1'000'000;  // only builds that a test asks for
    KeyHash key_hash = &DefaultKeyHash;
    uint64_t max_answer_bytes = kMaxAnswerBytes;
    const Clock* clock = &SystemClock();
    QueryObserver* observer = nullptr;
  };

  explicit Node(const Setup& setup) : setup_(setup) { Open(); }
  Node() : Node(Setup()) {}

  Front& front() { return standalone_->front(); }
  const std::string& data_dir() const { return dir_.path(); }
  std::vector<ShardClient*> shards() const { return standalone_->shards(); }

  void Close() { standalone_.reset(); }
  void Open() {
    if (const absl::Status opened = TryOpen(); !opened.ok()) {
      ADD_FAILURE() << opened;
      std::abort();
    }
  }
  absl::Status TryOpen() {
    StandaloneOptions options;
    options.data_dir = dir_.Sub("data");
    options.shards = setup_.shards;
    options.query_threads = setup_.threads;
    options.build_threads = setup_.build_threads;
    options.min_seal_rows = setup_.min_seal_rows;
    StandaloneSeams seams;
    seams.key_hash = setup_.key_hash;
    seams.max_answer_bytes = setup_.max_answer_bytes;
    seams.clock = setup_.clock;
    seams.observer = setup_.observer;
    auto opened = Standalone::Open(options, seams);
    if (opened.ok()) standalone_ = *std::move(opened);
    return opened.status();
  }
  void Restart() {
    Close();
    Open();
  }

  /// Waits until no build of the index runs, and returns its status.
  IndexInfo WaitForIndex(const std::string& name) {
    while (true) {
      auto info = front().GetIndex(name);
      if (!info.ok()) {
        ADD_FAILURE() << info.status();
        std::abort();
      }
      bool building = false;
      for (const ShardIndexStatus& shard : info->shards) {
        building |= shard.build_progress < 1 || shard.state == IndexState::kBuilding;
      }
      if (!building) return *std::move(info);
      std::this_thread::yield();
    }
  }

  std::string catalog_dir() const { return dir_.Sub("data/catalog"); }
  std::string shard_dir(uint32_t shard) const {
    char name[32];
    std::snprintf(name, sizeof(name), "data/shard-%04u", shard);
    return dir_.Sub(name);
  }

 private:
  const Setup setup_;
  TempDir dir_;
  std::unique_ptr<Standalone> standalone_;
};

}  // namespace ordinate
