#pragma once

#include <atomic>
#include <cerrno>

#include "tests/support/watched_disk.h"

namespace ordinate {

/// While `fails`, no segment is given its name.
class NoSegments final : public DiskWatcher {
 public:
  int Before(const DiskCall& call) override {
    const bool names = call.kind == DiskCall::Kind::kRename && call.to.ends_with(".vdata");
    return fails && names ? EIO : 0;
  }
  void After(const DiskCall&) override {}
  std::atomic<bool> fails{false};
};

}  // namespace ordinate
