#include "tests/bench/engine/memory_limit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"

namespace ordinate::bench {
namespace {

bool WriteTo(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return !file.fail();
}

/// A memory cgroup that goes away with this object.
class MemoryGroup {
 public:
  static std::optional<MemoryGroup> Make(uint64_t limit_bytes) {
    for (const auto& [parent, limit_file] :
         {std::pair<std::string, std::string>("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
          std::pair<std::string, std::string>("/sys/fs/cgroup", "memory.max")}) {
      const std::string folder = absl::StrCat(parent, "/ordinate-bench-", getpid());
      std::error_code error;
      if (!std::filesystem::create_directory(folder, error)) continue;
      MemoryGroup group(folder);
      const std::string limit = folder + "/" + limit_file;
      if (!std::filesystem::exists(limit)) continue;
      if (limit_bytes == 0 || WriteTo(limit, absl::StrCat(limit_bytes))) return group;
    }
    return std::nullopt;
  }

  MemoryGroup(MemoryGroup&& other) noexcept : folder_(std::move(other.folder_)) {
    other.folder_.clear();
  }
  MemoryGroup(const MemoryGroup&) = delete;
  ~MemoryGroup() {
    if (!folder_.empty()) rmdir(folder_.c_str());
  }

  bool Enter() const { return WriteTo(folder_ + "/cgroup.procs", absl::StrCat(getpid())); }

 private:
  explicit MemoryGroup(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

// What the child writes: an answer, or 0 and the words of an error.
struct Message {
  double answer = 0;
  char error[256] = {};
};

[[noreturn]] void RunChild(const MemoryGroup& group, int out,
                           const std::function<absl::StatusOr<double>()>& body) {
  Message message;
  if (!group.Enter()) {
    std::snprintf(message.error, sizeof(message.error), "cannot enter the memory cgroup");
  } else if (const absl::StatusOr<double> answer = body(); answer.ok()) {
    message.answer = *answer;
  } else {
    std::snprintf(message.error, sizeof(message.error), "%s", answer.status().ToString().c_str());
  }
  const bool written = write(out, &message, sizeof(message)) == sizeof(message);
  _exit(written ? 0 : 1);
}

}  // namespace

absl::StatusOr<double> RunWithMemoryLimit(uint64_t limit_bytes,
                                          const std::function<absl::StatusOr<double>()>& body) {
  const std::optional<MemoryGroup> group = MemoryGroup::Make(limit_bytes);
  if (!group.has_value()) {
    return absl::FailedPreconditionError(
        "no memory cgroup can be made: it takes root, and a cgroup file system with the memory "
        "controller");
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError("cannot make a pipe");
  const pid_t child = fork();
  if (child == 0) RunChild(*group, ends[1], body);
  close(ends[1]);
  Message message;
  const bool whole = child > 0 && read(ends[0], &message, sizeof(message)) == sizeof(message);
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (!whole) return absl::ResourceExhaustedError("the child with limited memory died");
  if (message.error[0] != '\0') return absl::InternalError(message.error);
  return message.answer;
}

void DropPageCache(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

}  // namespace ordinate::bench
