#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace ordinate {

/// Moments at which crash_node can end itself. Files of ours and RocksDB's are told apart by their
/// names; a build, seal or merge by what the applier was told last.
inline constexpr std::string_view kCrashPoints[] = {"before write of the log",
                                                    "after write of the log",
                                                    "before sync of the log",
                                                    "after sync of the log",
                                                    "before write of the mark",
                                                    "after write of the mark",
                                                    "before sync of a store",
                                                    "after sync of a store",
                                                    "before sync of a segment",
                                                    "after sync of a segment",
                                                    "before sync of a manifest",
                                                    "after sync of a manifest",
                                                    "before sync of a folder",
                                                    "after sync of a folder",
                                                    "before rename of a segment",
                                                    "after rename of a segment",
                                                    "before rename of a manifest",
                                                    "after rename of a manifest",
                                                    "before rename in a store",
                                                    "after rename in a store",
                                                    "before removal of a segment",
                                                    "after removal of a segment",
                                                    "before publish",
                                                    "after publish",
                                                    "build made",
                                                    "build: segment written",
                                                    "build: manifest written",
                                                    "build: files removed",
                                                    "seal made",
                                                    "seal: segment written",
                                                    "seal: manifest written",
                                                    "seal: files removed",
                                                    "merge made",
                                                    "merge: segment written",
                                                    "merge: manifest written",
                                                    "merge: files removed"};
inline constexpr size_t kCrashPointCount = std::size(kCrashPoints);

/// How often each was reached, by all runs. Lives in a file that is mapped, so that it outlives the
/// process however that ends.
struct CrashCounts {
  std::array<std::atomic<uint64_t>, kCrashPointCount> reached;
  std::array<std::atomic<uint64_t>, kCrashPointCount> ended;  // runs that ended themselves there
};

}  // namespace ordinate
