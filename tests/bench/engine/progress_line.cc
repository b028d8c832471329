#include "tests/bench/engine/progress_line.h"

#include <cstdio>

namespace ordinate::bench {
namespace {

constexpr std::chrono::seconds kInterval{5};

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void ProgressLine::Update(uint64_t done, uint64_t total) {
  const auto now = Clock::now();
  if (now - last_ < kInterval || done == 0) return;
  last_ = now;
  const double rate = static_cast<double>(done) / Seconds(now - start_);
  std::fprintf(stderr, "%s: %llu of %llu, %.0f/s, %.0f s left\n", what_.c_str(),
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(total), rate,
               static_cast<double>(total - done) / rate);
}

void ProgressLine::Done() {
  const auto now = Clock::now();
  if (now - start_ < kInterval) return;
  std::fprintf(stderr, "%s: %.1f s\n", what_.c_str(), Seconds(now - start_));
}

}  // namespace ordinate::bench
