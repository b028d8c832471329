#include "storage/files/folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "storage/files/disk.h"
#include "storage/files/file_error.h"

namespace ordinate {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = TheDisk().Open(folder, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return FileError(errno, "open folder", folder);
  const int error = TheDisk().Sync(fd) == 0 ? 0 : errno;
  TheDisk().Close(fd);
  return error == 0 ? absl::OkStatus() : FileError(error, "sync folder", folder);
}

absl::Status MakeFolders(const std::string& path) {
  std::string folder = path;
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  struct stat info;
  if (::stat(folder.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? absl::OkStatus() : FileError(ENOTDIR, "create folder", folder);
  }
  if (errno != ENOENT) return FileError(errno, "create folder", folder);
  const std::string parent = FolderOf(folder);
  RETURN_IF_ERROR(MakeFolders(parent));
  if (TheDisk().MakeFolder(folder) != 0 && errno != EEXIST) {
    return FileError(errno, "create folder", folder);
  }
  return SyncFolder(parent);
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  std::vector<std::string> names;
  if (TheDisk().List(path, &names) != 0) return FileError(errno, "read folder", path);
  std::ranges::sort(names);
  return names;
}

absl::Status RemoveName(const std::string& path) {
  if (TheDisk().Remove(path) == 0 || errno == ENOENT) return absl::OkStatus();
  return FileError(errno, "remove", path);
}

absl::Status RemoveFolder(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return RemoveName(path);
  absl::StatusOr<std::vector<std::string>> names = ListFolder(path);
  absl::Status first = names.status();
  if (names.ok()) {
    for (const std::string& name : *names)
      first.Update(RemoveFolder(absl::StrCat(path, "/", name)));
  }
  first.Update(RemoveName(path));
  return first;
}

absl::Status RenameFile(const std::string& from, const std::string& to) {
  if (TheDisk().Rename(from, to) == 0) return absl::OkStatus();
  return FileError(errno, absl::StrCat("rename '", from, "' to"), to);
}

}  // namespace ordinate
