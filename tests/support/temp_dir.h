#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "gtest/gtest.h"

namespace ordinate {

/// A fresh directory of its own under the tests' temporary directory, removed with everything in
/// it at destruction. Ends the process if the directory cannot be made.
class TempDir {
 public:
  TempDir() {
    std::string pattern = ::testing::TempDir();
    if (!pattern.ends_with('/')) pattern += '/';
    pattern += "ordinate-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      std::perror(pattern.c_str());
      std::abort();
    }
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  /// The path of `name` inside the directory.
  std::string Sub(std::string_view name) const {
    return (std::filesystem::path(path_) / name).string();
  }

 private:
  std::string path_;
};

}  // namespace ordinate
