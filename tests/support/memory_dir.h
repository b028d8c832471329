#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "tests/support/temp_dir.h"

namespace ordinate {

/// As TempDir, in memory where the system has a place for that: syncs cost nothing there.
class MemoryDir {
 public:
  MemoryDir() {
    std::string pattern = "/dev/shm/ordinate-XXXXXX";
    if (::access("/dev/shm", W_OK) != 0) pattern = on_disk_.Sub("memory-XXXXXX");
    if (::mkdtemp(pattern.data()) == nullptr) {
      std::perror(pattern.c_str());
      std::abort();
    }
    path_ = pattern;
  }
  ~MemoryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryDir(const MemoryDir&) = delete;
  MemoryDir& operator=(const MemoryDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  const TempDir on_disk_;
  std::string path_;
};

}  // namespace ordinate
