#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// One row's change. Deterministic to apply: ids and versions are decided before it is logged.
struct Mutation {
  enum class Kind : uint8_t { kUpsert = 1, kDelete = 2 };
  Kind kind = Kind::kUpsert;
  uint32_t table_id = 0;
  RowId row_id = 0;
  std::string key;    // canonical key (PK_HASHED); empty where the id is the row's name
  std::string cells;  // EncodeCells of the whole row; empty for deletes

  bool operator==(const Mutation&) const = default;
};

/// What a shard remembers of a write request with an id (contract 5.1): enough to know a retry, and
/// to answer it.
struct RequestNote {
  std::string id;                 // 1 to kMaxRequestIdBytes
  uint64_t fingerprint = 0;       // of the request's content
  RowId first_row_id = 0;         // the first of the ids given to its rows without a key
  uint64_t affected = 0;          // rows written, changed or deleted on this shard
  std::vector<uint32_t> missing;  // places, in the shard's part, of updates that found no row
  // Places, in the shard's part, of rows that did not get the id they preferred, and what they got.
  std::vector<std::pair<uint32_t, RowId>> displaced;

  bool operator==(const RequestNote&) const = default;
};
inline constexpr size_t kMaxRequestIdBytes = 128;

/// What one write request changes on one shard, under one sequence.
struct LogRecord {
  uint64_t seq = 0;
  int64_t time_micros = 0;  // when it was written, by the clock of Clock::NowMicros; never negative
  std::vector<Mutation> mutations;
  std::optional<RequestNote> request;  // to be remembered

  bool operator==(const LogRecord&) const = default;
};

/// The durable order of a shard's writes. One writer (the shard's applier thread) appends; any
/// thread reads. Standalone: RocksDB. Cluster: a replicated stream per shard.
class UpdateLog {
 public:
  virtual ~UpdateLog() = default;

  /// Appends `records`, whose sequences continue last_seq() without a gap, and returns once they
  /// are durable. All or none. After an error no further append is accepted until reopened:
  /// what a failed sync left on the disk is not known (FAILED_PRECONDITION from then on).
  virtual absl::Status Append(std::span<const LogRecord> records) = 0;

  /// OK, or the FAILED_PRECONDITION that Append ends with until reopened, also where something else
  /// that is written beside the log has failed. Any thread.
  virtual absl::Status Check() const = 0;

  /// Calls `visit` for every retained record with seq >= from, in order, until it returns an error.
  virtual absl::Status Read(uint64_t from,
                            const std::function<absl::Status(LogRecord)>& visit) const = 0;

  /// The sequence of the newest durable record; 0 before the first.
  virtual uint64_t last_seq() const = 0;
};

}  // namespace ordinate
