#include "tests/bench/engine/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace ordinate::bench {
namespace {

/// The text after the first line start that reads `field`, blanks and colons left out.
std::string Field(const std::string& path, const std::string& field) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(field)) continue;
    const size_t at = line.find_first_not_of(" \t:", field.size());
    return at == std::string::npos ? "" : line.substr(at);
  }
  return "";
}

int64_t Kibibytes(const std::string& path, const std::string& field) {
  std::istringstream text(Field(path, field));
  int64_t kibibytes = 0;
  text >> kibibytes;
  return kibibytes * 1024;
}

}  // namespace

Machine DescribeMachine() {
  Machine machine;
  utsname name{};
  uname(&name);
  machine.cpu = Field("/proc/cpuinfo", "model name");
  if (machine.cpu.empty()) machine.cpu = name.machine;
  machine.cpu = absl::StrCat(machine.cpu, " (family ", Field("/proc/cpuinfo", "cpu family"),
                             ", model ", Field("/proc/cpuinfo", "model\t"), ")");
  machine.kernel = absl::StrCat(name.sysname, " ", name.release);
#ifdef __VERSION__
  machine.compiler = absl::StrCat("GCC-compatible ", __VERSION__);
#endif
  std::ifstream huge("/sys/kernel/mm/transparent_hugepage/enabled");
  std::getline(huge, machine.huge_pages);
  machine.cores = std::thread::hardware_concurrency();
  machine.memory_bytes = static_cast<uint64_t>(Kibibytes("/proc/meminfo", "MemTotal"));
  const long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
  machine.l3_bytes = l3 > 0 ? static_cast<uint64_t>(l3) : 0;
  return machine;
}

ResidentMemory ReadResidentMemory() {
  return {Kibibytes("/proc/self/status", "RssAnon"), Kibibytes("/proc/self/status", "RssFile")};
}

void WarmPageCache(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // On the stack: what the allocator keeps of a freed buffer would be missing from a measurement of
  // memory that follows.
  char buffer[1 << 16];
  while (file.read(buffer, sizeof(buffer))) {
  }
}

}  // namespace ordinate::bench
