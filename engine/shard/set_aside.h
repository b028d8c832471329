#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/segment/sealed_segment.h"
#include "storage/vdata/index_manifest.h"

namespace ordinate {

/// What the name of a file ends with once it was set aside.
inline constexpr std::string_view kAside = ".damaged";

/// Files of an index that is of no use any more. Those that are damaged, and the manifest, are set
/// aside: renamed to `<name>.damaged`, to be looked at and never opened again, of which a folder
/// keeps the latest. Then, once no manifest names them, the others are removed. What is returned
/// says what became of those set aside: "; the file was set aside as PATH", for each.

/// Of an index that is open: its files, of which readers keep their mappings. Where none is known
/// to be damaged, all are set aside.
std::string GiveUpFiles(const std::string& directory,
                        const std::vector<std::shared_ptr<const SealedSegment>>& files);

/// Of an index that is not open: everything in its folder. `damaged`: the name of a file in it; "":
/// the manifest itself.
std::string GiveUpFolder(const std::string& directory, const std::string& damaged);

/// Removes what the manifest does not list and is not set aside; null: there is no manifest.
void RemoveLeftovers(const std::string& directory, const IndexManifest* manifest);

}  // namespace ordinate
