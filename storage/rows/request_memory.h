#pragma once

#include <rocksdb/write_batch.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/rows/shard_db.h"

namespace ordinate {

/// The requests a shard remembers (contract 5.1), in the family meta: by id, and by sequence so
/// that the oldest are found. Each new one drives out a few that are too old or too many, so that
/// no write waits long. Written by the applier thread; Find and count from any thread.
class RequestMemory {
 public:
  /// `shard` outlives this.
  RequestMemory(const ShardDb& shard, const RequestLimits& limits)
      : shard_(shard), limits_(limits) {}

  /// Reads how many there are. Once, before the rest.
  absl::Status Load();

  absl::StatusOr<std::optional<RememberedRequest>> Find(const std::string& id,
                                                        int64_t now_micros) const;
  uint64_t count() const { return count_.load(); }

  /// Adds what remembering the record's request changes to `batch`. REQUIRES: the record has one,
  /// and no other record of the batch has one of its id.
  absl::Status Add(const LogRecord& record, rocksdb::WriteBatch& batch);
  /// The batch was written, or was given up.
  void Committed();
  void GiveUp();

 private:
  absl::StatusOr<std::optional<RememberedRequest>> Read(const std::string& id) const;
  /// Forgets the oldest, a few at most, that the limits do not allow after `now_micros`.
  absl::Status ForgetOld(int64_t now_micros, rocksdb::WriteBatch& batch);

  const ShardDb& shard_;
  const RequestLimits limits_;
  std::atomic<uint64_t> count_{0};

  // Applier thread only. Of the batch in progress; and no entry before oldest_seq_ is left, so that
  // no search passes the tombstones of those.
  std::optional<uint64_t> next_count_;
  std::set<std::string> added_;
  uint64_t next_oldest_seq_ = 0;
  uint64_t oldest_seq_ = 0;
};

}  // namespace ordinate
