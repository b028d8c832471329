#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/store_backup.h"
#include "storage/base/store_mode.h"

namespace ordinate {

/// A small, strongly consistent key-value store with compare-and-set: table and index definitions,
/// ids, row id ranges. Thread-safe. Standalone: RocksDB. Cluster: a JetStream KV bucket.
class Catalog {
 public:
  struct Entry {
    std::string key;
    std::string value;
    uint64_t revision = 0;  // grows with every write of the key; never 0
  };

  virtual ~Catalog() = default;

  virtual absl::StatusOr<std::optional<Entry>> Get(std::string_view key) const = 0;

  /// Writes if the key's revision is `expected` (0: the key must not exist); durable on return.
  /// ABORTED when another revision is found. Returns the new revision.
  virtual absl::StatusOr<uint64_t> Put(std::string_view key, std::string_view value,
                                       uint64_t expected) = 0;

  /// Removes under the same condition.
  virtual absl::Status Delete(std::string_view key, uint64_t expected) = 0;

  /// All entries whose key starts with `prefix`, by key.
  virtual absl::StatusOr<std::vector<Entry>> List(std::string_view prefix) const = 0;

  /// Copies the whole catalog into `target.directory`, as RowStore::BackUp. Its sequence is the
  /// newest revision. FAILED_PRECONDITION: this catalog keeps nothing on a disk.
  virtual absl::StatusOr<StoreBackup> BackUp(const BackupTarget& target) const = 0;
};

/// Opens the catalog of a data directory, in directory `path`. Errors as OpenShardStore.
absl::StatusOr<std::unique_ptr<Catalog>> OpenRocksCatalog(const std::string& path, StoreMode mode);

}  // namespace ordinate
