#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ordinate {

/// Changes and reads the names in folders. Errors by FileError. Durable once said so, else with the
/// next SyncFolder of the folder that holds the name.

/// Makes the folder and what is missing above it, durably; OK when it is there.
absl::Status MakeFolders(const std::string& path);

/// The names in a folder, sorted.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path);

/// A file or an empty folder; OK when there is none.
absl::Status RemoveName(const std::string& path);

/// A folder with all that is in it; OK when there is none. Goes on after an error, and returns the
/// first.
absl::Status RemoveFolder(const std::string& path);

absl::Status RenameFile(const std::string& from, const std::string& to);

/// Makes created, renamed and removed names in `folder` durable.
absl::Status SyncFolder(const std::string& folder);

/// The folder part of `path`: "." when it has none.
std::string FolderOf(const std::string& path);

}  // namespace ordinate
