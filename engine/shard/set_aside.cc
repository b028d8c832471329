#include "engine/shard/set_aside.h"

#include <algorithm>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/shard/rebuild_note.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/folder.h"

namespace ordinate {
namespace {

constexpr std::string_view kSegmentAside = ".vdata.damaged";
constexpr std::string_view kManifest = "index.vindex";

absl::Status MoveAside(const std::string& path) {
  RETURN_IF_ERROR(RenameFile(path, Concat(path, kAside)));
  return SyncFolder(FolderOf(path));
}

std::string Told(const std::string& path, const absl::Status& moved) {
  return moved.ok() ? Concat("; the file was set aside as ", path, kAside)
                    : Concat("; the file could not be set aside (", moved.message(), ")");
}

/// Removes the segments that were set aside before those at `paths`.
void RemoveEarlier(const std::string& directory, const std::vector<std::string>& paths) {
  const absl::StatusOr<std::vector<std::string>> names = ListFolder(directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string path = Concat(directory, "/", name);
    const auto is_it = [&path](const std::string& one) { return path == Concat(one, kAside); };
    if (!name.ends_with(kSegmentAside) || std::ranges::any_of(paths, is_it)) continue;
    RemoveName(path).IgnoreError();
  }
}

struct Aside {
  std::string told;
  bool has_no_manifest = false;  // durably: what it listed may go
};

/// Sets aside the segments at `damaged`, and the manifest.
Aside SetAside(const std::string& directory, const std::vector<std::string>& damaged) {
  Aside aside;
  bool any = false;
  for (const std::string& path : damaged) {
    const absl::Status moved = MoveAside(path);
    absl::StrAppend(&aside.told, Told(path, moved));
    any |= moved.ok();
  }
  if (any) RemoveEarlier(directory, damaged);
  const std::string manifest = Concat(directory, "/", kManifest);
  const absl::Status moved = MoveAside(manifest);
  if (damaged.empty()) aside.told = Told(manifest, moved);
  aside.has_no_manifest = moved.ok();
  return aside;
}

}  // namespace

std::string GiveUpFiles(const std::string& directory,
                        const std::vector<std::shared_ptr<const SealedSegment>>& files) {
  const bool known =
      std::ranges::any_of(files, [](const auto& file) { return file->file().FoundDamaged(); });
  std::vector<std::string> damaged, others;
  for (const auto& segment : files) {
    const bool of_use = known && !segment->file().FoundDamaged();
    (of_use ? others : damaged).push_back(segment->file().path());
  }
  const Aside aside = SetAside(directory, damaged);
  // While a manifest names them, the next start removes them.
  for (const std::string& path : others) {
    if (aside.has_no_manifest) RemoveName(path).IgnoreError();
  }
  return aside.told;
}

std::string GiveUpFolder(const std::string& directory, const std::string& damaged) {
  std::vector<std::string> paths;
  if (!damaged.empty()) paths.push_back(Concat(directory, "/", damaged));
  const Aside aside = SetAside(directory, paths);
  if (aside.has_no_manifest) RemoveLeftovers(directory, nullptr);
  return aside.told;
}

void RemoveLeftovers(const std::string& directory, const IndexManifest* manifest) {
  const absl::StatusOr<std::vector<std::string>> names = ListFolder(directory);
  if (!names.ok()) return;  // a later start removes them
  for (const std::string& name : *names) {
    bool listed = name.ends_with(kAside) || name == kRebuildNote;
    if (manifest != nullptr) {
      listed |= name == kManifest;
      for (const auto& segment : manifest->segments) listed |= segment.file == name;
      if (manifest->revisions.has_value()) listed |= manifest->revisions->file == name;
    }
    if (!listed) RemoveName(Concat(directory, "/", name)).IgnoreError();
  }
}

}  // namespace ordinate
