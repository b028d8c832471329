// Compiled with -O3 -march=native, so that the loops below are limited by memory alone.
#include "tests/bench/engine/memory_floor.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace ordinate::bench {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kWordsPerLine = kLine / sizeof(uint64_t);
constexpr uint64_t kLoads = 2'000'000;
constexpr int kPasses = 5;

// Keeps the compiler from leaving out how a value is computed.
void Use(uint64_t value) { __asm__ __volatile__("" : : "r"(value) : "memory"); }

// Of the processor, so that another program's turn does not count.
double Now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The best of a few passes of body().
template <typename Body>
double BestSeconds(const Body& body) {
  double best = 1e30;
  for (int pass = 0; pass < kPasses; ++pass) {
    const double start = Now();
    body();
    best = std::min(best, Now() - start);
  }
  return best;
}

uint64_t NextPlace(uint64_t x) { return x * 6364136223846793005u + 1442695040888963407u; }

void Stream(const uint64_t* words, size_t count) {
  constexpr size_t kSums = 64;  // several registers in flight at any width
  uint64_t sums[kSums] = {};
  for (size_t i = 0; i + kSums <= count; i += kSums) {
    for (size_t j = 0; j < kSums; ++j) sums[j] += words[i + j];
  }
  for (const uint64_t sum : sums) Use(sum);
}

// The buffer holds zeros, which only the processor does not know: each place depends on the load
// before.
void Dependent(const uint64_t* words, uint64_t line_mask) {
  uint64_t x = 1;
  for (uint64_t i = 0; i < kLoads; ++i) {
    x = NextPlace(x) + words[(x >> 20 & line_mask) * kWordsPerLine];
  }
  Use(x);
}

void Independent(const uint64_t* words, uint64_t line_mask) {
  uint64_t x = 1, sum = 0;
  for (uint64_t i = 0; i < kLoads; ++i) {
    x = NextPlace(x);
    sum += words[(x >> 20 & line_mask) * kWordsPerLine];
  }
  Use(sum);
}

}  // namespace

MemoryFloor MeasureMemoryFloor(uint64_t buffer_bytes) {
  MemoryFloor floor{.buffer_bytes = buffer_bytes};
  void* memory =
      mmap(nullptr, buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return floor;
  floor.huge_pages = madvise(memory, buffer_bytes, MADV_HUGEPAGE) == 0;
  std::memset(memory, 0, buffer_bytes);
  const auto* words = static_cast<const uint64_t*>(memory);
  const uint64_t line_mask = buffer_bytes / kLine - 1;
  const double stream = BestSeconds([&] { Stream(words, buffer_bytes / sizeof(uint64_t)); });
  floor.stream_gb_per_second = static_cast<double>(buffer_bytes) / stream / 1e9;
  const double loads = static_cast<double>(kLoads);
  floor.dependent_load_nanos = BestSeconds([&] { Dependent(words, line_mask); }) * 1e9 / loads;
  floor.independent_load_nanos = BestSeconds([&] { Independent(words, line_mask); }) * 1e9 / loads;
  munmap(memory, buffer_bytes);
  return floor;
}

}  // namespace ordinate::bench
