#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/catalog/catalog.h"

namespace ordinate {

/// A Catalog in memory. Thread-safe.
class MemoryCatalog final : public Catalog {
 public:
  absl::StatusOr<std::optional<Entry>> Get(std::string_view key) const override {
    MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::optional<Entry>();
    return std::optional<Entry>(found->second);
  }

  absl::StatusOr<uint64_t> Put(std::string_view key, std::string_view value,
                               uint64_t expected) override {
    MutexLock lock(mutex_);
    if (RevisionOf(key) != expected) return absl::AbortedError("another revision");
    entries_[std::string(key)] = {std::string(key), std::string(value), ++revision_};
    return revision_;
  }

  absl::Status Delete(std::string_view key, uint64_t expected) override {
    MutexLock lock(mutex_);
    if (RevisionOf(key) != expected) return absl::AbortedError("another revision");
    entries_.erase(std::string(key));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Entry>> List(std::string_view prefix) const override {
    MutexLock lock(mutex_);
    std::vector<Entry> entries;
    for (const auto& [key, entry] : entries_) {
      if (key.starts_with(prefix)) entries.push_back(entry);
    }
    return entries;
  }

  absl::StatusOr<StoreBackup> BackUp(const BackupTarget&) const override {
    return absl::FailedPreconditionError("a catalog in memory has nothing to back up");
  }

 private:
  uint64_t RevisionOf(std::string_view key) const ORDINATE_REQUIRES(mutex_) {
    const auto found = entries_.find(key);
    return found == entries_.end() ? 0 : found->second.revision;
  }

  mutable Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ ORDINATE_GUARDED_BY(mutex_);
  uint64_t revision_ ORDINATE_GUARDED_BY(mutex_) = 0;
};

}  // namespace ordinate
