#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ordinate::bench {

/// Runs `body` in a child process in a memory cgroup of its own, where memory that it makes
/// resident, page cache included, is limited to `limit_bytes`; 0 limits nothing. Returns the body's
/// answer. FAILED_PRECONDITION when no such cgroup can be made: that takes root and cgroup version
/// 1 or 2 with the memory controller. REQUIRES: nothing that `body` uses needs another thread of
/// this process.
absl::StatusOr<double> RunWithMemoryLimit(uint64_t limit_bytes,
                                          const std::function<absl::StatusOr<double>()>& body);

/// Takes the file's pages out of the page cache, as far as nobody has them mapped, so that who
/// reads them next is charged for them.
void DropPageCache(const std::string& path);

}  // namespace ordinate::bench
