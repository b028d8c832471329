#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/bench/engine/contender.h"

namespace ordinate::bench {

/// Tells on stderr how far a long step is, at most every five seconds: count, rate, time left.
/// One thread.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}

  Progress callback() {
    return [this](uint64_t done, uint64_t total) { Update(done, total); };
  }
  void Update(uint64_t done, uint64_t total);
  /// Says how long it took, when it took long enough to have been told of.
  void Done();

 private:
  using Clock = std::chrono::steady_clock;
  const std::string what_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace ordinate::bench
