#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "tests/support/watched_disk.h"

namespace ordinate {

/// What a disk may hold after a power loss: folders and files by their path below the root.
struct DiskState {
  std::vector<std::string> folders;  // each after the one that holds it
  std::map<std::string, std::string> files;

  /// Of names and contents.
  uint64_t Digest() const;
  /// Makes it in `folder`, which is replaced.
  void WriteTo(const std::string& folder) const;
};

/// Remembers, of everything below a root folder, what has been synced and what has not: bytes by
/// the sync of their file, names (made, renamed, removed) by the sync of their folder. What has not
/// been synced may be there after a power loss, or not, or in part, each by itself:
///
/// - of the bytes written to a file nothing, all, those up to any point, or any sectors of 512
///   bytes, with zeros where a sector is missing;
/// - of the changes of a folder nothing, all, the first few, or any.
///
/// A sector is written whole or not at all. A file's own sync says nothing of its name, which is
/// all that POSIX promises. Thread-safe.
class PowerLossDisk final : public DiskWatcher {
 public:
  /// `root` is durable, and holds `at`, which has been written there.
  explicit PowerLossDisk(std::string root, const DiskState& at = {});
  ~PowerLossDisk() override;

  /// Called before each call below the root that changes something, with nothing locked: the
  /// moment at which the power may fail. Not set: it never does.
  std::function<void(const DiskCall&)> at_moment;

  /// One of the states a power loss at this moment may leave.
  DiskState Fail(std::mt19937_64& random) const;

  int Before(const DiskCall& call) override;
  void After(const DiskCall& call) override;

 private:
  struct Node;
  struct Change;

  /// The path below the root; unset: it is not there.
  std::optional<std::string> Below(const std::string& path) const;
  std::shared_ptr<Node> Find(const std::string& below) const ORDINATE_REQUIRES(mutex_);
  void Name(const std::string& below, std::shared_ptr<Node> node) ORDINATE_REQUIRES(mutex_);
  void Write(Node& file, uint64_t offset, std::string_view data) ORDINATE_REQUIRES(mutex_);
  static void FailFolder(const Node& folder, const std::string& below, std::mt19937_64& random,
                         DiskState& state);
  static std::string FailFile(const Node& file, bool whole_sectors, std::mt19937_64& random);

  const std::string root_;
  mutable Mutex mutex_;
  const std::shared_ptr<Node> top_;  // what hangs on it is guarded by mutex_
};

}  // namespace ordinate
