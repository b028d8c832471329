#include "tests/support/power_loss.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "storage/files/checksum.h"
#include "storage/files/folder.h"

namespace ordinate {
namespace {

constexpr uint64_t kSector = 512;
using Kind = DiskCall::Kind;

/// How much of what was not synced is there.
enum class Kept { kNothing, kAll, kFirst, kAny };

Kept Choose(std::mt19937_64& random) { return static_cast<Kept>(random() % 4); }

}  // namespace

uint64_t DiskState::Digest() const {
  Checksummer64 sum;
  const auto add = [&sum](const std::string& text) {
    const uint64_t bytes = text.size();
    sum.Add(&bytes, sizeof(bytes));
    sum.Add(text.data(), bytes);
  };
  for (const std::string& folder : folders) add(folder);
  for (const auto& [path, content] : files) {
    add(path);
    add(content);
  }
  return sum.Get();
}

void DiskState::WriteTo(const std::string& folder) const {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  for (const std::string& path : folders) std::filesystem::create_directory(folder + "/" + path);
  for (const auto& [path, content] : files) {
    std::ofstream(folder + "/" + path, std::ios::binary) << content;
  }
}

/// A name made (`node` set) or removed in a folder. A rename is one change of two names.
struct PowerLossDisk::Change {
  std::string name;
  std::shared_ptr<Node> node;
  std::string removed;  // by a rename; "": none
};

struct PowerLossDisk::Node {
  bool folder = false;
  // Files.
  std::string content;
  std::string durable;
  std::vector<std::pair<uint64_t, std::string>> unsynced;  // offset, bytes
  bool truncated = false;  // since the last sync: what is durable may be longer
  // Folders.
  std::map<std::string, std::shared_ptr<Node>> names;
  std::map<std::string, std::shared_ptr<Node>> durable_names;
  std::vector<Change> changes;
};

PowerLossDisk::PowerLossDisk(std::string root, const DiskState& at)
    : root_(std::move(root)), top_(std::make_shared<Node>()) {
  MutexLock lock(mutex_);
  top_->folder = true;
  std::vector<std::shared_ptr<Node>> folders = {top_};
  for (const std::string& path : at.folders) {
    folders.push_back(std::make_shared<Node>());
    folders.back()->folder = true;
    Name(path, folders.back());
  }
  for (const auto& [path, content] : at.files) {
    const auto file = std::make_shared<Node>();
    file->content = file->durable = content;
    Name(path, file);
  }
  for (const std::shared_ptr<Node>& folder : folders) {
    folder->durable_names = folder->names;
    folder->changes.clear();
  }
}

PowerLossDisk::~PowerLossDisk() = default;

std::optional<std::string> PowerLossDisk::Below(const std::string& path) const {
  if (path == root_) return "";
  if (path.size() <= root_.size() || !path.starts_with(root_) || path[root_.size()] != '/') {
    return std::nullopt;
  }
  std::string below = path.substr(root_.size() + 1);
  while (below.ends_with('/')) below.pop_back();
  return below;
}

std::shared_ptr<PowerLossDisk::Node> PowerLossDisk::Find(const std::string& below) const {
  std::shared_ptr<Node> node = top_;
  for (size_t begin = 0; begin < below.size() && node != nullptr;) {
    const size_t end = std::min(below.find('/', begin), below.size());
    const auto found = node->names.find(below.substr(begin, end - begin));
    node = found == node->names.end() ? nullptr : found->second;
    begin = end + 1;
  }
  return node;
}

void PowerLossDisk::Name(const std::string& below, std::shared_ptr<Node> node) {
  const std::string folder = below.find('/') == std::string::npos ? "" : FolderOf(below);
  const std::string name = folder.empty() ? below : below.substr(folder.size() + 1);
  const std::shared_ptr<Node> parent = Find(folder);
  if (parent == nullptr) return;
  if (node == nullptr) {
    parent->names.erase(name);
  } else {
    parent->names[name] = node;
  }
  parent->changes.push_back({name, std::move(node), ""});
}

void PowerLossDisk::Write(Node& file, uint64_t offset, std::string_view data) {
  if (file.content.size() < offset + data.size()) file.content.resize(offset + data.size());
  file.content.replace(offset, data.size(), data);
  file.unsynced.emplace_back(offset, std::string(data));
}

int PowerLossDisk::Before(const DiskCall& call) {
  if (at_moment && call.writes() && Below(call.path)) at_moment(call);
  return 0;
}

void PowerLossDisk::After(const DiskCall& call) {
  const std::optional<std::string> below = Below(call.path);
  if (!below || !call.writes()) return;
  MutexLock lock(mutex_);
  const std::shared_ptr<Node> node = Find(*below);
  switch (call.kind) {
    case Kind::kCreate:
      Name(*below, std::make_shared<Node>());
      return;
    case Kind::kMakeFolder:
      if (node != nullptr) return;
      Name(*below, std::make_shared<Node>());
      Find(*below)->folder = true;
      return;
    case Kind::kWrite:
      if (node != nullptr) Write(*node, call.offset, call.data);
      return;
    case Kind::kTruncate:
      if (node == nullptr || node->content.size() == call.offset) return;
      node->content.resize(call.offset);
      node->truncated = true;
      return;
    case Kind::kSync:
      if (node == nullptr) return;
      node->durable = node->content;
      node->unsynced.clear();
      node->truncated = false;
      return;
    case Kind::kSyncFolder:
      if (node == nullptr) return;
      node->durable_names = node->names;
      node->changes.clear();
      return;
    case Kind::kRemove:
      if (node != nullptr) Name(*below, nullptr);
      return;
    case Kind::kRename: {
      const std::shared_ptr<Node> parent = Find(FolderOf(*below) == "." ? "" : FolderOf(*below));
      const std::string old = parent == top_ ? *below : below->substr(FolderOf(*below).size() + 1);
      parent->names.erase(old);
      Name(*Below(call.to), node);
      parent->changes.back().removed = old;
      return;
    }
    default:
      return;
  }
}

std::string PowerLossDisk::FailFile(const Node& file, bool whole_sectors, std::mt19937_64& random) {
  const Kept kept = Choose(random);
  if (kept == Kept::kAll || (file.unsynced.empty() && !file.truncated)) return file.content;
  std::string left = file.durable;
  if (kept == Kept::kNothing || file.truncated) return left;
  if (kept == Kept::kFirst || !whole_sectors) {
    // Some writes, and a part of the next up to the end of a sector or to any byte beyond its end.
    const size_t writes = random() % (file.unsynced.size() + 1);
    for (size_t i = 0; i <= writes && i < file.unsynced.size(); ++i) {
      const auto& [offset, data] = file.unsynced[i];
      uint64_t bytes = data.size();
      if (i == writes) {
        bytes = random() % (bytes + 1);
        const bool overwrites = offset < file.durable.size();
        if (overwrites) bytes = bytes / kSector * kSector;
      }
      if (bytes == 0) continue;
      if (left.size() < offset + bytes) left.resize(offset + bytes);
      left.replace(offset, bytes, data.substr(0, bytes));
    }
    return left;
  }
  const double share = static_cast<double>(random() % 10 + 1) / 11;
  std::map<uint64_t, bool> sectors;
  for (const auto& [offset, data] : file.unsynced) {
    for (uint64_t at = offset / kSector; at * kSector < offset + data.size(); ++at) {
      sectors.try_emplace(at, std::bernoulli_distribution(share)(random));
    }
  }
  if (random() % 2 == 0) left.resize(std::max(left.size(), file.content.size()));
  for (const auto& [sector, there] : sectors) {
    if (!there) continue;
    const std::string part = file.content.substr(sector * kSector, kSector);
    if (left.size() < sector * kSector + part.size()) left.resize(sector * kSector + part.size());
    left.replace(sector * kSector, part.size(), part);
  }
  return left;
}

void PowerLossDisk::FailFolder(const Node& folder, const std::string& below,
                               std::mt19937_64& random, DiskState& state) {
  std::map<std::string, std::shared_ptr<Node>> names = folder.durable_names;
  const Kept kept = Choose(random);
  const size_t first = random() % (folder.changes.size() + 1);
  for (size_t i = 0; i < folder.changes.size(); ++i) {
    if (kept == Kept::kNothing || (kept == Kept::kFirst && i >= first) ||
        (kept == Kept::kAny && random() % 2 == 0)) {
      continue;
    }
    const Change& change = folder.changes[i];
    if (!change.removed.empty()) names.erase(change.removed);
    if (change.node == nullptr) {
      names.erase(change.name);
    } else {
      names[change.name] = change.node;
    }
  }
  for (const auto& [name, node] : names) {
    const std::string path = below.empty() ? name : below + "/" + name;
    if (node->folder) {
      state.folders.push_back(path);
      FailFolder(*node, path, random, state);
    } else {
      state.files[path] = FailFile(*node, !name.starts_with("MANIFEST-"), random);
    }
  }
}

DiskState PowerLossDisk::Fail(std::mt19937_64& random) const {
  DiskState state;
  MutexLock lock(mutex_);
  FailFolder(*top_, "", random, state);
  return state;
}

}  // namespace ordinate
