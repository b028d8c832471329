#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace ordinate {

/// A line of /proc/PID/status such as "VmRSS": its number, in the unit it has there; 0 without it.
/// VmRSS: resident KiB, files that are mapped included. RssAnon: what no file backs. Threads.
inline uint64_t ProcessFact(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stoull(line.substr(name.size() + 1));
  }
  return 0;
}

/// Clock ticks of CPU time that the process has taken so far.
inline uint64_t ProcessTicks(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  uint64_t user = 0, system = 0;
  fields >> user >> system;
  return user + system;
}

/// The most that VmRSS and RssAnon have grown since this was made, in KiB.
class MemoryGrowth {
 public:
  explicit MemoryGrowth(pid_t pid)
      : pid_(pid), resident_before_(Resident()), anon_before_(Anon()) {}

  void Look() {
    resident_ = std::max(resident_, Resident() - resident_before_);
    anonymous_ = std::max(anonymous_, Anon() - anon_before_);
  }
  int64_t resident() const { return resident_; }
  int64_t anonymous() const { return anonymous_; }

 private:
  int64_t Resident() const { return static_cast<int64_t>(ProcessFact(pid_, "VmRSS")); }
  int64_t Anon() const { return static_cast<int64_t>(ProcessFact(pid_, "RssAnon")); }

  const pid_t pid_;
  const int64_t resident_before_, anon_before_;
  int64_t resident_ = 0, anonymous_ = 0;
};

}  // namespace ordinate
